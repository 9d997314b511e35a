/** Opens the adapters that the configuration names. What is not used is not even loaded. */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createPersonKeys, type PersonKeys } from '../access/sealing.ts';
import type { Vault } from '../access/vault.ts';
import { createLocalFence, type Fence } from '../application/fence.ts';
import { type CachedBlobStore, withMemoryCache } from '../blobs/cache.ts';
import { openFilesystemBlobs } from '../blobs/filesystem.ts';
import type { BlobStore } from '../blobs/port.ts';
import type { Config } from '../config.ts';
import { refuse } from '../domain/errors.ts';
import type { EventLog } from '../eventlog/port.ts';
import { type FileJournal, openFileJournal } from '../evidence/journal.ts';
import type { EvidenceStore } from '../evidence/port.ts';
import { openFileSnapshots } from '../snapshots/files.ts';
import type { SnapshotStore } from '../snapshots/port.ts';

export interface Stores {
  readonly log: EventLog;
  readonly evidence: EvidenceStore;
  readonly vault: Vault;
  readonly keys: PersonKeys;
  readonly blobs: CachedBlobStore;
  readonly journal: FileJournal;
  readonly snapshots: SnapshotStore;
  readonly fence: Fence;
  /** shared by backups, held alone by a collection: neither runs during the other */
  readonly collection: Fence;
  /** Closes all of them, in order; the log last. */
  close(): Promise<void>;
}

export interface StoreEvents {
  /** The log can no longer be used: the process had better end. */
  readonly onBroken: (error: Error) => void;
}

const MAX_CACHED_BLOB = 256 * 1024;

export async function openStores(config: Config, events: StoreEvents): Promise<Stores> {
  await mkdir(config.data, { recursive: true });
  await chmod(config.data, 0o700).catch(() => undefined);
  const records = await openRecords(config, events);
  const bytes = await openBlobs(config).catch(async error => {
    await records.close();
    throw error;
  });
  const blobs = withMemoryCache(bytes, { maxBytes: config.memoryCacheBytes, maxEntryBytes: MAX_CACHED_BLOB });
  const journal = await openFileJournal(join(config.data, 'downloads'));
  const snapshots = await openFileSnapshots(join(config.data, 'snapshots'));
  return {
    ...records,
    blobs,
    journal,
    snapshots,
    async close() {
      await journal.close();
      await blobs.close();
      await records.close();
    },
  };
}

/**
 * The bytes must be those of this log: collection would remove everything else.
 * @throws STATE_CONFLICT when they belong to another installation
 */
export async function claimBlobs({ blobs, log }: Stores, { blobsUrl, data }: Config): Promise<void> {
  const owner = await blobs.claim(log.logId);
  if (owner === log.logId) return;
  const place = blobsUrl === 'filesystem' ? `the folder ${data}` : 'this bucket and prefix';
  throw refuse(
    'STATE_CONFLICT',
    `${place} holds the artifacts of another installation (its event log is ${owner}, this one is ${log.logId}): ` +
      'use another place, or that event log. If that installation is gone for good and nothing of it is needed, ' +
      'remove what is there',
  );
}

async function openBlobs({ blobsUrl: url, data }: Config): Promise<BlobStore> {
  if (url === 'filesystem') return openFilesystemBlobs({ root: data });
  const { openS3Blobs } = await import('../blobs/s3.ts');
  return openS3Blobs({ url });
}

type Records = Omit<Stores, 'blobs' | 'journal' | 'snapshots'>;

/** Log, evidence and vault: in one SQLite file each, or in PostgreSQL; the log may be KurrentDB's. */
async function openRecords(config: Config, events: StoreEvents): Promise<Records> {
  if (config.eventLogUrl.startsWith('postgres')) return openPostgres(config.eventLogUrl);
  if (/^(esdb|kurrentdb)/.test(config.eventLogUrl)) return openKurrent(config);
  return openEmbedded(config, events);
}

async function openEmbedded(config: Config, events: StoreEvents): Promise<Records> {
  const { openSqliteLog } = await import('../eventlog/sqlite/log.ts');
  const { createSqliteEvidence } = await import('../evidence/sqlite.ts');
  const { openSqliteVault } = await import('../access/vault/sqlite.ts');
  const log = await openSqliteLog({ path: join(config.data, 'log.db'), onBroken: events.onBroken });
  const vault = openSqliteVault(join(config.data, 'vault.db'));
  const keys = createPersonKeys(vault);
  const close = async () => {
    await vault.close();
    await log.close();
  };
  return {
    log,
    evidence: createSqliteEvidence(log, keys),
    vault,
    keys,
    fence: createLocalFence(),
    collection: createLocalFence(),
    close,
  };
}

async function openPostgres(url: string, log?: EventLog): Promise<Records> {
  const { openPostgresLog } = await import('../eventlog/postgres/log.ts');
  const { openPostgresEvidence } = await import('../evidence/postgres.ts');
  const { openPostgresVault } = await import('../access/vault/postgres.ts');
  const { openPostgresFence } = await import('../sql/fence.ts');
  const events = log ?? (await openPostgresLog({ url }));
  const vault = await openPostgresVault({ url });
  const keys = createPersonKeys(vault);
  const evidence = await openPostgresEvidence({ url }, keys);
  const fence = await openPostgresFence(url);
  const collection = await openPostgresFence(url, { lock: 'collection' });
  const close = async () => {
    await fence.close();
    await collection.close();
    await evidence.close();
    await vault.close();
    await events.close();
  };
  return { log: events, evidence, vault, keys, fence, collection, close };
}

async function openKurrent(config: Config): Promise<Records> {
  const { openKurrentLog } = await import('../eventlog/kurrentdb/log.ts');
  if (!config.viewsUrl.startsWith('postgres'))
    throw new Error(
      'with KurrentDB as the log, STRONGROOM_VIEWS_URL names a PostgreSQL for views, evidence and the vault',
    );
  return openPostgres(config.viewsUrl, await openKurrentLog({ url: config.eventLogUrl }));
}
