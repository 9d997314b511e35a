/**
 * A memory cache over any blob store. Bytes under a digest never change, so an entry can be unneeded or removed, but
 * not stale; whether a caller may have them is decided elsewhere, before.
 */
import { refuse } from '../domain/errors.ts';
import type { BlobStore, CanonicalDigest } from './port.ts';
import { DEFAULT_READ_BYTES, resolveRange } from './range.ts';
import { streamBytes } from './stream.ts';

export interface MemoryCacheOptions {
  /** bytes of content that are kept at most */
  readonly maxBytes: number;
  /** larger blobs are never kept */
  readonly maxEntryBytes: number;
}

interface CacheUsage {
  readonly entries: number;
  readonly bytes: number;
  /** since the start */
  readonly hits: number;
  readonly misses: number;
}

export interface CachedBlobStore extends BlobStore {
  /** For metrics. */
  cacheUsage(): CacheUsage;
}

/**
 * Keeps what `read` and `open` gave of small blobs, the least recently used go first; readers of the same blob at
 * the same time share one load. `read` hands out the kept bytes themselves: callers must not write to them.
 * A removal through this store takes the entry along; one through another process leaves it until it is displaced.
 */
export function withMemoryCache(store: BlobStore, options: MemoryCacheOptions): CachedBlobStore {
  const kept = new LeastRecentlyUsed(options.maxBytes);
  const loads = new Map<string, Promise<Uint8Array | undefined>>();
  let hits = 0;
  let misses = 0;

  const lookUp = (digest: CanonicalDigest): Uint8Array | undefined => {
    const bytes = kept.get(digest);
    if (bytes) hits += 1;
    else misses += 1;
    return bytes;
  };

  /** Shared by all who ask for the same blob at the same time with the same limit. */
  const load = (digest: CanonicalDigest, limit: number): Promise<Uint8Array | undefined> => {
    const key = `${digest} ${limit}`;
    const running = loads.get(key);
    if (running) return running;
    const started = store.read(digest, limit).then(bytes => {
      // Not when the blob was removed meanwhile: then this load was struck off.
      const current = loads.get(key) === started;
      if (bytes && current && bytes.length <= options.maxEntryBytes) kept.set(digest, bytes);
      return bytes;
    });
    loads.set(key, started);
    const finish = () => {
      if (loads.get(key) === started) loads.delete(key);
    };
    started.then(finish, finish);
    return started;
  };

  const forget = (digest: CanonicalDigest): void => {
    kept.delete(digest);
    for (const key of loads.keys()) if (key.startsWith(`${digest} `)) loads.delete(key);
  };

  return {
    openUpload: owner => store.openUpload(owner),
    findUpload: id => store.findUpload(id),
    appendUpload: (id, body, limits) => store.appendUpload(id, body, limits),
    commitUpload: (id, expected) => store.commitUpload(id, expected),
    abortUpload: id => store.abortUpload(id),
    expireUploads: before => store.expireUploads(before),
    put: (bytes, expected) => store.put(bytes, expected),
    stat: digest => store.stat(digest),
    list: () => store.list(),
    claim: installation => store.claim(installation),
    check: () => store.check(),
    close: () => store.close(),
    cacheUsage: () => ({ entries: kept.size, bytes: kept.bytes, hits, misses }),

    async read(digest, max = DEFAULT_READ_BYTES) {
      const bytes = lookUp(digest) ?? (await load(digest, Math.max(max, options.maxEntryBytes)));
      if (bytes && bytes.length > max) {
        throw refuse('CONTENT_TOO_LARGE', { size: bytes.length, limit: max });
      }
      return bytes;
    },

    async open(digest, range) {
      const bytes = lookUp(digest) ?? (range ? undefined : await loadSmall(digest));
      if (!bytes) return store.open(digest, range);
      const { start, end } = resolveRange(range, bytes.length);
      return streamBytes(bytes.subarray(start, end + 1));
    },

    async remove(digest) {
      forget(digest);
      try {
        return await store.remove(digest);
      } finally {
        // Again: a load may have found the bytes just before they went.
        forget(digest);
      }
    },
  };

  async function loadSmall(digest: CanonicalDigest): Promise<Uint8Array | undefined> {
    const info = await store.stat(digest);
    return info && info.size <= options.maxEntryBytes ? load(digest, options.maxEntryBytes) : undefined;
  }
}

/** A map keeps the order of insertion: what was used last is moved to its end, what goes is at its beginning. */
class LeastRecentlyUsed {
  readonly #entries = new Map<CanonicalDigest, Uint8Array>();
  readonly #maxBytes: number;
  bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(digest: CanonicalDigest): Uint8Array | undefined {
    const bytes = this.#entries.get(digest);
    if (!bytes) return undefined;
    this.#entries.delete(digest);
    this.#entries.set(digest, bytes);
    return bytes;
  }

  set(digest: CanonicalDigest, bytes: Uint8Array): void {
    this.delete(digest);
    if (bytes.length > this.#maxBytes) return;
    this.#entries.set(digest, bytes);
    this.bytes += bytes.length;
    for (const oldest of this.#entries.keys()) {
      if (this.bytes <= this.#maxBytes) return;
      this.delete(oldest);
    }
  }

  delete(digest: CanonicalDigest): void {
    const bytes = this.#entries.get(digest);
    if (!bytes) return;
    this.#entries.delete(digest);
    this.bytes -= bytes.length;
  }
}
