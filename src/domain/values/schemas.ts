/** Small schemas shared by events of several aggregates. */
import { z } from 'zod';
import { canonicalDigest, digest } from './digest.ts';

export const id = z.string().min(1).max(64);
export const instant = z.string().datetime({ precision: 3 });
/** text encrypted under its author's key; see access/vault.ts */
export const sealed = z.string().max(20_000);
export const size = z.number().int().nonnegative();

export const scope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('instance') }),
  z.strictObject({ kind: z.literal('project'), id }),
  z.strictObject({ kind: z.literal('repository'), id }),
]);

/** Digests that a format's clients ask for beside the sha256, lower-case hex. */
export const fileHashes = z.strictObject({
  md5: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
  sha1: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional(),
  sha512: z
    .string()
    .regex(/^[0-9a-f]{128}$/)
    .optional(),
});

/** A file of a version: bytes under a name. `digest` is as the client named it, `canonical` is the sha256. */
export const fileEntry = z.strictObject({
  name: z.string().max(1024),
  digest,
  canonical: canonicalDigest,
  size,
  mediaType: z.string().max(255),
  hashes: fileHashes.optional(),
  /** of a sidecar (metadata taken out of it, a signature): the name of the file that it stands and falls with */
  of: z.string().max(1024).optional(),
  /** what its format found inside it and goes by later: of a Maven plugin, the prefix of its goals */
  found: z.string().max(255).optional(),
});

/** What a version's content names: blobs, child manifests, or the manifest it is about. */
export const reference = z.strictObject({
  relation: z.enum(['config', 'layer', 'child', 'subject']),
  digest,
  /** absent for a subject or child that is not here (yet) */
  canonical: canonicalDigest.optional(),
  mediaType: z.string().max(255),
  size,
});

export const holdKind = z.enum(['manual', 'policy', 'scan', 'staged']);
export type HoldKind = z.output<typeof holdKind>;
export type FileEntry = z.output<typeof fileEntry>;
export type Reference = z.output<typeof reference>;

/** Whether a version consists of what it names (its configuration, its layers); children and subjects are on their own. */
export const isPart = ({ relation }: { readonly relation: string }): boolean =>
  relation === 'config' || relation === 'layer';
