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
      needed.evidence.delete(digest);
      tell({ phase: 'evidence', done: ++counts.evidence });
    },
    downloads: async () => undefined,
    async blob(stream, digest) {
      const hash = createHash('sha256');
      for await (const chunk of stream) hash.update(chunk as Buffer);
      if (`sha256:${hash.digest('hex')}` !== digest) throw damaged(`the blob ${digest} has other content`);
      needed.blobs.delete(digest);
      tell({ phase: 'blobs', done: ++counts.blobs });
    },
  });
  return { head, events, evidence: counts.evidence, blobs: counts.blobs, missing: needed.missing() };
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
  if (event.type === 'DownloadSegmentSealed') named.push(event.data.evidence);
  return named.filter(digest => digest !== undefined);
}

function createNeeds() {
  const evidence = new Set<string>();
  /** content of each version by its stream, and the streams of those that are live */
  const content = new Map<string, readonly string[]>();
  const live = new Set<string>();
  const blobs = { present: new Set<string>(), delete: (digest: string) => void blobs.present.add(digest) };
  return {
    evidence,
    blobs,
    take(event: DomainEvent): void {
      for (const digest of evidenceOf(event)) evidence.add(digest);
      if (event.type === 'VersionPublished') {
        const parts = event.data.references.filter(isPart);
        const digests = [...event.data.files, ...parts].flatMap(({ canonical }) => canonical ?? []);
        content.set(event.stream, digests);
        live.add(event.stream);
      }
      // a deleted version may have lost its bytes to the collector: only what can be pulled must be there
      if (event.type === 'VersionDeleted') live.delete(event.stream);
      if (event.type === 'VersionRestored') live.add(event.stream);
    },
    missing(): string[] {
      const lost = [...live]
        .flatMap(stream => content.get(stream) ?? [])
        .filter(digest => !blobs.present.has(digest));
      return [
        ...[...evidence].map(digest => `evidence ${digest}`),
        ...[...new Set(lost)].map(digest => `blob ${digest}`),
      ];
    },
  };
}
