import type { SetError } from './decision.ts';

/** A compiled policy set. The digest is `sha256:<hex>` of the bytes; an evaluator verifies it before use. */
export interface PolicyModule {
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** Where compiled modules come from, by digest: shipped ones from memory, others from the evidence store. */
export type ModuleSource = (digest: string) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

/**
 * Runs one module on one input. Asynchronous, so that untrusted modules can run elsewhere than in this thread.
 * The same module and input always give the same bytes; every failure is a {@link PolicyFailure}.
 */
export interface Evaluator {
  /** names everything that may influence a result besides module and input; recorded with each decision */
  readonly version: string;
  /**
   * @param input canonical JSON (RFC 8785) of an object, as UTF-8
   * @returns the value of the module's only entrypoint, as canonical JSON
   */
  evaluate(module: PolicyModule, input: Uint8Array): Promise<{ result: Uint8Array }>;
}

/** A set could not be evaluated: `code` is recorded, `message` is for the operator. */
export class PolicyFailure extends Error {
  readonly code: SetError;

  constructor(code: SetError, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PolicyFailure';
    this.code = code;
  }
}
