import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { type MemoryCacheOptions, withMemoryCache } from '../../src/blobs/cache.ts';
import { memoryBlobs } from '../../src/blobs/memory.ts';
import type { BlobStore } from '../../src/blobs/port.ts';
import { blobContract, sha256, text } from '../contracts/blobs.ts';

const ROOMY = { maxBytes: 1000, maxEntryBytes: 100 };

blobContract('memory behind a cache', async () => {
  const store = withMemoryCache(memoryBlobs(), { maxBytes: 2_000_000, maxEntryBytes: 1_000_000 });
  return { store, reopen: async () => store, dispose: () => store.close() };
});

/** A cache over a store that counts what it is asked, and can be made to wait. */
function counting(options: MemoryCacheOptions) {
  const inner = memoryBlobs();
  const asked: string[] = [];
  let gate: Promise<void> | undefined;
  const store: BlobStore = {
    ...inner,
    async read(digest, max) {
      asked.push('read');
      const bytes = await inner.read(digest, max);
      await gate;
      return bytes;
    },
    open(digest, range) {
      asked.push('open');
      return inner.open(digest, range);
    },
  };
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return () => {
      gate = undefined;
      resolve();
    };
  };
  return { inner, asked, hold, cache: withMemoryCache(store, options) };
}

const stringOf = async (cache: BlobStore, digest: string, range?: { start: number; end: number }) =>
  (await buffer((await cache.open(digest, range))!)).toString();

describe('the memory cache', () => {
  it('asks the store once, whatever way the blob is read', async () => {
    const { cache, asked } = counting(ROOMY);
    const { digest } = await cache.put(text('manifest'));
    expect(Buffer.from((await cache.read(digest))!).toString()).toBe('manifest');
    expect(await cache.read(digest)).toBe(await cache.read(digest));
    expect(await stringOf(cache, digest)).toBe('manifest');
    expect(await stringOf(cache, digest, { start: 4, end: 99 })).toBe('fest');
    expect(asked).toEqual(['read']);
    expect(cache.cacheUsage()).toEqual({ entries: 1, bytes: 8, hits: 4, misses: 1 });
  });

  it('keeps what was opened whole, and streams what is too large to keep', async () => {
    const { cache, asked } = counting(ROOMY);
    const small = await cache.put(text('small'));
    const large = await cache.put(Buffer.alloc(101, 'x'));
    for (let round = 0; round < 2; round++) {
      expect(await stringOf(cache, small.digest)).toBe('small');
      expect(await stringOf(cache, large.digest)).toHaveLength(101);
      expect(await cache.read(large.digest)).toHaveLength(101);
    }
    expect(asked).toEqual(['read', 'open', 'read', 'open', 'read']);
    expect(cache.cacheUsage()).toMatchObject({ entries: 1, bytes: 5 });
  });

  it('does not load a whole blob for a range of it', async () => {
    const { cache, asked } = counting(ROOMY);
    const { digest } = await cache.put(text('0123456789'));
    expect(await stringOf(cache, digest, { start: 2, end: 3 })).toBe('23');
    expect(asked).toEqual(['open']);
  });

  it('lets readers at the same time share one load', async () => {
    const { cache, asked, hold } = counting(ROOMY);
    const { digest } = await cache.put(text('popular'));
    const release = hold();
    const readers = Array.from({ length: 10 }, (_, n) => cache.read(digest, 50 + n));
    release();
    expect(new Set(await Promise.all(readers)).size).toBe(1);
    expect(asked).toEqual(['read']);
  });

  it('drops the least recently used when the budget is used up', async () => {
    const { cache, asked } = counting({ maxBytes: 30, maxEntryBytes: 10 });
    const blobs = await Promise.all(['a', 'b', 'c', 'd'].map(name => cache.put(text(name.repeat(10)))));
    const [a, b, c, d] = blobs.map(blob => blob.digest) as [string, string, string, string];
    for (const digest of [a, b, c, a, d]) await cache.read(digest);
    expect(cache.cacheUsage()).toMatchObject({ entries: 3, bytes: 30 });
    asked.length = 0;
    for (const digest of [a, c, d]) await cache.read(digest);
    expect(asked).toEqual([]);
    await cache.read(b);
    expect(asked).toEqual(['read']);
    expect(cache.cacheUsage()).toMatchObject({ entries: 3, bytes: 30 });
  });

  it('forgets what is removed', async () => {
    const { cache } = counting(ROOMY);
    const { digest } = await cache.put(text('garbage'));
    await cache.read(digest);
    expect(await cache.remove(digest)).toBe(true);
    expect(await cache.read(digest)).toBeUndefined();
    expect(await cache.open(digest)).toBeUndefined();
    expect(cache.cacheUsage()).toMatchObject({ entries: 0, bytes: 0 });
  });

  it('does not keep what was removed while it was loaded', async () => {
    const { cache, hold } = counting(ROOMY);
    const { digest } = await cache.put(text('fleeting'));
    const release = hold();
    const reading = cache.read(digest);
    await new Promise(setImmediate);
    await cache.remove(digest);
    release();
    expect(await reading).toHaveLength(8);
    expect(await cache.read(digest)).toBeUndefined();
  });

  it('keeps neither absence nor failure', async () => {
    const { cache, inner } = counting(ROOMY);
    const digest = sha256(text('later'));
    expect(await cache.read(digest)).toBeUndefined();
    await inner.put(text('later'));
    expect(await cache.read(digest)).toHaveLength(5);
    const broken = { ...inner, read: () => Promise.reject(new Error('once')) };
    const flaky = withMemoryCache(broken, ROOMY);
    await expect(flaky.read(digest)).rejects.toThrow('once');
    broken.read = inner.read as typeof broken.read;
    expect(await flaky.read(digest)).toHaveLength(5);
  });

  it('refuses what the reader finds too large, also when it is kept', async () => {
    const { cache } = counting(ROOMY);
    const { digest } = await cache.put(text('12345'));
    for (let round = 0; round < 2; round++) {
      await expect(cache.read(digest, 4)).rejects.toMatchObject({
        code: 'CONTENT_TOO_LARGE',
        detail: { size: 5, limit: 4 },
      });
      expect(await cache.read(digest, 5)).toHaveLength(5);
    }
  });
});
