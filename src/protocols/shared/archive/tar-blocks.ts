/** The bytes of a tar archive as a stream: inflated, counted, and cut into the pieces that somebody wants. */
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ArchiveLimits } from './limits.ts';
import { badArchive } from './paths.ts';
import { BLOCK, isZero } from './tar-headers.ts';

export const NOT_TAR = 'the archive is damaged, cut short, or of another kind';

/** An error of whoever hands on the bytes, not of the bytes. */
export class SourceError extends Error {}

type Counts = { packed: number };

/** The (inflated) bytes of an archive, as they come. @throws PACKAGE_INVALID beyond the limits, SourceError */
export function unpacked(
  source: Readable,
  { gzip, limits }: { gzip: boolean; limits: ArchiveLimits },
): AsyncGenerator<Buffer, void> {
  const counts = { packed: 0 };
  const packed = counted(source, counts);
  return limited(gzip ? inflated(packed, counts) : packed, counts, limits);
}

async function* limited(
  chunks: AsyncGenerator<Buffer>,
  counts: Counts,
  limits: ArchiveLimits,
): AsyncGenerator<Buffer, void> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limits.unpacked) throw badArchive('the archive unpacks to too much');
    if (size > limits.free && size > counts.packed * limits.ratio)
      throw badArchive(`the archive unpacks to more than ${limits.ratio} times its size`);
    yield chunk;
  }
}

async function* counted(source: Readable, counts: Counts): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source) {
      const bytes = Buffer.from(chunk as Uint8Array);
      counts.packed += bytes.length;
      yield bytes;
    }
  } catch (error) {
    throw new SourceError('the source failed', { cause: error });
  }
}

/** What comes after the end is passed over by some unpackers, and is a part of the archive to others. */
async function* inflated(chunks: AsyncGenerator<Buffer>, counts: Counts): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  let wake = () => {};
  for (const event of ['drain', 'close']) gunzip.on(event, () => wake());
  const writing = (async () => {
    for await (const chunk of chunks) {
      if (gunzip.destroyed) return;
      if (!gunzip.write(chunk))
        await new Promise<void>(resolve => {
          wake = resolve;
        });
    }
    gunzip.end();
  })().catch(error => void gunzip.destroy(error as Error));
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
    if (gunzip.bytesWritten !== counts.packed) throw badArchive('the archive goes on after its end');
  } finally {
    gunzip.destroy();
    await writing;
  }
}

/** The unpacked bytes, in the pieces that somebody wants. */
export class Blocks {
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterator<Buffer>) {
    this.#chunks = chunks;
  }

  /** The next header's block; undefined: there is nothing more. */
  async block(): Promise<Buffer | undefined> {
    if (this.#chunk.length === 0 && !(await this.#next())) return undefined;
    return this.content(BLOCK, BLOCK);
  }

  /** What follows a header; no more than its first `max` bytes are kept. */
  async content(size: number, max: number): Promise<Buffer> {
    const kept: Buffer[] = [];
    let room = max;
    let left = size;
    while (left > 0) {
      if (this.#chunk.length === 0 && !(await this.#next())) throw badArchive(NOT_TAR);
      const part = this.#chunk.subarray(0, left);
      if (room > 0) kept.push(Buffer.from(part.subarray(0, room)));
      room -= part.length;
      left -= part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return Buffer.concat(kept);
  }

  /** As `content`, with what fills its last block up. */
  async padded(size: number, max: number): Promise<Buffer> {
    const bytes = await this.content(size, max);
    await this.content((BLOCK - (size % BLOCK)) % BLOCK, 0);
    return bytes;
  }

  /** After a block of zeros some stop, some after two, some never. */
  async end(): Promise<void> {
    do {
      if (!isZero(this.#chunk)) throw badArchive('the archive goes on after its end');
    } while (await this.#next());
  }

  async #next(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done) return false;
    this.#chunk = value;
    return true;
  }
}
