/** The published blobs: `<root>/blobs/sha256/ab/<hex>`. A file is there only after its bytes were synced. */
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { refuse } from '../../domain/errors.ts';
import { canonicalDigest } from '../digest.ts';
import { KeyedMutex } from '../mutex.ts';
import type { BlobInfo, CommittedBlob } from '../port.ts';
import { type ByteRange, resolveRange } from '../range.ts';
import { streamBytes } from '../stream.ts';
import type { FileInfo, FileOps, OpenFile } from './file-ops.ts';
import { assertFolder, FolderSync, infoOrAbsent, type Layout, shardFolders } from './folders.ts';
import { readExactly, streamFile } from './reading.ts';

/** Up to this size a blob is read at once: one trip to the disk instead of a stream. */
const SMALL_BYTES = 256 * 1024;
const LIST_PARALLEL = 16;
const HEX_NAME = /^[0-9a-f]{64}$/;

/** Bytes in staging that are synced under `path`. */
export interface SyncedFile {
  readonly path: string;
  readonly info: FileInfo;
}

export class Shelf {
  readonly #fs: FileOps;
  readonly #layout: Layout;
  readonly #folders: FolderSync;
  /**
   * Per digest, publishing and removing run one after the other. So a commit that finds the bytes there and
   * acknowledges them cannot lose them to a removal that had begun before: the removal either comes first, and the
   * commit publishes again, or comes after the acknowledgement, where it is the collector's duty (its lease, and the
   * grace period that the refreshed time gives) not to ask for it. The lock binds this process; the lease binds all.
   */
  readonly #locks = new KeyedMutex();

  constructor(fs: FileOps, layout: Layout) {
    this.#fs = fs;
    this.#layout = layout;
    this.#folders = new FolderSync(fs);
  }

  /**
   * Publishes under `hex`. `stage` is asked for the synced file only when the bytes are not there already (in full:
   * a file of another size is damaged and gets replaced). Durable when it resolves.
   */
  async publish(hex: string, size: number, stage: () => Promise<SyncedFile>): Promise<CommittedBlob> {
    return this.#locks.run(hex, async () => {
      const target = this.#pathOf(hex);
      const existing = await this.#fs.info(target);
      if (existing?.size === size) return { ...(await this.#refresh(hex, size)), created: false };
      const staged = await stage();
      await this.#fs.rename(staged.path, target);
      await this.#syncNameOrTakeBack(hex);
      return { ...describe(hex, staged.info), created: true };
    });
  }

  async stat(hex: string): Promise<BlobInfo | undefined> {
    const found = await infoOrAbsent(this.#fs, this.#pathOf(hex));
    return found && describe(hex, found);
  }

  async open(hex: string, range: ByteRange | undefined): Promise<Readable | undefined> {
    const file = await this.#openOrAbsent(hex);
    if (!file) return undefined;
    return closingOnError(file, async () => {
      const { size } = await file.info();
      const { start, end } = resolveRange(range, size);
      const length = end - start + 1;
      if (length > SMALL_BYTES) return streamFile(file, start, end);
      const bytes = await readExactly(file, start, length);
      await file.close();
      return streamBytes(bytes);
    });
  }

  async read(hex: string, max: number): Promise<Uint8Array | undefined> {
    const file = await this.#openOrAbsent(hex);
    if (!file) return undefined;
    return closingOnError(file, async () => {
      const { size } = await file.info();
      if (size > max) throw refuse('CONTENT_TOO_LARGE', { size, limit: max });
      const bytes = await readExactly(file, 0, size);
      await file.close();
      return bytes;
    });
  }

  async *list(): AsyncGenerator<BlobInfo> {
    for (const folder of shardFolders(this.#layout)) {
      const names = (await this.#fs.list(folder)).filter(name => HEX_NAME.test(name));
      for (let at = 0; at < names.length; at += LIST_PARALLEL) {
        const found = names.slice(at, at + LIST_PARALLEL).map(hex => this.stat(hex));
        for (const blob of await Promise.all(found)) if (blob) yield blob;
      }
    }
  }

  /**
   * Not synced: when the power fails the file may come back, which is harmless (nothing refers to it, the next
   * collection takes it again), while a sync for each of a million blobs is not.
   */
  async remove(hex: string): Promise<boolean> {
    return this.#locks.run(hex, async () => {
      const removed = await this.#fs.remove(this.#pathOf(hex));
      if (!removed) await assertFolder(this.#fs, this.#shardOf(hex));
      return removed;
    });
  }

  /**
   * Makes bytes that are there young again, so that collection leaves them alone until something refers to them.
   * The time is part of what is acknowledged, so it is synced (fsync: fdatasync leaves times out). The name is synced
   * too: it may be the work of a process that was killed between its rename and its sync.
   */
  async #refresh(hex: string, size: number): Promise<BlobInfo> {
    const now = Date.now();
    const file = await this.#fs.open(this.#pathOf(hex), 'update');
    try {
      await file.touch(now);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#folders.sync(this.#shardOf(hex));
    return describe(hex, { size, modifiedAt: now });
  }

  /**
   * After a failed sync the kernel forgets what it could not write, and a later sync says that all is well. A name
   * that was not proved durable must therefore go, so that the next push writes it anew.
   */
  async #syncNameOrTakeBack(hex: string): Promise<void> {
    try {
      await this.#folders.sync(this.#shardOf(hex));
    } catch (error) {
      await this.#fs.remove(this.#pathOf(hex)).catch(() => undefined);
      throw error;
    }
  }

  async #openOrAbsent(hex: string): Promise<OpenFile | undefined> {
    try {
      return await this.#fs.open(this.#pathOf(hex), 'read');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await assertFolder(this.#fs, this.#shardOf(hex));
      return undefined;
    }
  }

  #shardOf(hex: string): string {
    return join(this.#layout.blobs, hex.slice(0, 2));
  }

  #pathOf(hex: string): string {
    return join(this.#shardOf(hex), hex);
  }
}

function describe(hex: string, info: FileInfo): BlobInfo {
  return { digest: canonicalDigest(hex), size: info.size, createdAt: Math.round(info.modifiedAt) };
}

async function closingOnError<T>(file: OpenFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}
