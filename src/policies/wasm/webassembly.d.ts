/**
 * The part of the WebAssembly JavaScript interface that is used here: TypeScript declares it with the browser's
 * globals only. https://webassembly.github.io/spec/js-api/
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
    static imports(module: Module): { module: string; name: string; kind: string }[];
  }

  class Memory {
    constructor(descriptor: { initial: number; maximum: number });
    readonly buffer: ArrayBuffer;
  }

  class Instance {
    constructor(module: Module, imports: Record<string, ModuleImports>);
    readonly exports: object;
  }

  interface Global {
    readonly value: unknown;
  }

  type ModuleImports = Record<string, Memory | ((...args: number[]) => number | undefined)>;
}
