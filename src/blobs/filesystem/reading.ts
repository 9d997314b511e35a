/** A range of a file as a stream that fails loudly: a file that ends too early is an error, never a short body. */
import { Readable } from 'node:stream';
import { asUnavailable, damaged } from './faults.ts';
import type { OpenFile } from './file-ops.ts';

/** Measured: blocks of 64 KiB, which Node takes by default, give less than half the throughput; larger ones no more. */
const BLOCK_BYTES = 256 * 1024;
/** Read ahead while the blocks before are being sent. */
const AHEAD_BYTES = 2 * BLOCK_BYTES;
/**
 * Blocks that were given back, to be read into again: memory fresh from the kernel costs as much as reading does, and
 * collecting it more. Shared by all streams.
 */
const spare: Buffer[] = [];
const MAX_SPARE = 32;

/** Bytes of a file, in blocks. Whoever has done with a block may give it back; nobody has to. */
class FileStream extends Readable {
  readonly #file: OpenFile;
  readonly #end: number;
  #position: number;
  #reading: Promise<void> = Promise.resolve();
  /** memory of blocks that were handed out: only they are taken back, and once */
  readonly #lent = new WeakSet<ArrayBufferLike>();

  constructor(file: OpenFile, start: number, end: number) {
    super({ highWaterMark: AHEAD_BYTES });
    this.#file = file;
    this.#position = start;
    this.#end = end;
  }

  /** Takes back a block that this stream gave and that nobody looks at any more, not even the kernel. */
  release(block: Uint8Array): void {
    if (!this.#lent.delete(block.buffer) || spare.length >= MAX_SPARE) return;
    spare.push(Buffer.from(block.buffer, 0, BLOCK_BYTES));
  }

  override _read(): void {
    this.#reading = this.#pushNext().catch(
      (error: unknown) => void this.destroy(asUnavailable(error) as Error),
    );
  }

  /** Not before the read that runs: it would go on with a descriptor that may be another file by then. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const done = () => callback(error);
    this.#reading.then(() => this.#file.close()).then(done, done);
  }

  async #pushNext(): Promise<void> {
    const length = Math.min(BLOCK_BYTES, this.#end - this.#position + 1);
    if (length <= 0) {
      this.push(null);
      return;
    }
    const memory = spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    const block = memory.subarray(0, length);
    await fill(this.#file, this.#position, block);
    this.#position += length;
    this.#lent.add(memory.buffer);
    this.push(block);
  }
}

/** Bytes `start` to `end` (inclusive). Owns the file and closes it. */
export function streamFile(file: OpenFile, start: number, end: number): Readable {
  return new FileStream(file, start, end);
}

export async function readExactly(file: OpenFile, position: number, length: number): Promise<Buffer> {
  // Not from the pool: the block may live long (cache, socket) and would keep a whole pool slab alive.
  const block = Buffer.allocUnsafeSlow(length);
  await fill(file, position, block);
  return block;
}

async function fill(file: OpenFile, position: number, block: Uint8Array): Promise<void> {
  const read = block.length === 0 ? 0 : await file.read(block, position);
  if (read < block.length) throw damaged('a blob is shorter on disk than it was');
}
