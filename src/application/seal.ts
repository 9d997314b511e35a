/** Sealing of download records: the hour's lines become one piece of evidence, its count and Merkle root an event. */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../domain/values/json.ts';
import { systemCaller } from './caller.ts';
import type { Core } from './core.ts';
import { type DownloadJournal, hourOf, segmentOf } from './downloads.ts';
import { Admission, metadata } from './handle.ts';
import { INSTANCE } from './rights.ts';
import { derivedId } from './streams.ts';

const MAX_REPOSITORIES = 500;
const HOUR_MS = 3_600_000;
/** A record of the last moment of an hour may still be on its way to the journal. */
const GRACE_MS = 30_000;

/**
 * Seals every finished segment: this process's own when its hour is over, those of others an hour later, when whoever
 * wrote them has flushed or is gone. Several processes may do it at once: the event's id is the segment's. Returns how
 * many were sealed.
 */
export async function sealDownloads(core: Core, journal: DownloadJournal, node: string): Promise<number> {
  await core.downloads.flush();
  const now = core.now();
  const current = hourOf(new Date(now.getTime() - GRACE_MS));
  const before = hourOf(new Date(now.getTime() - HOUR_MS));
  let sealed = 0;
  for (const segment of await journal.segments()) {
    const hour = segment.slice(0, current.length);
    const own = segment === segmentOf(hour, node);
    if (hour >= (own ? current : before)) continue;
    const lines = [...(await journal.read(segment))].sort();
    if (lines.length > 0) await seal(core, { segment, hour, lines });
    await journal.remove(segment);
    core.downloads.sealed(segment);
    sealed++;
  }
  return sealed;
}

async function seal(
  core: Core,
  of: { segment: string; hour: string; lines: readonly string[] },
): Promise<void> {
  const { segment, hour, lines } = of;
  const evidence = await core.evidence.put(Buffer.from(lines.join('\n')));
  const from = new Date(`${hour}:00:00.000Z`);
  const counts = new Map<string, number>();
  for (const line of lines) {
    const { repository, count } = JSON.parse(line) as { repository: string; count: number };
    counts.set(repository, (counts.get(repository) ?? 0) + count);
  }
  const caller = systemCaller(core.newId());
  const request = { caller, action: 'operate' as const, at: INSTANCE, facts: {}, target: segment };
  const admission = await Admission.withoutPolicy(core, request);
  const entries = [...counts].map(([repositoryId, count]) => ({ repositoryId, count }));
  for (let part = 0; part * MAX_REPOSITORIES < Math.max(1, entries.length); part++) {
    const data = {
      segment: part === 0 ? segment : `${segment}/${part}`,
      from: from.toISOString(),
      to: new Date(from.getTime() + HOUR_MS).toISOString(),
      records: part === 0 ? lines.length : 0,
      root: merkleRoot(lines),
      evidence,
      downloads: entries.slice(part * MAX_REPOSITORIES, (part + 1) * MAX_REPOSITORIES),
    };
    // the evidence names the id: sealing the same lines again after a crash changes nothing
    const id = derivedId(`download-segment ${data.segment} ${evidence}`);
    const event = {
      id,
      type: 'DownloadSegmentSealed',
      version: 1,
      data: data as JsonObject,
      meta: metadata(core, admission),
    };
    await core.log.append(`downloads-${segment.slice(0, 4)}`, [event], { expected: 'any' });
  }
}

/** RFC 6962, section 2.1, over the lines; hex. */
export function merkleRoot(lines: readonly string[]): string {
  const sha256 = (...parts: Uint8Array[]) => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const over = (leaves: readonly Buffer[]): Buffer => {
    if (leaves.length === 0) return sha256();
    if (leaves.length === 1) return leaves[0] as Buffer;
    const split = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
    return sha256(Buffer.from([1]), over(leaves.slice(0, split)), over(leaves.slice(split)));
  };
  return over(lines.map(line => sha256(Buffer.from([0]), Buffer.from(line)))).toString('hex');
}
