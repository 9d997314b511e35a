/** S3 away, slow, broken or not itself: always 503 with a reason, never "missing", and no byte wrong. */
import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../src/blobs/port.ts';
import { openS3Blobs } from '../../src/blobs/s3.ts';
import { body, sha256, text } from '../contracts/blobs.ts';
import { type OwnS3, startOwnS3 } from '../support/s3.ts';
import { describeWith } from '../support/services.ts';
import { type Fault, type S3Proxy, type S3Request, startS3Proxy } from './support/s3-proxy.ts';

const MIB = 1024 * 1024;
const TIMEOUTS = { connect: 500, answer: 400, work: 400, stall: 200 };
const unavailable = (reason: string | RegExp = '') =>
  expect.objectContaining({
    code: 'STORAGE_UNAVAILABLE',
    kind: 'unavailable',
    detail: expect.objectContaining({ reason: expect.stringMatching(reason) }),
  });

describeWith(['s3'], 'S3 that fails', () => {
  let s3: OwnS3;
  let proxy: S3Proxy;
  let url: string;
  let store: BlobStore;

  beforeAll(async () => {
    s3 = await startOwnS3();
    proxy = await startS3Proxy(s3.endpoint);
  });
  afterAll(async () => {
    await proxy?.stop();
    await s3?.stop();
  });
  beforeEach(async () => {
    url = s3.place().replace(s3.endpoint, proxy.endpoint);
    store = await openS3Blobs({ url, timeouts: TIMEOUTS });
    proxy.seen.length = 0;
  });
  afterEach(async () => {
    proxy.fault = () => undefined;
    await store.close();
  });

  const always = (fault: Fault) => () => fault;
  /** Only for the first so many requests that match. */
  const first = (count: number, fault: Fault, matches: (request: S3Request) => boolean = () => true) => {
    let left = count;
    return (request: S3Request) => (matches(request) && left-- > 0 ? fault : undefined);
  };
  const download = ({ method }: S3Request) => method === 'GET';
  const calls = (digest: string, id: string): (() => Promise<unknown>)[] => [
    () => store.stat(digest),
    () => store.open(digest),
    () => store.open(digest, { start: 0, end: 1 }),
    () => store.open(digest, { start: 5, end: 1 }),
    () => store.read(digest),
    () => store.remove(digest),
    () => store.put(text('new')),
    () => store.openUpload({}),
    () => store.findUpload(id),
    () => store.appendUpload(id, body(text('more')), {}),
    () => store.commitUpload(id, digest),
    () => store.abortUpload(id),
    () => store.expireUploads(Date.now() + 60_000),
    () => store.check(),
    () => Array.fromAsync(store.list()),
  ];

  describe.each<[string, Fault, RegExp]>([
    ['answers 500', { status: 500, body: '<Error><Code>InternalError</Code></Error>' }, /500|InternalError/],
    ['asks to slow down', { status: 503, body: '<Error><Code>SlowDown</Code></Error>' }, /slow down|503/],
    ['denies access', { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }, /denies access|403/],
    ['is another server', { status: 404, body: '<html>not here</html>' }, /404/],
    ['has lost its bucket', { status: 404, body: '<Error><Code>NoSuchBucket</Code></Error>' }, /bucket|404/],
    ['breaks connections', 'refuse', /connection/],
    ['does not answer', 'hang', /in time/],
  ])('that %s', (_, fault, reason) => {
    it('is unsure, not empty', async () => {
      const { digest } = await store.put(text('there'));
      const { id } = await store.openUpload({});
      await store.appendUpload(id, body(text('there')), {});
      proxy.fault = always(fault);
      const outcomes = await Promise.allSettled(calls(digest, id).map(call => call()));
      for (const [at, outcome] of outcomes.entries()) {
        // While one call works on an upload, the others are refused: that is no fault of S3.
        const busy = outcome.status === 'rejected' && outcome.reason.code === 'STATE_CONFLICT';
        if (!busy) expect(outcome, `call ${at}`).toEqual({ status: 'rejected', reason: unavailable(reason) });
      }
      proxy.fault = () => undefined;
      expect(await store.stat(digest)).toMatchObject({ size: 5 });
      expect(await store.findUpload(id)).toMatchObject({ size: 5 });
      expect(await store.commitUpload(id, digest)).toMatchObject({ created: false });
    });

    it('does not let the store open', async () => {
      proxy.fault = always(fault);
      await expect(openS3Blobs({ url, timeouts: TIMEOUTS })).rejects.toEqual(unavailable(reason));
    });
  });

  it('that is away and comes back is used again', async () => {
    const { digest } = await store.put(text('kept'));
    const direct = await openS3Blobs({ url: s3.place(), timeouts: TIMEOUTS });
    await s3.halt();
    try {
      await expect(store.stat(digest)).rejects.toEqual(unavailable());
      await expect(direct.check()).rejects.toEqual(unavailable('cannot be reached'));
      await expect(direct.check()).rejects.toMatchObject({ detail: { retryAfter: 5 } });
    } finally {
      await s3.resume();
      await direct.close();
    }
    await store.check();
    expect(await store.stat(digest)).toMatchObject({ size: 4 });
  });

  it('that is away tells nothing of keys or addresses', async () => {
    proxy.fault = always('refuse');
    const error = await store.check().catch((reason: Error) => reason);
    expect(`${error}`).not.toMatch(/test-|127\.0\.0\.1|access|secret/);
  });

  it('that stumbles is asked again', async () => {
    for (const fault of [{ status: 500 }, { status: 503 }, 'refuse', 'hang'] as const) {
      proxy.fault = first(2, fault);
      const bytes = randomBytes(100);
      expect(await store.put(bytes), JSON.stringify(fault)).toMatchObject({ created: true });
      proxy.fault = first(1, fault);
      expect(await store.read(sha256(bytes))).toHaveLength(100);
    }
  });

  it('whose answer is lost has still created the blob', async () => {
    proxy.fault = first(1, 'lose', ({ method }) => method === 'PUT');
    expect(await store.put(text('once'))).toMatchObject({ created: true });
  });

  it('whose answer is lost has still taken the chunk', async () => {
    const { id } = await store.openUpload({});
    proxy.fault = first(1, 'lose', ({ method }) => method === 'PUT');
    expect(await store.appendUpload(id, body(text('chunk')), {})).toMatchObject({ size: 5 });
    expect(await store.commitUpload(id, sha256(text('chunk')))).toMatchObject({ created: true });
  });

  it('in the middle of an upload loses nothing that was told', async () => {
    const bytes = randomBytes(20 * MIB);
    const parts = Array.from({ length: 20 }, (_, n) => bytes.subarray(n * MIB, (n + 1) * MIB));
    const { id } = await store.openUpload({});
    let puts = 0;
    proxy.fault = ({ method }) => (method === 'PUT' && ++puts > 1 ? { status: 500 } : undefined);
    await expect(store.appendUpload(id, body(...parts), {})).rejects.toEqual(unavailable(/500/));
    proxy.fault = () => undefined;
    const { size } = (await store.findUpload(id))!;
    expect(size).toBe(8 * MIB);
    await store.appendUpload(id, body(bytes.subarray(size)), { offset: size });
    expect(await store.commitUpload(id, sha256(bytes))).toMatchObject({ size: bytes.length });
    expect((await buffer((await store.open(sha256(bytes)))!)).equals(bytes)).toBe(true);
  });

  it('in the middle of a commit keeps the upload', async () => {
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('kept')), {});
    proxy.fault = ({ copied }) => (copied ? { status: 500 } : undefined);
    await expect(store.commitUpload(id, sha256(text('kept')))).rejects.toEqual(unavailable(/500/));
    expect(await store.stat(sha256(text('kept')))).toBeUndefined();
    proxy.fault = () => undefined;
    expect(await store.commitUpload(id, sha256(text('kept')))).toMatchObject({ created: true });
  });

  it('that says 200 to a copy and did not make it is not believed', async () => {
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('gone')), {});
    proxy.fault = ({ copied }) =>
      copied ? { status: 200, body: '<CopyObjectResult><ETag>"x"</ETag></CopyObjectResult>' } : undefined;
    await expect(store.commitUpload(id, sha256(text('gone')))).rejects.toEqual(unavailable());
    expect(await store.findUpload(id)).toMatchObject({ size: 4 });
  });

  describe('under a download', () => {
    let bytes: Buffer;
    let digest: string;
    beforeEach(async () => {
      bytes = randomBytes(3 * MIB);
      ({ digest } = await store.put(bytes));
      proxy.seen.length = 0;
    });

    it.each<[string, Fault]>([
      ['breaks', { cutAfter: MIB }],
      ['breaks before a byte', { cutAfter: 0 }],
      ['stalls', { stallAfter: MIB }],
    ])('that %s, it goes on where it was', async (_, fault) => {
      proxy.fault = first(2, fault, download);
      const range = { start: 10, end: bytes.length - 10 };
      const found = await buffer((await store.open(digest, range))!);
      expect(found.equals(bytes.subarray(range.start, range.end + 1))).toBe(true);
      proxy.fault = first(1, fault, download);
      expect(Buffer.from((await store.read(digest))!).equals(bytes)).toBe(true);
      expect(proxy.seen.filter(download)).toHaveLength(5);
    });

    it('ends loudly when it breaks again and again', async () => {
      proxy.fault = ({ method, target }) =>
        method === 'GET' && !target.includes('list-type') ? { cutAfter: 0 } : undefined;
      await expect(buffer((await store.open(digest))!)).rejects.toEqual(unavailable('again and again'));
    });

    it('ends loudly when the blob is removed meanwhile', async () => {
      proxy.fault = first(1, { cutAfter: MIB }, download);
      const stream = (await store.open(digest))!;
      await store.remove(digest);
      await expect(buffer(stream)).rejects.toEqual(unavailable('went away'));
    });

    it('waits for a slow reader longer than for a stalled server', async () => {
      const stream = (await store.open(digest))!;
      const iterator = stream[Symbol.asyncIterator]();
      let size = ((await iterator.next()).value as Buffer).length;
      await new Promise(done => setTimeout(done, 2 * TIMEOUTS.stall));
      for await (const chunk of { [Symbol.asyncIterator]: () => iterator }) size += (chunk as Buffer).length;
      expect(size).toBe(bytes.length);
      expect(proxy.seen.filter(download)).toHaveLength(1);
    });

    it('that is given up frees its connection', async () => {
      const stream = (await store.open(digest))!;
      stream.read(1);
      await new Promise<void>(resolve => stream.once('close', resolve).destroy());
      expect(await store.read(digest)).toHaveLength(bytes.length);
    });
  });
});
