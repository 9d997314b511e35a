/** What every event carries beside its data. */
import { z } from 'zod';

/** A recorded policy decision; its exact shape belongs to policies/. */
const decision = z.looseObject({ outcome: z.enum(['allow', 'deny']) });

export const eventMeta = z.strictObject({
  logId: z.string(),
  epoch: z.number().int(),
  /** one per request, shared by all that follows from it */
  correlationId: z.string(),
  /** id of the event or job that caused this one */
  causationId: z.string().optional(),
  /** one per command; derived from Idempotency-Key when the caller sent one */
  commandId: z.string(),
  /** pseudonymous principal id, `anonymous`, or `system` */
  actor: z.string(),
  actorKind: z.enum(['user', 'service-account', 'anonymous', 'system']),
  /** token id, or `password`; absent for anonymous and system */
  credential: z.string().optional(),
  authentication: z.enum(['password', 'token', 'bearer', 'anonymous', 'host', 'internal']),
  /** the roles that permitted it */
  roles: z.array(z.string()),
  projectId: z.string().optional(),
  repositoryId: z.string().optional(),
  /** the position the decision was made at, as far as the views knew */
  observed: z.string().optional(),
  producer: z.string(),
  /** RFC 3339, the clock of the node that handled the command; the store adds recordedAt */
  occurredAt: z.string(),
  decision: decision.optional(),
});

export type EventMeta = z.output<typeof eventMeta>;
export type ActorKind = EventMeta['actorKind'];
