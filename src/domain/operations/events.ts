/** What the registry itself observes and does: no decider, appended by the recorder of each. */
import { z } from 'zod';
import { event } from '../kernel/event.ts';
import { ACTIONS } from '../values/actions.ts';
import { canonicalDigest } from '../values/digest.ts';
import { id, instant, size } from '../values/schemas.ts';

export const operationEvents = {
  /** Refusals of one actor by one rule at one target within one minute. Stream: `denials-<yyyy-mm-dd>`. */
  RequestsDenied: event(
    z.strictObject({
      actor: z.string(),
      action: z.enum(ACTIONS),
      /** error code, or the codes of the policy findings */
      codes: z.array(z.string()).max(50),
      /** repository id and artifact, or the scope */
      target: z.string().max(2000),
      /** start of the minute */
      minute: instant,
      count: z.number().int().positive(),
    }),
  ),
  /** An hour's downloads were sealed into evidence. Stream: `downloads-<yyyy>`. */
  DownloadSegmentSealed: event(
    z.strictObject({
      segment: z.string(),
      from: instant,
      to: instant,
      records: size,
      /** RFC 6962 Merkle root over the segment's records, hex */
      root: z.string(),
      /** digest of the segment in evidence */
      evidence: z.string(),
      downloads: z.array(z.strictObject({ repositoryId: id, count: size })),
    }),
  ),
  DownloadSegmentExpired: event(z.strictObject({ segment: z.string() })),
  /** Bytes that nothing names were removed. Stream: `collection-<yyyy>`. */
  BlobsCollected: event(
    z.strictObject({
      runId: id,
      blobs: z.array(z.strictObject({ canonical: canonicalDigest, size })).max(500),
    }),
  ),
  CollectionCompleted: event(z.strictObject({ runId: id, examined: size, removed: size, bytes: size })),
  /** A restore raised the epoch. Stream: `installation-history`. */
  LogRestored: event(z.strictObject({ fromLogId: z.string(), epoch: z.number().int(), head: z.string() })),
};
