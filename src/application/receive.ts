/**
 * Bytes of a file that a client sends: hashed while they come, durable under their digest when this is done. Whoever
 * holds a ReceivedFile has shown the bytes: it may be published without a link. What is never published is collected.
 */
import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { isRefusal, refuse } from '../domain/errors.ts';
import type { RepositoryInfo } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { authorise } from './handle.ts';
import { at } from './rights.ts';

const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const;
export type FileDigests = Readonly<Record<(typeof ALGORITHMS)[number], string>>;

/** What is smaller is kept in memory until it is whole: one write instead of a staged upload, bytes. */
const SMALL = 1024 * 1024;
/** The most that is read into memory at once, bytes. */
const MAX_READ = 64 * 1024 * 1024;

export class ReceivedFile {
  readonly canonical: string;
  readonly size: number;
  /** lower-case hex */
  readonly digests: FileDigests;
  readonly #core: Core;
  /** of a small file: who looks into it needs no disk */
  readonly #bytes: Buffer | undefined;

  private constructor(core: Core, digests: FileDigests, { size, bytes }: Kept) {
    this.#core = core;
    this.#bytes = bytes;
    this.canonical = `sha256:${digests.sha256}`;
    this.digests = digests;
    this.size = size;
  }

  static isGenuine(value: ReceivedFile): boolean {
    return #core in value;
  }

  /** @throws FORBIDDEN, CONTENT_TOO_LARGE, SIZE_INVALID when the body was cut short */
  static async from(
    core: Core,
    by: { caller: Caller; repository: RepositoryInfo },
    body: Readable | Uint8Array,
    max = core.settings.maxBlobBytes,
  ): Promise<ReceivedFile> {
    const limit = Math.min(max, core.settings.maxBlobBytes);
    const place = at(by.repository);
    await authorise(core, { caller: by.caller, action: 'push', at: place, facts: {}, target: 'upload' });
    const hashes = ALGORITHMS.map(name => createHash(name));
    const kept =
      body instanceof Uint8Array
        ? await keep(core, [Buffer.from(body)], hashes)
        : await receive(core, by, { body, limit, hashes });
    const digests = Object.fromEntries(ALGORITHMS.map((name, index) => [name, hashes[index]?.digest('hex')]));
    return new ReceivedFile(core, digests as unknown as FileDigests, kept);
  }

  /** The whole file or an inclusive range of it, in memory. @throws CONTENT_TOO_LARGE beyond 64 MiB */
  async read(range: { start: number; end: number } = { start: 0, end: this.size - 1 }): Promise<Buffer> {
    if (this.size === 0 || range.end < range.start) return Buffer.alloc(0);
    if (range.end - range.start >= MAX_READ) throw refuse('CONTENT_TOO_LARGE', 'it cannot be read at once');
    const known = this.#known(range);
    if (known) return known;
    const chunks: Buffer[] = [];
    for await (const chunk of await this.open(range)) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks);
  }

  /** Streams the file or an inclusive range of it. */
  async open(range?: { start: number; end: number }): Promise<Readable> {
    const known = this.#known(range);
    if (known) return Readable.from([known], { objectMode: false });
    const stream = await this.#core.blobs.open(this.canonical, range);
    if (!stream) throw refuse('STORAGE_UNAVAILABLE', 'the bytes are not in the store');
    return stream;
  }

  #known(range = { start: 0, end: this.size - 1 }): Buffer | undefined {
    const inside = range.start >= 0 && range.start <= range.end && range.end < this.size;
    return inside ? this.#bytes?.subarray(range.start, range.end + 1) : undefined;
  }
}

interface Kept {
  readonly size: number;
  readonly bytes?: Buffer | undefined;
}

interface Arriving {
  readonly body: Readable;
  readonly limit: number;
  readonly hashes: readonly Hash[];
}

async function receive(
  core: Core,
  { caller, repository }: { caller: Caller; repository: RepositoryInfo },
  { body, limit, hashes }: Arriving,
): Promise<Kept> {
  const chunks = body.iterator({ destroyOnReturn: false });
  const first: Buffer[] = [];
  let size = 0;
  for (;;) {
    const { value, done } = await nextOf(chunks);
    if (done) return keep(core, first, hashes);
    first.push(value);
    size += value.length;
    if (size > limit) throw refuse('CONTENT_TOO_LARGE', `at most ${limit} bytes are taken here`);
    if (size > SMALL) break;
  }
  const upload = await core.blobs.openUpload({ actor: caller.id, repositoryId: repository.repositoryId });
  try {
    const source = Readable.from(hashing(first, chunks, hashes), { objectMode: false });
    const staged = await core.blobs.appendUpload(upload.id, source, { limit });
    await core.blobs.commitUpload(upload.id, `sha256:${hashes[2]?.copy().digest('hex')}`);
    return { size: staged.size };
  } catch (error) {
    await core.blobs.abortUpload(upload.id).catch(() => {});
    throw error;
  }
}

async function keep(core: Core, chunks: readonly Buffer[], hashes: readonly Hash[]): Promise<Kept> {
  const bytes = Buffer.concat(chunks);
  for (const one of hashes) one.update(bytes);
  await core.blobs.put(bytes);
  // a large file that came in one piece is not kept in memory until it is published
  return { size: bytes.length, ...(bytes.length <= SMALL ? { bytes } : {}) };
}

async function* hashing(first: readonly Buffer[], rest: AsyncIterator<unknown>, hashes: readonly Hash[]) {
  const seen = (chunk: Buffer) => {
    for (const one of hashes) one.update(chunk);
    return chunk;
  };
  for (const chunk of first) yield seen(chunk);
  for (;;) {
    const { value, done } = await nextOf(rest);
    if (done) return;
    yield seen(value);
  }
}

/** A client that hangs up is not our failure. */
async function nextOf(chunks: AsyncIterator<unknown>): Promise<{ value: Buffer; done: boolean }> {
  try {
    const { value, done = false } = await chunks.next();
    return { value: value as Buffer, done };
  } catch (error) {
    if (isRefusal(error)) throw error;
    throw refuse('SIZE_INVALID', 'the body was cut short');
  }
}
