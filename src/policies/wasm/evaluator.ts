import { canonicalBytes, sha256 } from '../canonical.ts';
import { type Evaluator, PolicyFailure, type PolicyModule } from '../port.ts';
import { BUILTINS, HOST_VERSION } from './builtins/index.ts';
import { instantiate, type PolicyInstance } from './instance.ts';

/** Names everything beside module and input that can change a result. */
export const EVALUATOR_VERSION = `opa-wasm/1.10.0 abi/1 host/${HOST_VERSION}`;

/** Compiled modules and idle instances kept at most; the least recently used goes first. */
const MAX_MODULES = 64;
/** An instance whose memory grew above this is not kept: memory of WebAssembly never shrinks. */
const MAX_IDLE_BYTES = 8 << 20;

interface Loaded {
  readonly module: WebAssembly.Module;
  idle: PolicyInstance | undefined;
}

/**
 * Evaluates modules in this thread: for the sets that are shipped, whose rules are known to end. Nothing here stops
 * a module that loops; modules from elsewhere need an evaluator that watches a worker.
 */
export class WasmEvaluator implements Evaluator {
  readonly version = EVALUATOR_VERSION;
  readonly #loaded = new Map<string, Loaded>();

  async evaluate(module: PolicyModule, input: Uint8Array): Promise<{ result: Uint8Array }> {
    const loaded = this.#load(module);
    const instance = loaded.idle ?? this.#instantiate(module.digest, loaded.module);
    loaded.idle = undefined; // comes back only if nothing is thrown
    const result = evaluateWith(instance, input);
    if (instance.memoryBytes <= MAX_IDLE_BYTES) loaded.idle = instance;
    return { result };
  }

  /**
   * Loads a module without evaluating it.
   *
   * @throws PolicyFailure MODULE_REFUSED, naming what the module asks for that is not allowed
   */
  check(module: PolicyModule): void {
    this.#instantiate(module.digest, this.#load(module).module);
  }

  #load({ digest, bytes }: PolicyModule): Loaded {
    const known = this.#loaded.get(digest);
    if (known) {
      this.#loaded.delete(digest);
      this.#loaded.set(digest, known);
      return known;
    }
    const loaded = { module: compile(digest, bytes), idle: undefined };
    this.#loaded.set(digest, loaded);
    const oldest = this.#loaded.keys().next().value;
    if (this.#loaded.size > MAX_MODULES && oldest) this.#loaded.delete(oldest);
    return loaded;
  }

  #instantiate(digest: string, module: WebAssembly.Module): PolicyInstance {
    try {
      return instantiate(module, BUILTINS);
    } catch (error) {
      throw failure('MODULE_REFUSED', `module ${digest}`, error);
    }
  }
}

function compile(digest: string, bytes: Uint8Array): WebAssembly.Module {
  const actual = sha256(bytes);
  if (actual !== digest)
    throw new PolicyFailure('MODULE_REFUSED', `module ${digest} has the digest ${actual}`);
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    throw failure('MODULE_REFUSED', `module ${digest}`, error);
  }
}

function evaluateWith(instance: PolicyInstance, input: Uint8Array): Uint8Array {
  try {
    return canonicalBytes(instance.evaluate(exactBuffer(input)));
  } catch (error) {
    throw failure('EVALUATION_FAILED', 'evaluation', error);
  }
}

/** The SDK takes an ArrayBuffer as input text, and nothing else: a view would be serialised as an object. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) return buffer;
  return new Uint8Array(bytes).buffer;
}

/** The SDK and the runtime throw strings, plain objects and errors. */
function failure(code: PolicyFailure['code'], what: string, error: unknown): PolicyFailure {
  if (error instanceof PolicyFailure) return error;
  const message = typeof error === 'string' ? error : (error as { message?: unknown } | null)?.message;
  return new PolicyFailure(code, `${what}: ${String(message ?? 'unknown error')}`, { cause: error });
}
