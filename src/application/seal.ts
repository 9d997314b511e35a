/** Sealing of download records: the hour's lines become one piece of evidence, its count and Merkle root an event. */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../domain/values/json.ts';
import { systemCaller } from './caller.ts';
import type { Core } from './core.ts';
import { type DownloadJournal, segmentOf } from './downloads.ts';
import { Admission, metadata } from './handle.ts';
import { INSTANCE } from './rights.ts';
import { derivedId } from './streams.ts';

const MAX_REPOSITORIES = 500;

/** Seals every finished segment of the journal (all of them with `also` the current one). Safe to repeat. */
export async function sealDownloads(
  core: Core,
  journal: DownloadJournal,
  node: string,
  all = false,
): Promise<number> {
  await core.downloads.flush();
  const current = segmentOf(core.now());
  let sealed = 0;
  for (const segment of await journal.segments()) {
    if (!all && segment >= current) continue;
    const lines = [...(await journal.read(segment))].sort();
    if (lines.length > 0) await seal(core, { segment, node, lines });
    await journal.remove(segment);
    core.downloads.sealed(segment);
    sealed++;
  }
  return sealed;
}

async function seal(
  core: Core,
  of: { segment: string; node: string; lines: readonly string[] },
): Promise<void> {
  const { segment, node, lines } = of;
  const evidence = await core.evidence.put(Buffer.from(lines.join('\n')));
  const from = new Date(`${segment}:00:00.000Z`);
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
      segment: part === 0 ? `${segment}/${node}` : `${segment}/${node}/${part}`,
      from: from.toISOString(),
      to: new Date(from.getTime() + 3_600_000).toISOString(),
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
