import { Readable } from 'node:stream';

/** Bytes in memory as a stream of one chunk. */
export function streamBytes(bytes: Uint8Array): Readable {
  return new Readable({
    read() {
      if (bytes.length > 0) this.push(bytes);
      this.push(null);
    },
  });
}
