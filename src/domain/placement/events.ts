/** Events of a placement: one version (for OCI: one manifest) in one repository. */
import { z } from 'zod';
import { event } from '../kernel/event.ts';
import { canonicalDigest } from '../values/digest.ts';
import type { JsonObject } from '../values/json.ts';
import { fileEntry, holdKind, id, reference, sealed } from '../values/schemas.ts';

/** Names the placement; every event repeats it so that each is sufficient by itself. */
const place = { repositoryId: id, package: z.string(), version: z.string() };
/** A version that is deleted and published again is another incarnation; tags name incarnations. */
const incarnation = id;
const fileName = z.string().max(1024);
/** digest, in evidence, of what the version says about itself (values/description.ts) */
const metadata = canonicalDigest;
/** https://github.com/package-url/purl-spec */
const purl = z.string().max(1024);

/** Where a version came from when it was not uploaded here. */
export const provenance = z.strictObject({
  promotionId: id,
  fromRepositoryId: id,
  fromIncarnation: id,
  /** principal that first published the bytes */
  publishedBy: z.string(),
});

/** Shapes that gained optional fields read what was written before as it is. */
const same = (data: JsonObject) => data;
const asBefore = { 1: same };

export const placementEvents = {
  VersionPublished: event(
    z.strictObject({
      ...place,
      incarnation,
      format: z.string().max(32),
      mediaType: z.string().max(255),
      artifactType: z.string().max(255).optional(),
      files: z.array(fileEntry).min(1),
      references: z.array(reference),
      purl: purl.optional(),
      metadata: metadata.optional(),
      provenance: provenance.optional(),
    }),
    3,
    { 1: same, 2: same },
  ),
  /** Another file of a live version, or other bytes under a name where replacing is allowed. */
  VersionFileAdded: event(
    z.strictObject({
      ...place,
      incarnation,
      /** after the files and references that the version was published with; a replaced file keeps its number */
      ordinal: z.number().int().nonnegative(),
      file: fileEntry,
      metadata: metadata.optional(),
    }),
    2,
    asBefore,
  ),
  VersionFileRemoved: event(
    z.strictObject({ ...place, incarnation, ordinal: z.number().int().nonnegative(), name: fileName }),
  ),
  VersionDeleted: event(z.strictObject({ ...place, incarnation })),
  VersionRestored: event(z.strictObject({ ...place, incarnation })),
  VersionHeld: event(
    z.strictObject({
      ...place,
      incarnation,
      holdId: id,
      kind: holdKind,
      reason: sealed,
      /** only this file (and its sidecars) */
      file: fileName.optional(),
    }),
    2,
    asBefore,
  ),
  VersionHoldLifted: event(
    z.strictObject({ ...place, incarnation, holdId: id, kind: holdKind, reason: sealed.optional() }),
  ),
  /** Its author advises against it; it stays to be had. */
  VersionDeprecated: event(z.strictObject({ ...place, incarnation, message: sealed })),
  VersionDeprecationLifted: event(z.strictObject({ ...place, incarnation })),
  /** No range or "latest" chooses it, who names it exactly still gets it (PEP 592; NuGet: unlisted). */
  VersionYanked: event(z.strictObject({ ...place, incarnation, reason: sealed })),
  VersionYankLifted: event(z.strictObject({ ...place, incarnation })),
};
export type Provenance = z.output<typeof provenance>;
