import { RegoNumber, type Term } from '../terms.ts';

/** A builtin gets terms and gives a term, or throws: then the evaluation has failed, and the gate denies. */
export type Builtin = (...args: readonly Term[]) => Term;

export function text(term: Term | undefined): string {
  if (typeof term !== 'string') throw new TypeError('operand must be a string');
  return term;
}

export function integer(term: Term | undefined): bigint {
  if (!(term instanceof RegoNumber) || !/^-?\d+$/.test(term.text))
    throw new TypeError('operand must be an integer');
  return BigInt(term.text);
}

export function list(term: Term | undefined): readonly Term[] {
  if (!Array.isArray(term)) throw new TypeError('operand must be an array');
  return term;
}

export function number(value: number | bigint): RegoNumber {
  return new RegoNumber(value);
}

/** Text of bytes that must be UTF-8: Go's strings may hold any bytes, JavaScript's cannot. */
export function utf8Text(bytes: Uint8Array): string {
  return strict.decode(bytes);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
