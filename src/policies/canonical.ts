import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** Text of a JSON value in the canonical form of RFC 8785; throws for what has none (NaN, lone surrogates, cycles). */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('the value has no JSON form');
  return text;
}

/** UTF-8 bytes of {@link canonicalText}: what is hashed, kept as evidence and handed to the evaluator. */
export function canonicalBytes(value: unknown): Uint8Array {
  return utf8(canonicalText(value));
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** `sha256:<hex>` of the bytes: the form in which evidence and modules are named. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

const encoder = new TextEncoder();
