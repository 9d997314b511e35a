/** Examining an archive: whole and unchanged, and nothing that its events name is missing from it. */
import { createHash } from 'node:crypto';
import { type DomainEvent, toDomainEvent } from '../../domain/catalogue.ts';
import { isPart } from '../../domain/values/schemas.ts';
import { recordedDecisionSchema } from '../../policies/decision.ts';
import { nowAndThen, type Progress } from './format.ts';
import { damaged, readArchive } from './read.ts';

export interface VerifyReport {
  readonly head: string;
  readonly events: number;
  readonly evidence: number;
  readonly blobs: number;
  /** hours whose download records have expired by retention: their evidence need not be there */
  readonly expired: number;
  /** what events name and the archive lacks; empty: it is complete */
  readonly missing: readonly string[];
}

export async function verify(file: string, onProgress: Progress = () => undefined): Promise<VerifyReport> {
  const tell = nowAndThen(onProgress);
  const needed = createNeeds();
  const counts = { events: 0, evidence: 0, blobs: 0 };
  const revisions = new Map<string, number>();
  const { head, events } = await readArchive(file, {
    header: async () => undefined,
    async events(batch) {
      for (const recorded of batch) {
        const expected = (revisions.get(recorded.stream) ?? -1) + 1;
        if (recorded.revision !== expected) throw damaged(`${recorded.stream} has no revision ${expected}`);
        revisions.set(recorded.stream, expected);
        needed.take(toDomainEvent(recorded));
      }
      counts.events += batch.length;
      tell({ phase: 'events', done: counts.events });
    },
    vault: async () => undefined,
    async evidence(_bytes, digest) {
      needed.found.evidence(digest);
      tell({ phase: 'evidence', done: ++counts.evidence });
    },
    downloads: async () => undefined,
    async blob(stream, digest) {
      const hash = createHash('sha256');
      for await (const chunk of stream) hash.update(chunk as Buffer);
      if (`sha256:${hash.digest('hex')}` !== digest) throw damaged(`the blob ${digest} has other content`);
      needed.found.blob(digest);
      tell({ phase: 'blobs', done: ++counts.blobs });
    },
  });
  const { evidence, blobs } = counts;
  return { head, events, evidence, blobs, expired: needed.expired(), missing: needed.missing() };
}

/** Digests of all evidence that an event names. */
function evidenceOf(event: DomainEvent): string[] {
  const named: (string | undefined)[] = [];
  const decision = recordedDecisionSchema.safeParse(event.meta.decision);
  if (decision.success) {
    const { input, sets } = decision.data;
    named.push(input, ...sets.flatMap(set => [set.module, set.params, set.result]));
  }
  if (event.type === 'PolicyAttached') named.push(event.data.module);
  // what versions say of themselves: indexes are made of it
  if (event.type === 'VersionPublished' || event.type === 'VersionFileAdded') named.push(event.data.metadata);
  return named.filter(digest => digest !== undefined);
}

/** What events name, and what of it was found. */
function createNeeds() {
  const evidence = new Set<string>();
  const content = createContent();
  const downloads = createDownloads();
  const present = { evidence: new Set<string>(), blobs: new Set<string>() };
  return {
    found: {
      evidence: (digest: string) => void present.evidence.add(digest),
      blob: (digest: string) => void present.blobs.add(digest),
    },
    take(event: DomainEvent): void {
      for (const digest of evidenceOf(event)) evidence.add(digest);
      content.take(event);
      downloads.take(event);
    },
    expired: downloads.expired,
    missing: (): string[] => [
      ...[...evidence.union(downloads.needed()).difference(present.evidence)].map(
        digest => `evidence ${digest}`,
      ),
      ...[...content.needed().difference(present.blobs)].map(digest => `blob ${digest}`),
    ],
  };
}

/** The bytes of versions that can be pulled: a deleted one may have lost its own to the collector, as a removed file. */
function createContent() {
  /** by the stream of the version, digests by their number in it */
  const content = new Map<string, Map<number, string | undefined>>();
  const live = new Set<string>();
  function published({ stream, data }: Extract<DomainEvent, { type: 'VersionPublished' }>): void {
    const named = [...data.files, ...data.references.map(one => (isPart(one) ? one : undefined))];
    content.set(stream, new Map(named.map((one, ordinal) => [ordinal, one?.canonical])));
    live.add(stream);
  }
  return {
    take(event: DomainEvent): void {
      const { stream } = event;
      if (event.type === 'VersionPublished') published(event);
      if (event.type === 'VersionFileAdded')
        content.get(stream)?.set(event.data.ordinal, event.data.file.canonical);
      if (event.type === 'VersionFileRemoved') content.get(stream)?.delete(event.data.ordinal);
      if (event.type === 'VersionDeleted') live.delete(stream);
      if (event.type === 'VersionRestored') live.add(stream);
    },
    needed: () => new Set([...live].flatMap(named).filter(digest => digest !== undefined)),
  };
  function named(stream: string): (string | undefined)[] {
    return [...(content.get(stream)?.values() ?? [])];
  }
}

/** Records of downloads: those of an expired hour may be gone, or there still. */
function createDownloads() {
  const evidence = new Map<string, string>();
  let expired = 0;
  return {
    take(event: DomainEvent): void {
      if (event.type === 'DownloadSegmentSealed') evidence.set(event.data.segment, event.data.evidence);
      if (event.type === 'DownloadSegmentExpired' && evidence.delete(event.data.segment)) expired++;
    },
    expired: () => expired,
    needed: () => new Set(evidence.values()),
  };
}
