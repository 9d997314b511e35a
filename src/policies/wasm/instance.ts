import * as sdk from '@open-policy-agent/opa-wasm';
import type { Builtin } from './builtins/operands.ts';
import { parseTerm, termToJson } from './terms.ts';

/** The package exports the class through its default export only, other than its types say. */
const { LoadedPolicy } = (sdk as unknown as { default: typeof sdk }).default;

/** 64 KiB pages: most policies never grow; a module that wants more than the maximum fails instead of the process. */
const MEMORY = { initial: 32, maximum: 1024 };

/** The functions that a module may import: https://www.openpolicyagent.org/docs/wasm#imports */
const IMPORTS = [
  'memory',
  'opa_abort',
  'opa_println',
  ...[0, 1, 2, 3, 4].map(arity => `opa_builtin${arity}`),
];

/** The exports of a module that are used here: https://www.openpolicyagent.org/docs/wasm#exports */
interface Exports {
  readonly opa_wasm_abi_version: WebAssembly.Global;
  readonly opa_wasm_abi_minor_version: WebAssembly.Global;
  builtins(): number;
  opa_json_dump(address: number): number;
  opa_json_parse(address: number, length: number): number;
  opa_malloc(length: number): number;
  opa_value_dump(address: number): number;
}

/** A module that is ready to be evaluated, one input at a time. Useless after it threw once: throw it away. */
export interface PolicyInstance {
  readonly memoryBytes: number;
  /** @returns the value of the only entrypoint; throws whatever goes wrong, in any form */
  evaluate(input: ArrayBuffer): unknown;
}

/**
 * Instantiates a compiled policy over our own builtins. The SDK's loader is not used because its `sprintf` is not
 * Go's and cannot be replaced; its `LoadedPolicy` is.
 *
 * @throws Error saying what the module asks for that it must not, or what it lacks
 */
export function instantiate(
  module: WebAssembly.Module,
  builtins: ReadonlyMap<string, Builtin>,
): PolicyInstance {
  checkImports(module);
  const memory = new WebAssembly.Memory(MEMORY);
  const host = new Host(memory);
  const instance = new WebAssembly.Instance(module, { env: host.imports() });
  host.start(instance.exports as Exports, builtins);
  const policy = new LoadedPolicy(instance as never, memory, host.minorVersion);
  const entrypoints = Object.keys(policy.entrypoints as object);
  if (entrypoints.length !== 1)
    throw new Error(`the module has ${entrypoints.length} entrypoints instead of one`);
  return {
    get memoryBytes() {
      return memory.buffer.byteLength;
    },
    evaluate(input) {
      const results: unknown = policy.evaluate(input, 0);
      if (!Array.isArray(results) || results.length !== 1) throw new Error('the entrypoint is undefined');
      return (results[0] as { result: unknown }).result;
    },
  };
}

function checkImports(module: WebAssembly.Module): void {
  const refused = WebAssembly.Module.imports(module).find(
    one => one.module !== 'env' || !IMPORTS.includes(one.name),
  );
  if (refused) throw new Error(`the module imports ${refused.module}.${refused.name}, which is not allowed`);
}

/** What a module may call: its abort, and the builtins that it named when it was loaded. */
class Host {
  readonly #memory: WebAssembly.Memory;
  #exports: Exports | undefined;
  #builtins: (Builtin | undefined)[] = [];

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  imports(): WebAssembly.ModuleImports {
    const call = (id: number, _context: number, ...addresses: number[]) => this.#call(id, addresses);
    return {
      memory: this.#memory,
      opa_abort: (address: number) => {
        throw new Error(`the policy aborted: ${this.#text(address)}`);
      },
      // nothing prints: what a policy has to say is its result
      opa_println: () => undefined,
      opa_builtin0: call,
      opa_builtin1: call,
      opa_builtin2: call,
      opa_builtin3: call,
      opa_builtin4: call,
    };
  }

  /** Reads ABI version and builtins; refuses what is not in the allowed list, naming it. */
  start(exports: Exports, builtins: ReadonlyMap<string, Builtin>): void {
    this.#exports = exports;
    const abi = exports.opa_wasm_abi_version?.value;
    if (abi !== 1) throw new Error(`the module has ABI version ${abi} instead of 1`);
    if (this.minorVersion < 2)
      throw new Error(`the module has ABI version 1.${this.minorVersion}: rebuild it`);
    const wanted = JSON.parse(this.#text(exports.opa_json_dump(exports.builtins()))) as Record<
      string,
      number
    >;
    const refused = Object.keys(wanted).filter(name => !builtins.has(name));
    if (refused.length > 0)
      throw new Error(`the module asks for builtins that are not allowed: ${refused.join(', ')}`);
    for (const [name, id] of Object.entries(wanted)) this.#builtins[id] = builtins.get(name);
  }

  get minorVersion(): number {
    return Number(this.#exports?.opa_wasm_abi_minor_version?.value ?? 0);
  }

  /**
   * A builtin that throws ends the evaluation. OPA would go on with "undefined", and a rule that denies would then
   * silently not apply.
   */
  #call(id: number, addresses: number[]): number {
    const builtin = this.#builtins[id];
    const exports = this.#exports;
    if (!builtin || !exports) throw new Error(`the policy called the unknown builtin ${id}`);
    const result = builtin(
      ...addresses.map(address => parseTerm(this.#text(exports.opa_value_dump(address)))),
    );
    const bytes = encoder.encode(termToJson(result));
    const address = exports.opa_malloc(bytes.byteLength);
    new Uint8Array(this.#memory.buffer).set(bytes, address);
    const value = exports.opa_json_parse(address, bytes.byteLength);
    if (value === 0) throw new Error('the answer of a builtin could not be read by the policy');
    return value;
  }

  #text(address: number): string {
    const bytes = new Uint8Array(this.#memory.buffer);
    return decoder.decode(bytes.subarray(address, bytes.indexOf(0, address)));
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
