/** Filling an empty installation from an archive, of whatever form either is. */
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { vaultEntry } from '../../access/vault.ts';
import type { Config } from '../../config.ts';
import { refuse } from '../../domain/errors.ts';
import type { RecordedEvent } from '../../eventlog/port.ts';
import type { RestorableLog } from '../../eventlog/restore.ts';
import { openStores, type Stores } from '../stores.ts';
import { nowAndThen, type Progress } from './format.ts';
import { readArchive } from './read.ts';
import { verify } from './verify.ts';

export interface RestoreReport {
  readonly logId: string;
  readonly epoch: number;
  readonly events: number;
  readonly evidence: number;
  readonly blobs: number;
  /** what events name and the archive lacked: it was missing when the backup was made */
  readonly missing: readonly string[];
}

/**
 * The archive is examined first: a damaged one changes nothing. The log comes last, all or nothing, so that a restore
 * that was cut off can be run again. The epoch is raised: whatever had run ahead of the restored head (views,
 * subscribers) notices. Views are built at the next start.
 * @throws REQUEST_INVALID for a damaged archive, STATE_CONFLICT when the log holds events already
 */
export async function restore(
  config: Config,
  file: string,
  onProgress: Progress = () => undefined,
): Promise<RestoreReport> {
  const { missing } = await verify(file);
  const stores = await openStores(config, { onBroken: () => undefined });
  try {
    const { log } = stores;
    if (!isRestorable(log))
      throw refuse('REQUEST_INVALID', 'restore into SQLite or PostgreSQL: this log cannot be filled');
    if ((await log.head()) !== log.start)
      throw refuse('STATE_CONFLICT', 'a backup is restored into an empty event log only');
    const tell = nowAndThen(onProgress);
    const counts = await restoreContent(stores, file, tell);
    return { ...(await restoreLog(log, file, tell)), ...counts, missing };
  } finally {
    await stores.close();
  }
}

const isRestorable = (log: Stores['log']): log is RestorableLog => 'restore' in log;

/** Everything that the log names. Doing it again changes nothing. */
async function restoreContent(stores: Stores, file: string, onProgress: Progress) {
  const counts = { evidence: 0, blobs: 0 };
  // what an earlier try has left of a segment goes before its first part comes
  const emptied = new Set<string>();
  await readArchive(file, {
    header: async () => undefined,
    events: async () => undefined,
    // destroyed keys stay destroyed
    async vault(lines) {
      await stores.vault.import(lines.map(line => vaultEntry.parse(JSON.parse(line))));
    },
    async evidence(bytes) {
      await stores.evidence.put(bytes);
      onProgress({ phase: 'evidence', done: ++counts.evidence });
    },
    async downloads(segment, lines) {
      if (!emptied.has(segment)) await stores.journal.remove(segment);
      emptied.add(segment);
      await Promise.all(lines.map(line => stores.journal.append(segment, line)));
    },
    async blob(stream, digest) {
      await storeBlob(stores, stream, digest);
      onProgress({ phase: 'blobs', done: ++counts.blobs });
    },
  });
  return counts;
}

async function restoreLog(log: RestorableLog, file: string, onProgress: Progress) {
  const feed = createFeed();
  let identity = { logId: '', epoch: 0 };
  let restoring: Promise<unknown> = Promise.resolve();
  let count = 0;
  const { events } = await readArchive(file, {
    logOnly: true,
    async header({ logId, epoch }) {
      identity = { logId, epoch: epoch + 1 };
      restoring = log.restore(identity, feed.batches());
      restoring.catch(() => feed.stop());
    },
    async events(batch) {
      await feed.push(batch);
      count += batch.length;
      onProgress({ phase: 'events', done: count });
    },
    vault: async () => undefined,
    evidence: async () => undefined,
    downloads: async () => undefined,
    blob: async () => undefined,
  }).catch(error => {
    feed.fail(error);
    throw error;
  });
  feed.end();
  await restoring;
  return { ...identity, events };
}

async function storeBlob({ blobs }: Stores, stream: Readable, digest: string): Promise<void> {
  const upload = await blobs.openUpload({ restore: digest });
  // the archive's stream knows nothing of Node's: a pass-through gives the store what it expects
  const body = new PassThrough();
  const sent = (async () => {
    for await (const chunk of stream) if (!body.write(chunk)) await once(body, 'drain');
    body.end();
  })();
  await Promise.all([blobs.appendUpload(upload.id, body, {}), sent]);
  await blobs.commitUpload(upload.id, digest);
}

/** Batches handed from the reader of the archive to the log that takes them in. */
function createFeed() {
  const waiting: (readonly RecordedEvent[])[] = [];
  let ended = false;
  let failure: unknown;
  let wake: () => void = () => undefined;
  let taken: () => void = () => undefined;
  const end = () => {
    ended = true;
    wake();
    taken();
  };
  return {
    async push(events: readonly RecordedEvent[]): Promise<void> {
      if (ended) return;
      waiting.push(events);
      wake();
      if (waiting.length > 4) await new Promise<void>(done => (taken = done));
    },
    end,
    stop: end,
    /** what was taken in so far is not kept */
    fail(error: unknown) {
      failure = error;
      end();
    },
    async *batches(): AsyncGenerator<readonly RecordedEvent[]> {
      for (;;) {
        if (failure) throw failure;
        const next = waiting.shift();
        if (next) {
          taken();
          yield next;
        } else if (ended) return;
        else await new Promise<void>(done => (wake = done));
      }
    },
  };
}
