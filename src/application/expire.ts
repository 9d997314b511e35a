/**
 * Expiry of download records by retention. The tombstone comes before the removal: records that are gone are never
 * unexplained, and what a crash left between the two is removed by the next run, which derives it from the log again.
 * How many were downloaded stays in the log; who downloaded what goes.
 */
import type { SegmentRow } from '../projections/queries.ts';
import { systemCaller } from './caller.ts';
import type { Core } from './core.ts';
import { Admission, metadata } from './handle.ts';
import { INSTANCE } from './rights.ts';
import { derivedId } from './streams.ts';

const PAGE = 500;

export interface ExpiryReport {
  /** segments whose tombstone was written now */
  readonly expired: number;
  /** pieces of evidence of which none is left, now or before */
  readonly gone: number;
}

/**
 * Expires the segments that ended longer ago than `retentionMs`. None is removed during a backup: it waits for its turn.
 * @throws VIEWS_BEHIND, LOG_UNAVAILABLE, STORAGE_UNAVAILABLE; run again, it goes on
 */
export function expireDownloads(
  core: Core,
  { retentionMs, signal }: { retentionMs: number; signal?: AbortSignal },
): Promise<ExpiryReport> {
  return core.collection.exclusive(async () => {
    await core.views.reached(await core.log.head(), core.settings.viewWaitMs);
    const before = new Date(core.now().getTime() - retentionMs).toISOString();
    const admission = await admitted(core);
    const kept = new Set<string>();
    const gone = new Set<string>();
    let expired = 0;
    for await (const segment of segments(core)) {
      signal?.throwIfAborted();
      if (segment.expiredAt === null && segment.to >= before) {
        kept.add(segment.evidence);
        continue;
      }
      if (segment.expiredAt === null) {
        await writeTombstone(core, admission, segment);
        expired++;
      }
      gone.add(segment.evidence);
    }
    // several segments may name the same evidence: it stays until the last of them has expired
    const digests = [...gone].filter(digest => !kept.has(digest));
    for (let at = 0; at < digests.length; at += PAGE) {
      signal?.throwIfAborted();
      await core.evidence.remove(digests.slice(at, at + PAGE));
    }
    return { expired, gone: digests.length };
  });
}

function admitted(core: Core): Promise<Admission> {
  const caller = systemCaller(core.newId());
  const request = { caller, action: 'operate' as const, at: INSTANCE, facts: {}, target: 'downloads' };
  return Admission.withoutPolicy(core, request);
}

async function* segments(core: Core): AsyncGenerator<SegmentRow> {
  for (let after: string | undefined; ; ) {
    const rows = await core.queries.listDownloadSegments({ ...(after && { after }), limit: PAGE });
    yield* rows;
    after = rows.at(-1)?.segment;
    if (rows.length < PAGE || after === undefined) return;
  }
}

async function writeTombstone(core: Core, admission: Admission, row: SegmentRow): Promise<void> {
  const { segment, evidence } = row;
  const event = {
    // the same however often it is written
    id: derivedId(`download-segment-expired ${segment} ${evidence}`),
    type: 'DownloadSegmentExpired',
    version: 1,
    data: { segment },
    meta: metadata(core, admission),
  };
  await core.log.append(`downloads-${segment.slice(0, 4)}`, [event], { expected: 'any' });
}
