/** Filling an empty installation from an archive, of whatever form either is. */
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { vaultEntry } from '../../access/vault.ts';
import type { Config } from '../../config.ts';
import { refuse } from '../../domain/errors.ts';
import type { RecordedEvent } from '../../eventlog/port.ts';
import type { RestorableLog } from '../../eventlog/restore.ts';
import { openStores, type Stores } from '../stores.ts';
import { type Header, nowAndThen, type Progress } from './format.ts';
import { damaged, readArchive } from './read.ts';

export interface RestoreReport {
  readonly logId: string;
  readonly epoch: number;
  readonly events: number;
  readonly evidence: number;
  readonly blobs: number;
}

/**
 * The epoch is raised: whatever had run ahead of the restored head (views, subscribers) notices. Views are built at the
 * next start. @throws STATE_CONFLICT when the log holds events already
 */
export async function restore(
  config: Config,
  file: string,
  onProgress: Progress = () => undefined,
): Promise<RestoreReport> {
  const stores = await openStores(config, { onBroken: () => undefined });
  try {
    if (!isRestorable(stores.log))
      throw refuse('REQUEST_INVALID', 'restore into SQLite or PostgreSQL: this log cannot be filled');
    return await fill(stores, stores.log, { file, onProgress: nowAndThen(onProgress) });
  } finally {
    await stores.close();
  }
}

const isRestorable = (log: Stores['log']): log is RestorableLog => 'restore' in log;

async function fill(
  stores: Stores,
  log: RestorableLog,
  { file, onProgress }: { file: string; onProgress: Progress },
) {
  const feed = createFeed();
  let identity: Header | undefined;
  let restoring: Promise<unknown> = Promise.resolve();
  const counts = { events: 0, evidence: 0, blobs: 0 };
  await readArchive(file, {
    async header(header) {
      identity = header;
      // destroyed keys stay destroyed, and an archive never overwrites a log
      restoring = log.restore({ logId: header.logId, epoch: header.epoch + 1 }, feed.batches());
      restoring.catch(() => feed.stop());
    },
    async events(events) {
      await feed.push(events);
      counts.events += events.length;
      onProgress({ phase: 'events', done: counts.events });
    },
    async eventsEnd() {
      feed.end();
      await restoring;
    },
    async vault(lines) {
      await stores.vault.import(lines.map(line => vaultEntry.parse(JSON.parse(line))));
    },
    async evidence(bytes) {
      await stores.evidence.put(bytes);
      onProgress({ phase: 'evidence', done: ++counts.evidence });
    },
    async downloads(segment, lines) {
      for (const line of lines) await stores.journal.append(segment, line);
    },
    async blob(stream, digest) {
      await storeBlob(stores, stream, digest);
      onProgress({ phase: 'blobs', done: ++counts.blobs });
    },
  });
  feed.end();
  await restoring;
  if (!identity) throw damaged('it is empty');
  return { logId: identity.logId, epoch: identity.epoch + 1, ...counts };
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
    async *batches(): AsyncGenerator<readonly RecordedEvent[]> {
      for (;;) {
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
