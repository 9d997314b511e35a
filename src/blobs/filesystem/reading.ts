/** A range of a file as a stream that fails loudly: a file that ends too early is an error, never a short body. */
import { Readable } from 'node:stream';
import { asUnavailable, damaged } from './faults.ts';
import type { OpenFile } from './file-ops.ts';

/** Measured: 1 MiB reads give almost three times the throughput of the 64 KiB that Node takes by default. */
const STREAM_BLOCK_BYTES = 1024 * 1024;

/** Bytes `start` to `end` (inclusive), in blocks of 1 MiB. Owns the file and closes it. */
export function streamFile(file: OpenFile, start: number, end: number): Readable {
  let position = start;
  let reading: Promise<void> = Promise.resolve();
  const pushNext = async (stream: Readable): Promise<void> => {
    if (position > end) {
      stream.push(null);
      return;
    }
    const block = await readExactly(file, position, Math.min(STREAM_BLOCK_BYTES, end - position + 1));
    position += block.length;
    stream.push(block);
  };
  return new Readable({
    highWaterMark: STREAM_BLOCK_BYTES,
    read() {
      reading = pushNext(this).catch((error: unknown) => void this.destroy(asUnavailable(error) as Error));
    },
    // Not before the read that runs: it would go on with a descriptor that may be another file by then.
    destroy(error, callback) {
      const done = () => callback(error);
      reading.then(() => file.close()).then(done, done);
    },
  });
}

export async function readExactly(file: OpenFile, position: number, length: number): Promise<Buffer> {
  // Not from the pool: the block may live long (cache, socket) and would keep a whole pool slab alive.
  const block = Buffer.allocUnsafeSlow(length);
  const read = length === 0 ? 0 : await file.read(block, position);
  if (read < length) throw damaged('a blob is shorter on disk than it was');
  return block;
}
