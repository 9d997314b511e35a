/** The published blobs: `blobs/sha256/ab/<hex>`. A key is there only with all its bytes: S3 shows no halves. */
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { isRefusal, refuse } from '../../domain/errors.ts';
import { canonicalDigest } from '../digest.ts';
import { KeyedMutex } from '../mutex.ts';
import type { BlobInfo, CommittedBlob } from '../port.ts';
import { type ByteRange, resolveRange } from '../range.ts';
import { streamBytes } from '../stream.ts';
import type { Bucket, Found, ObjectInfo } from './bucket.ts';
import { streamObject } from './download.ts';
import { damaged } from './faults.ts';

export const BLOBS = 'blobs/sha256/';
const KEY = /^blobs\/sha256\/[0-9a-f]{2}\/([0-9a-f]{64})$/;

export class Shelf {
  readonly #bucket: Bucket;
  /** Publishing and removing the same digest run one after the other; across processes the collector's lease binds. */
  readonly #locks = new KeyedMutex();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /**
   * Publishes what `write` writes under the key, and sees it there. Bytes that are there already are written again:
   * S3 has no other way to make them young, so that collection leaves them alone until something refers to them.
   * @param write gives true when nothing was there before
   */
  async publish(hex: string, size: number, write: (key: string) => Promise<boolean>): Promise<CommittedBlob> {
    return this.#locks.run(hex, async () => {
      const key = keyOf(hex);
      const created = await write(key);
      const info = await this.#bucket.head(key);
      if (info?.size !== size) throw damaged('S3 does not have what was written to it');
      return { ...describe(hex, info), created };
    });
  }

  async stat(hex: string): Promise<BlobInfo | undefined> {
    const info = await this.#bucket.head(keyOf(hex));
    return info && describe(hex, info);
  }

  async open(hex: string, range: ByteRange | undefined): Promise<Readable | undefined> {
    const found = await (range ? this.#openRange(hex, range) : this.#bucket.get(keyOf(hex)));
    if (!found) return undefined;
    const { size } = found.info;
    if (size === 0) return streamBytes(await buffer(found.body));
    return this.#stream(found, resolveRange(range, size));
  }

  async read(hex: string, max: number): Promise<Uint8Array | undefined> {
    const found = await this.#bucket.get(keyOf(hex));
    if (!found) return undefined;
    const { size } = found.info;
    if (size > max) {
      found.body.destroy();
      throw refuse('CONTENT_TOO_LARGE', { size, limit: max });
    }
    return buffer(size === 0 ? found.body : this.#stream(found, { start: 0, end: size - 1 }));
  }

  async *list(): AsyncGenerator<BlobInfo> {
    for await (const info of this.#bucket.list(BLOBS)) {
      const hex = KEY.exec(info.key)?.[1];
      if (hex) yield describe(hex, info);
    }
  }

  async remove(hex: string): Promise<boolean> {
    return this.#locks.run(hex, async () => {
      const key = keyOf(hex);
      if (!(await this.#bucket.head(key))) return false;
      await this.#bucket.remove(key);
      return true;
    });
  }

  async #openRange(hex: string, range: ByteRange): Promise<Found | undefined> {
    const { start, end } = range;
    const sane = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end;
    if (sane) {
      try {
        return await this.#bucket.get(keyOf(hex), { range });
      } catch (error) {
        if (!isRefusal(error, 'RANGE_INVALID')) throw error;
      }
    }
    // S3 does not say how large it is instead
    const info = await this.#bucket.head(keyOf(hex));
    if (info) throw refuse('RANGE_INVALID', { size: info.size });
    return undefined;
  }

  #stream(found: Found, range: ByteRange): Readable {
    return streamObject({ bucket: this.#bucket, found, range });
  }
}

function keyOf(hex: string): string {
  return `${BLOBS}${hex.slice(0, 2)}/${hex}`;
}

function describe(hex: string, { size, modifiedAt }: ObjectInfo): BlobInfo {
  return { digest: canonicalDigest(hex), size, createdAt: modifiedAt };
}
