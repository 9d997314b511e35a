/** Folders and the durability of the names in them. */
import { dirname, join } from 'node:path';
import type { FileInfo, FileOps } from './file-ops.ts';

export interface Layout {
  /** `<root>/blobs/sha256` */
  readonly blobs: string;
  /** `<root>/staging` */
  readonly staging: string;
}

const SHARDS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * Makes what is missing of the layout and syncs it. All 256 shard folders are made here, so that a push never has to
 * make one, and so that a shard that is missing later means "the disk is gone", not "the blob is not there".
 */
export async function prepareLayout(fs: FileOps, root: string): Promise<Layout> {
  const layout = { blobs: join(root, 'blobs', 'sha256'), staging: join(root, 'staging') };
  await makeDurable(fs, layout.staging);
  await makeDurable(fs, layout.blobs);
  const present = new Set(await fs.list(layout.blobs));
  const missing = SHARDS.filter(shard => !present.has(shard));
  await Promise.all(missing.map(shard => fs.makeFolder(join(layout.blobs, shard))));
  // Also when nothing was missing: the process that made them may have been killed before it synced.
  await fs.syncFolder(layout.blobs);
  await fs.syncFolder(dirname(layout.blobs));
  await fs.syncFolder(root);
  // Somebody else's folder, which we may not be allowed to open; when we made the root just now it was synced above.
  await fs.syncFolder(dirname(root)).catch(() => undefined);
  return layout;
}

export function shardFolders(layout: Layout): string[] {
  return SHARDS.map(shard => join(layout.blobs, shard));
}

async function makeDurable(fs: FileOps, folder: string): Promise<void> {
  if (await fs.info(folder)) return;
  const parent = dirname(folder);
  await makeDurable(fs, parent);
  await fs.makeFolder(folder);
  await fs.syncFolder(parent);
}

/** Like `info`, but undefined only when the folder is there and the file is not in it. */
export async function infoOrAbsent(fs: FileOps, path: string): Promise<FileInfo | undefined> {
  const found = await fs.info(path);
  if (!found) await assertFolder(fs, dirname(path));
  return found;
}

export async function assertFolder(fs: FileOps, folder: string): Promise<void> {
  if (await fs.info(folder)) return;
  throw Object.assign(new Error('a folder of the blob store is missing'), {
    code: 'ENOENT',
    syscall: 'stat',
  });
}

/**
 * Syncs of one folder, shared: who asks while one runs waits for the next, which all waiters share. (The running one
 * may have begun before the name of the asker was there.)
 */
export class FolderSync {
  readonly #fs: FileOps;
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  constructor(fs: FileOps) {
    this.#fs = fs;
  }

  sync(folder: string): Promise<void> {
    const running = this.#running.get(folder);
    if (!running) return this.#start(folder);
    const waiting = this.#next.get(folder);
    if (waiting) return waiting;
    // When a sync fails, those behind it fail too: the kernel may report a lost write only once, so that a second
    // sync that succeeds proves nothing about names that the first one was to write.
    const next = running.finally(() => this.#next.delete(folder)).then(() => this.#start(folder));
    this.#next.set(folder, next);
    return next;
  }

  #start(folder: string): Promise<void> {
    const started = this.#fs.syncFolder(folder).finally(() => {
      if (this.#running.get(folder) === started) this.#running.delete(folder);
    });
    this.#running.set(folder, started);
    return started;
  }
}
