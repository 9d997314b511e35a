/** Content digests as OCI writes them. https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests */
import { z } from 'zod';
import { refuse } from '../errors.ts';

const LENGTHS = { sha256: 64, sha512: 128 } as const;
export type DigestAlgorithm = keyof typeof LENGTHS;
const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$/;

/** True for a well-formed digest of a supported algorithm: sha256 or sha512, lower-case hex. */
export function isDigest(text: string): boolean {
  const colon = text.indexOf(':');
  const length = LENGTHS[text.slice(0, colon) as DigestAlgorithm];
  return (
    length !== undefined && text.length === colon + 1 + length && /^[0-9a-f]+$/.test(text.slice(colon + 1))
  );
}

/** @throws DIGEST_UNSUPPORTED for a well-formed digest of another algorithm, DIGEST_INVALID otherwise */
export function parseDigest(text: string): string {
  if (isDigest(text)) return text;
  const algorithm = text.slice(0, Math.max(0, text.indexOf(':')));
  if (GRAMMAR.test(text) && !Object.hasOwn(LENGTHS, algorithm))
    throw refuse('DIGEST_UNSUPPORTED', { digest: text.slice(0, 200) });
  throw refuse('DIGEST_INVALID', { digest: text.slice(0, 200) });
}

export const algorithmOf = (digest: string): DigestAlgorithm =>
  digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;

export const digest = z.string().refine(isDigest, 'not a sha256 or sha512 digest');
/** The digest that Strongroom names bytes by; others are aliases. */
export const canonicalDigest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
