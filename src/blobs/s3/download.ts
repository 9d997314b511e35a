/** A download that goes on when its connection breaks: S3 drops readers that are slow, and servers restart. */
import { Readable } from 'node:stream';
import type { ByteRange } from '../range.ts';
import type { Bucket, Found, Source } from './bucket.ts';
import { asUnavailable, damaged } from './faults.ts';

/** Connections in a row that may break without a byte. */
const MAX_FAILURES = 3;

export interface Download {
  readonly bucket: Bucket;
  /** the answer whose body begins at `range.start` */
  readonly found: Found;
  readonly range: ByteRange;
}

/** Exactly the bytes of the range, or an error: STORAGE_UNAVAILABLE. */
export function streamObject(download: Download): Readable {
  return new ObjectStream(download);
}

/** The whole object as it was seen. */
export async function* readObject(
  bucket: Bucket,
  source: Source & { readonly size: number },
): AsyncGenerator<Buffer> {
  const { key, etag, size } = source;
  const found = await bucket.get(key, { etag });
  if (found?.info.size !== size) throw damaged('a piece of the upload is not as it was');
  yield* streamObject({ bucket, found, range: { start: 0, end: size - 1 } });
}

class ObjectStream extends Readable {
  readonly #download: Download;
  #body: Readable | undefined;
  #position: number;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(download: Download) {
    super();
    this.#download = download;
    this.#position = download.range.start;
    this.#attach(download.found.body);
  }

  override _read(): void {
    this.#watch();
    this.#body?.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#body?.destroy();
    done(error);
  }

  #attach(body: Readable): void {
    this.#body = body;
    body.pause();
    body.on('data', (chunk: Buffer) => {
      if (this.#body === body) this.#take(chunk);
    });
    // whatever ends it, ends with this
    body.once('close', () => {
      if (this.#body === body) this.#broke();
    });
  }

  #take(chunk: Buffer): void {
    this.#failures = 0;
    this.#position += chunk.length;
    const { end } = this.#download.range;
    if (this.#position > end + 1) {
      this.destroy(damaged('S3 gave more than it was asked for'));
      return;
    }
    const wanted = this.push(chunk);
    if (this.#position > end) this.#finish();
    else if (wanted) this.#watch();
    else {
      clearTimeout(this.#timer);
      this.#body?.pause();
    }
  }

  /** The body is let go of, so that its connection is used again. */
  #finish(): void {
    clearTimeout(this.#timer);
    this.#body?.resume();
    this.#body = undefined;
    this.push(null);
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#body?.destroy(), this.#download.bucket.stall);
    this.#timer.unref();
  }

  #broke(): void {
    clearTimeout(this.#timer);
    this.#body = undefined;
    if (this.destroyed) return;
    this.#failures += 1;
    if (this.#failures >= MAX_FAILURES) {
      this.destroy(damaged('the connection to S3 broke again and again'));
      return;
    }
    this.#resume().catch((error: unknown) => this.destroy(asUnavailable(error)));
  }

  async #resume(): Promise<void> {
    const { bucket, found, range } = this.#download;
    const { key, etag } = found.info;
    const rest = { start: this.#position, end: range.end };
    const again = await bucket.get(key, { range: rest, etag });
    if (!again) throw damaged('the bytes went away while they were read');
    if (this.destroyed) {
      again.body.destroy();
      return;
    }
    this.#attach(again.body);
    this.#watch();
    again.body.resume();
  }
}
