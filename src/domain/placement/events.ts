/** Events of a placement: one version (for OCI: one manifest) in one repository. */
import { z } from 'zod';
import { event } from '../kernel/event.ts';
import { fileEntry, holdKind, id, reference, sealed } from '../values/schemas.ts';

/** Names the placement; every event repeats it so that each is sufficient by itself. */
const place = { repositoryId: id, package: z.string(), version: z.string() };
/** A version that is deleted and published again is another incarnation; tags name incarnations. */
const incarnation = id;

/** Where a version came from when it was not uploaded here. */
export const provenance = z.strictObject({
  promotionId: id,
  fromRepositoryId: id,
  fromIncarnation: id,
  /** principal that first published the bytes */
  publishedBy: z.string(),
});

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
      provenance: provenance.optional(),
    }),
  ),
  VersionDeleted: event(z.strictObject({ ...place, incarnation })),
  VersionRestored: event(z.strictObject({ ...place, incarnation })),
  VersionHeld: event(z.strictObject({ ...place, incarnation, holdId: id, kind: holdKind, reason: sealed })),
  VersionHoldLifted: event(
    z.strictObject({ ...place, incarnation, holdId: id, kind: holdKind, reason: sealed.optional() }),
  ),
};
export type Provenance = z.output<typeof provenance>;
