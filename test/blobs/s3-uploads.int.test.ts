/** What only the adapter over S3 has: several processes on one bucket, segments, parts, what crashes leave behind. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { BlobStore } from '../../src/blobs/port.ts';
import { parseS3Address } from '../../src/blobs/s3/address.ts';
import { Bucket } from '../../src/blobs/s3/bucket.ts';
import { openS3Blobs } from '../../src/blobs/s3.ts';
import { body, sha256, text } from '../contracts/blobs.ts';
import { type OwnS3, startOwnS3 } from '../support/s3.ts';
import { describeWith } from '../support/services.ts';
import { retainedBytes } from './support/retained.ts';
import { type S3Proxy, startS3Proxy } from './support/s3-proxy.ts';

const MIB = 1024 * 1024;
const inChunks = (bytes: Buffer) =>
  body(...Array.from({ length: bytes.length / MIB }, (_, n) => bytes.subarray(n * MIB, (n + 1) * MIB)));
const refusal = (code: string) => expect.objectContaining({ name: 'StrongroomError', code });

describeWith(['s3'], 'uploads to S3', () => {
  let s3: OwnS3;
  let proxy: S3Proxy;
  let url: string;
  /** as two processes would have them */
  let one: BlobStore;
  let other: BlobStore;

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
    // not at once: versitygw removes a folder with its last object, perhaps while another object is being put there
    one = await openS3Blobs({ url });
    other = await openS3Blobs({ url });
    proxy.seen.length = 0;
    proxy.fault = () => undefined;
  });
  afterEach(() => Promise.all([one.close(), other.close()]));

  const folder = (name: string) => join(s3.folder, new URL(url).pathname, name);
  const keysIn = async (name: string) => {
    const entries = await readdir(folder(name), { recursive: true, withFileTypes: true }).catch(() => []);
    return entries.filter(entry => entry.isFile()).map(entry => entry.name);
  };
  const bytesOf = async (store: BlobStore, digest: string) => buffer((await store.open(digest))!);
  const writes = () => proxy.seen.filter(({ method, copied }) => method === 'PUT' && !copied);
  /** Past the store. */
  const inBucket = async <T>(work: (bucket: Bucket) => Promise<T>) => {
    const bucket = new Bucket(parseS3Address(url), { connect: 1000, answer: 5000, work: 5000, stall: 5000 });
    return work(bucket).finally(() => bucket.close());
  };
  /** objects whose parts wait to be joined */
  const begun = async () =>
    (await inBucket(bucket => Array.fromAsync(bucket.begun('blobs/', Date.now() + 60_000)))).length;
  const age = async (path: string) => {
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(path, longAgo, longAgo);
  };

  it('are continued and committed by any process', async () => {
    const { id } = await one.openUpload({ actor: 'u-1' });
    await one.appendUpload(id, body(text('one, ')), {});
    expect(await other.findUpload(id)).toMatchObject({ size: 5, owner: { actor: 'u-1' } });
    await other.appendUpload(id, body(text('other, ')), { offset: 5 });
    await one.appendUpload(id, body(text('one again')), { offset: 12 });
    const digest = sha256(text('one, other, one again'));
    expect(await other.commitUpload(id, digest)).toMatchObject({ digest, size: 21, created: true });
    expect((await bytesOf(one, digest)).toString()).toBe('one, other, one again');
    expect(await one.findUpload(id)).toBeUndefined();
    expect(await keysIn('staging')).toEqual([]);
  });

  it('are verified by what is in the bucket, not by what a process remembers', async () => {
    const { id } = await one.openUpload({});
    await one.appendUpload(id, body(text('first')), {});
    await other.appendUpload(id, body(text(' second')), { offset: 5 });
    await expect(one.commitUpload(id, sha256(text('first')))).rejects.toEqual(refusal('DIGEST_INVALID'));
  });

  it('are hashed again when a segment is another one, as where a server ignores If-None-Match', async () => {
    const { id } = await one.openUpload({});
    await one.appendUpload(id, body(text('same length')), {});
    await inBucket(bucket => bucket.put(`staging/${id}/000000000000000`, text('SAME LENGTH')));
    await expect(one.commitUpload(id, sha256(text('same length')))).rejects.toEqual(
      refusal('DIGEST_INVALID'),
    );
  });

  it('of which two processes write the same place go to one of them', async () => {
    const { id } = await one.openUpload({});
    const results = await Promise.allSettled([
      one.appendUpload(id, body(text('from one')), { offset: 0 }),
      other.appendUpload(id, body(text('the other')), { offset: 0 }),
    ]);
    const [lost, ...more] = results.filter(result => result.status === 'rejected');
    expect(more).toEqual([]);
    expect(['STATE_CONFLICT', 'RANGE_INVALID']).toContain(lost?.reason.code);
    const winner = results[0].status === 'fulfilled' ? 'from one' : 'the other';
    await expect(other.commitUpload(id, sha256(text(winner)))).resolves.toMatchObject({ created: true });
  });

  it('of many megabytes are copied within S3, not sent again', async () => {
    const bytes = randomBytes(20 * MIB);
    const { id } = await one.openUpload({});
    await one.appendUpload(id, inChunks(bytes), {});
    const before = writes().length;
    expect(await one.commitUpload(id, sha256(bytes))).toMatchObject({ size: bytes.length, created: true });
    expect(writes()).toHaveLength(before);
    expect(proxy.seen.filter(({ copied }) => copied).length).toBeGreaterThan(0);
    expect((await bytesOf(other, sha256(bytes))).equals(bytes)).toBe(true);
    expect(await keysIn('staging')).toEqual([]);
  });

  it('of many megabytes are committed by a process that has not seen them', { timeout: 30_000 }, async () => {
    const bytes = randomBytes(17 * MIB);
    const { id } = await one.openUpload({});
    await one.appendUpload(id, inChunks(bytes), {});
    expect(await other.commitUpload(id, sha256(bytes))).toMatchObject({ size: bytes.length });
    expect((await bytesOf(one, sha256(bytes))).equals(bytes)).toBe(true);
  });

  it('in chunks too small for parts are joined', async () => {
    const bytes = randomBytes(13 * MIB);
    const { id } = await one.openUpload({});
    for (let at = 0; at < bytes.length; at += 2 * MIB)
      await one.appendUpload(id, body(bytes.subarray(at, at + 2 * MIB)), { offset: at });
    expect(await keysIn('staging')).toHaveLength(8);
    expect(await one.commitUpload(id, sha256(bytes))).toMatchObject({ size: bytes.length });
    expect((await bytesOf(other, sha256(bytes))).equals(bytes)).toBe(true);
  });

  it('that end with the commit leave their end out of staging', async () => {
    const bytes = randomBytes(8 * MIB + 1000);
    const { id } = await one.openUpload({});
    await one.appendUpload(id, body(bytes.subarray(0, 8 * MIB)), {});
    const last = { last: true };
    expect(await one.appendUpload(id, body(bytes.subarray(8 * MIB)), last)).toMatchObject({
      size: bytes.length,
    });
    expect(await other.findUpload(id)).toMatchObject({ size: 8 * MIB });
    expect(await one.commitUpload(id, sha256(bytes))).toMatchObject({ size: bytes.length });
    expect((await bytesOf(other, sha256(bytes))).equals(bytes)).toBe(true);
  });

  it('of a small blob cost six requests', async () => {
    const { id } = await one.openUpload({});
    await one.appendUpload(id, body(text('small')), { last: true });
    await one.commitUpload(id, sha256(text('small')));
    expect(proxy.seen.map(({ method }) => method)).toEqual(['PUT', 'GET', 'GET', 'PUT', 'HEAD', 'DELETE']);
    expect(await keysIn('staging')).toEqual([]);
  });

  it('forget an end that no commit followed', async () => {
    const { id } = await one.openUpload({});
    const last = { last: true };
    await one.appendUpload(id, body(text('given up')), last);
    expect(await one.findUpload(id)).toMatchObject({ size: 0 });
    await one.appendUpload(id, body(text('sent again')), { ...last, offset: 0 });
    expect(await one.commitUpload(id, sha256(text('sent again')))).toMatchObject({ size: 10 });
  });

  it('with an end are refused when another process wrote there', async () => {
    const { id } = await one.openUpload({});
    const last = { last: true };
    await one.appendUpload(id, body(text('the end')), last);
    await other.appendUpload(id, body(text('another')), { offset: 0 });
    await expect(one.commitUpload(id, sha256(text('the end')))).rejects.toEqual(refusal('STATE_CONFLICT'));
    expect(await other.commitUpload(id, sha256(text('another')))).toMatchObject({ size: 7 });
  });

  it('hold a bounded part of a stream in memory', { timeout: 30_000 }, async () => {
    const hash = createHash('sha256');
    let peak = 0;
    const before = retainedBytes();
    const chunks = function* () {
      for (let n = 0; n < 1024; n++) {
        if (n % 16 === 0) peak = Math.max(peak, retainedBytes() - before);
        const chunk = Buffer.alloc(64 * 1024, n % 251);
        hash.update(chunk);
        yield chunk;
      }
    };
    const { id } = await one.openUpload({});
    await one.appendUpload(id, Readable.from(chunks(), { objectMode: false }), {});
    expect(await one.commitUpload(id, `sha256:${hash.digest('hex')}`)).toMatchObject({ size: 64 * MIB });
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThan(60 * MIB);
  });

  it('and what crashes left of them are cleared away', async () => {
    const orphan = '77777777-7777-4777-8777-777777777777';
    await mkdir(folder(`staging/${orphan}`), { recursive: true });
    await writeFile(folder(`staging/${orphan}/000000000000000`), 'no record');
    await mkdir(folder('staging/not-ours'), { recursive: true });
    await writeFile(folder('staging/not-ours/file'), 'stays');
    const { id } = await one.openUpload({});
    const bytes = randomBytes(17 * MIB);
    await one.appendUpload(id, inChunks(bytes), {});
    // a commit that was killed before its parts were joined
    proxy.fault = ({ method, target }) =>
      (method === 'POST' && target.includes('uploadId=')) || method === 'DELETE'
        ? { status: 400, body: '<Error><Code>Killed</Code></Error>' }
        : undefined;
    await expect(one.commitUpload(id, sha256(bytes))).rejects.toEqual(refusal('STORAGE_UNAVAILABLE'));
    proxy.fault = () => undefined;
    expect(await begun()).toBe(1);
    expect(await other.expireUploads(Date.now() - 60_000)).toEqual([]);
    expect(await other.expireUploads(Date.now() + 60_000)).toEqual([id]);
    expect(await begun()).toBe(0);
    expect(await keysIn('staging')).toEqual(['file']);
    expect(await one.findUpload(id)).toBeUndefined();
  });

  it('make an old blob young', async () => {
    const { digest } = await one.put(text('old'));
    const path = folder(`blobs/sha256/${digest.slice(7, 9)}/${digest.slice(7)}`);
    await age(path);
    expect((await one.stat(digest))?.createdAt).toBeLessThan(Date.now() - 60_000);
    expect(await one.put(text('old'))).toMatchObject({ created: false });
    expect((await other.stat(digest))!.createdAt).toBeGreaterThan(Date.now() - 60_000);
    await age(path);
    const { id } = await one.openUpload({});
    await one.appendUpload(id, body(text('old')), {});
    expect(await one.commitUpload(id, digest)).toMatchObject({ created: false });
    expect((await other.stat(digest))!.createdAt).toBeGreaterThan(Date.now() - 60_000);
  });

  it('replace a blob of the wrong size', async () => {
    const { digest } = await one.put(text('precious'));
    await writeFile(folder(`blobs/sha256/${digest.slice(7, 9)}/${digest.slice(7)}`), 'pre');
    await one.put(text('precious'));
    expect((await bytesOf(other, digest)).toString()).toBe('precious');
  });

  it('of one installation are not another’s', async () => {
    const elsewhere = await openS3Blobs({ url: `${url.replace(/\?/, '-2?')}` });
    try {
      const { digest } = await one.put(text('mine'));
      expect(await elsewhere.stat(digest)).toBeUndefined();
      expect(await elsewhere.expireUploads(Date.now() + 60_000)).toEqual([]);
    } finally {
      await elsewhere.close();
      await rm(`${folder('')}-2`, { recursive: true, force: true });
    }
  });
});
