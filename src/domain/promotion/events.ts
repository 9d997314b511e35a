/** Events of a promotion. */
import { z } from 'zod';
import { type EventsOf, event } from '../kernel/event.ts';
import { canonicalDigest } from '../values/digest.ts';
import type { JsonObject } from '../values/json.ts';
import { id, instant, sealed } from '../values/schemas.ts';

const promotionId = id;
const side = z.strictObject({ projectId: id, repositoryId: id });

/**
 * One version of the closure, in the order in which it must be placed: children and what is named come first.
 * Frozen when the promotion is asked for: a version may get more files later, and these do not come along.
 */
const item = z.strictObject({
  version: z.string(),
  incarnation: id,
  /** absent: one file, whose digest is the version's name */
  files: z
    .array(z.strictObject({ name: z.string().max(1024), canonical: canonicalDigest }))
    .min(1)
    .optional(),
  /** tags that are about another version of the closure and are found by their name only */
  sidecarTags: z.array(z.string()).min(1).optional(),
});

const requested = z.strictObject({
  promotionId,
  from: side,
  to: side,
  package: z.string(),
  version: z.string(),
  tag: z.string().optional(),
  closure: z.array(item).min(1).max(2000),
  /** sha256 of the closure's canonical form (RFC 8785): what approvals name */
  closureDigest: canonicalDigest.optional(),
  /** how many it waits for; 0: it goes on at once */
  approvals: z.number().int().min(0).max(10),
  requestedBy: id.optional(),
  /** when it ends if it was not approved by then */
  expiresAt: instant.optional(),
  /** soft denials are to be passed */
  override: z.boolean().optional(),
  reason: sealed.optional(),
});

/** Version 1 knew no approvals. Who asked is in the event's metadata. */
const beforeApprovals = (data: JsonObject): JsonObject => ({ ...data, approvals: 0 });

export const promotionEvents = {
  PromotionRequested: event(requested, 2, { 1: beforeApprovals }),
  /** one person's; `closureDigest` says what was looked at */
  PromotionApproved: event(
    z.strictObject({ promotionId, by: id, closureDigest: canonicalDigest, reason: sealed.optional() }),
  ),
  PromotionRejected: event(z.strictObject({ promotionId, by: id, reason: sealed })),
  /** by who asked for it */
  PromotionWithdrawn: event(z.strictObject({ promotionId, reason: sealed })),
  PromotionExpired: event(z.strictObject({ promotionId })),
  /** One run of the steps has the promotion to itself until then. Taken again, by the same run or the next. */
  PromotionLeaseTaken: event(z.strictObject({ promotionId, holder: id, leaseUntil: instant })),
  PromotionLeaseReleased: event(z.strictObject({ promotionId, holder: id })),
  PromotionCompleted: event(z.strictObject({ promotionId })),
  PromotionRefused: event(z.strictObject({ promotionId, code: z.string() })),
};

export type PromotionEvent = EventsOf<typeof promotionEvents>;
export type PromotionRequest = z.output<typeof requested>;
export type ClosureItem = PromotionRequest['closure'][number];
