/**
 * Strict reading of digests and upload ids. What passes here is safe as a file name; nothing else ever becomes one.
 * Grammar: https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests
 */
import { randomUUID } from 'node:crypto';
import { refuse } from '../domain/errors.ts';
import type { CanonicalDigest } from './port.ts';

export type Algorithm = 'sha256' | 'sha512';

export interface ExpectedDigest {
  readonly algorithm: Algorithm;
  /** lower-case */
  readonly hex: string;
}

const HEX_LENGTH: Readonly<Record<Algorithm, number>> = { sha256: 64, sha512: 128 };
const GRAMMAR = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/;
const LOWER_HEX = /^[0-9a-f]+$/;
const UPLOAD_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The digest that a client says its bytes have. DIGEST_INVALID when malformed, DIGEST_UNSUPPORTED for other algorithms. */
export function parseExpected(text: string): ExpectedDigest {
  const [, algorithm, hex] = GRAMMAR.exec(text) ?? [];
  if (!algorithm || !hex) throw refuse('DIGEST_INVALID', 'a digest looks like sha256:<64 hex characters>');
  if (algorithm !== 'sha256' && algorithm !== 'sha512') throw refuse('DIGEST_UNSUPPORTED', { algorithm });
  if (hex.length !== HEX_LENGTH[algorithm] || !LOWER_HEX.test(hex)) {
    throw refuse(
      'DIGEST_INVALID',
      `a ${algorithm} digest has ${HEX_LENGTH[algorithm]} lower-case hex characters`,
    );
  }
  return { algorithm, hex };
}

/** The hex part of a canonical digest, else DIGEST_INVALID. */
export function canonicalHex(digest: CanonicalDigest): string {
  const { algorithm, hex } = parseExpected(digest);
  if (algorithm !== 'sha256') throw refuse('DIGEST_INVALID', 'blobs are addressed by their sha256 digest');
  return hex;
}

export function canonicalDigest(hex: string): CanonicalDigest {
  return `sha256:${hex}`;
}

/** The refusal of bytes that are not what the caller said. */
export function digestMismatch(expected: string, actual: string) {
  return refuse('DIGEST_INVALID', { reason: 'the content has another digest', expected, actual });
}

export function newUploadId(): string {
  return randomUUID();
}

/** True only for ids of the shape that newUploadId makes. */
export function isUploadId(text: string): boolean {
  return UPLOAD_ID.test(text);
}
