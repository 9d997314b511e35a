/** Content that arrives in one piece: no upload, one file, the fewest steps that are durable. */
import { join } from 'node:path';
import { newUploadId } from '../digest.ts';
import type { CommittedBlob } from '../port.ts';
import type { Claims } from './claims.ts';
import type { FileOps } from './file-ops.ts';
import { assertFolder, type Layout } from './folders.ts';
import type { Shelf, SyncedFile } from './shelf.ts';

export class SmallBlobs {
  readonly #fs: FileOps;
  readonly #layout: Layout;
  readonly #shelf: Shelf;
  readonly #claims: Claims;

  constructor(fs: FileOps, layout: Layout, shelf: Shelf, claims: Claims) {
    this.#fs = fs;
    this.#layout = layout;
    this.#shelf = shelf;
    this.#claims = claims;
  }

  /** Publishes bytes, in pieces, whose sha256 is known to be `hex`. */
  async put(chunks: readonly Uint8Array[], hex: string): Promise<CommittedBlob> {
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return this.#withTemporary('put', path =>
      this.#shelf.publish(hex, size, () => writeSynced(this.#fs, path, chunks)),
    );
  }

  /** Proves that the folders are there and that bytes can be written and synced. */
  async probe(): Promise<void> {
    await assertFolder(this.#fs, this.#layout.blobs);
    await this.#withTemporary('probe', async path => {
      await writeSynced(this.#fs, path, [Buffer.from('probe')]);
      await this.#fs.remove(path);
    });
  }

  /** A failure takes its temporary file along; what a crash leaves is taken by expiry. */
  async #withTemporary<T>(suffix: string, work: (path: string) => Promise<T>): Promise<T> {
    const id = newUploadId();
    const path = join(this.#layout.staging, `${id}.${suffix}`);
    return this.#claims.hold(id, async () => {
      try {
        return await work(path);
      } catch (error) {
        await this.#fs.remove(path).catch(() => undefined);
        throw error;
      }
    });
  }
}

/** fdatasync is enough for a new file: its length is part of the data, and the inode is written with it. */
async function writeSynced(fs: FileOps, path: string, chunks: readonly Uint8Array[]): Promise<SyncedFile> {
  const file = await fs.open(path, 'create');
  try {
    await file.write(chunks, 0);
    await file.syncData();
    return { path, info: await file.info() };
  } finally {
    await file.close();
  }
}
