/** Pure: checksums in headers, as other registries call them and as RFC 9530 does. */
import type { FileEntry } from '../../domain/values/schemas.ts';
import { type Headers, headerOf } from '../shared/headers.ts';

export const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Lower-case hex; what was uploaded long ago may lack some. */
export type Hashes = { readonly [algorithm in Algorithm]?: string | undefined };

export const hashesOf = ({ canonical, hashes }: Pick<FileEntry, 'canonical' | 'hashes'>): Hashes => ({
  ...hashes,
  sha256: canonical.slice('sha256:'.length),
});

/** `X-Checksum-…` and `Repr-Digest` of a download. */
export function checksumHeaders(hashes: Hashes): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of ALGORITHMS) {
    const value = hashes[name];
    if (value !== undefined) headers[`x-checksum-${name}`] = value;
  }
  const sha256 = Buffer.from(hashes.sha256 ?? '', 'hex').toString('base64');
  return { ...headers, 'repr-digest': `sha-256=:${sha256}:` };
}

/** What a client says of the bytes it sends. `value` in lower-case hex; text that is no hash equals none. */
export interface Said {
  readonly algorithm: Algorithm;
  readonly value: string;
}

/** One `sha-256=…` of a list: between colons (RFC 9530), or bare (RFC 3230). */
const MEMBER = /(?:^|,)\s*(sha-256|sha-512)\s*=\s*([^,]*)/gi;
const MAX_HEADER = 2048;

/** Everything that an upload's headers say of its bytes; algorithms that are not known are passed over. */
export function saidOf(headers: Headers): readonly Said[] {
  const said = ALGORITHMS.map(algorithm => ({
    algorithm,
    value: headerOf(headers, `x-checksum-${algorithm}`)?.trim().toLowerCase(),
  }));
  const md5 = headerOf(headers, 'content-md5');
  const lists = ['content-digest', 'repr-digest', 'digest'].flatMap(name =>
    membersOf(headerOf(headers, name)),
  );
  return [...said, { algorithm: 'md5' as const, value: md5 && hexOf(md5) }, ...lists].filter(isSaid);
}

const isSaid = (one: { algorithm: Algorithm; value: string | undefined }): one is Said =>
  one.value !== undefined;

const membersOf = (list = ''): readonly Said[] =>
  [...list.slice(0, MAX_HEADER).matchAll(MEMBER)].map(([, name = '', value = '']) => ({
    algorithm: name.toLowerCase() === 'sha-256' ? 'sha256' : 'sha512',
    value: hexOf(value),
  }));

const hexOf = (value: string) =>
  Buffer.from(value.trim().replace(/^:(.*):$/, '$1'), 'base64').toString('hex');
