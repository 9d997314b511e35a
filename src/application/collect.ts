/**
 * Collection of bytes that nothing names: online, in small batches, each under the exclusive fence and after the views
 * reached a head that was read under it. The event comes before the removal: bytes that are gone are never unexplained.
 */
import { refuse } from '../domain/errors.ts';
import { link, linkStream } from '../domain/link/link.ts';
import type { JsonObject } from '../domain/values/json.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { Admission, execute, metadata } from './handle.ts';
import { INSTANCE } from './rights.ts';
import { derivedId } from './streams.ts';

export interface CollectionReport {
  readonly runId: string;
  readonly examined: number;
  readonly removed: number;
  /** bytes */
  readonly bytes: number;
  readonly dryRun: boolean;
}

export interface CollectionOptions {
  readonly dryRun?: boolean | undefined;
  readonly onProgress?: ((so: { examined: number; removed: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

const BATCH = 200;

/** One collection at a time, and none during a backup: it waits for its turn. */
export function collect(
  core: Core,
  caller: Caller,
  options: CollectionOptions = {},
): Promise<CollectionReport> {
  return options.dryRun
    ? run(core, caller, options)
    : core.collection.exclusive(() => run(core, caller, options));
}

async function run(core: Core, caller: Caller, options: CollectionOptions): Promise<CollectionReport> {
  const request = { caller, action: 'operate' as const, at: INSTANCE, facts: {}, target: 'collection' };
  const admission = await Admission.withoutPolicy(core, request);
  const so = { runId: core.newId(), examined: 0, removed: 0, bytes: 0 };
  const youngest = core.now().getTime() - core.settings.leaseMs;
  let batch: Blob[] = [];
  const work = async () => {
    const removed = await collectBatch(core, admission, {
      runId: so.runId,
      batch,
      dryRun: options.dryRun ?? false,
    });
    so.removed += removed.length;
    so.bytes += removed.reduce((sum, { size }) => sum + size, 0);
    options.onProgress?.(so);
    batch = [];
  };
  for await (const blob of core.blobs.list()) {
    if (options.signal?.aborted) break;
    so.examined++;
    // bytes younger than a lease may belong to an upload that is about to be linked
    if (blob.createdAt > youngest) continue;
    batch.push({ digest: blob.digest, size: blob.size });
    if (batch.length >= BATCH) await work();
  }
  if (batch.length > 0) await work();
  if (!options.dryRun) await append(core, admission, 'CollectionCompleted', { ...so });
  return { ...so, dryRun: options.dryRun ?? false };
}

async function collectBatch(
  core: Core,
  admission: Admission,
  { runId, batch, dryRun }: { runId: string; batch: readonly Blob[]; dryRun: boolean },
): Promise<readonly Blob[]> {
  const idle = await unreferenced(core, batch);
  if (idle.length === 0 || dryRun) return idle;
  return core.fence.exclusive(async () => {
    await core.views.reached(await core.log.head(), core.settings.viewWaitMs);
    const doomed = await unreferenced(core, idle);
    if (doomed.length === 0) return [];
    const blobs = doomed.map(({ digest, size }) => ({ canonical: digest, size }));
    await append(core, admission, 'BlobsCollected', { runId, blobs });
    for (const { digest } of doomed) {
      for (const repositoryId of await core.queries.linkedIn(digest)) {
        const command = {
          kind: 'UnlinkBlob' as const,
          repositoryId,
          canonical: digest,
          cause: 'collection' as const,
        };
        await execute(core, admission, {
          aggregate: link,
          stream: linkStream(repositoryId, digest),
          command,
        });
      }
      await core.blobs.remove(digest);
    }
    return doomed;
  });
}

async function unreferenced(core: Core, blobs: readonly Blob[]): Promise<readonly Blob[]> {
  if (core.views.rebuilding())
    throw refuse('VIEWS_BEHIND', 'nothing is collected while the views are being rebuilt');
  const now = core.now();
  const named = await core.queries.referenced(
    blobs.map(({ digest }) => digest),
    {
      now: now.toISOString(),
      deletedAfter: new Date(now.getTime() - core.settings.restoreWindowMs).toISOString(),
    },
  );
  return blobs.filter(({ digest }) => !named.has(digest));
}

async function append(core: Core, admission: Admission, type: string, data: JsonObject): Promise<void> {
  const id = derivedId(`${core.newId()}\n${type}`);
  const stream = `collection-${core.now().getUTCFullYear()}`;
  await core.log.append(stream, [{ id, type, version: 1, data, meta: metadata(core, admission) }], {
    expected: 'any',
  });
}
