/** Ids and digests that domain tests share. */
import { createHash } from 'node:crypto';

export const sha256 = (seed: string) => `sha256:${createHash('sha256').update(seed).digest('hex')}`;
export const sha512 = (seed: string) => `sha512:${createHash('sha512').update(seed).digest('hex')}`;

export const REPOSITORY = 'repo-1';
export const INSTANCE = { kind: 'instance' } as const;
export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Keys that every object inherits: valid as names or ids, and in no collection until somebody puts them there. */
export const INHERITED = ['constructor', 'toString', '__proto__'] as const;
