/**
 * The contract of the blob store port (src/blobs/port.ts), run over every adapter.
 * An adapter's test is one call; what only that adapter has is tested beside the call.
 */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BlobInfo, BlobStore } from '../../src/blobs/port.ts';
import { isRefusal } from '../../src/domain/errors.ts';

export interface BlobsUnderTest {
  readonly store: BlobStore;
  /** closes the store handed out last and opens the same storage again */
  reopen(): Promise<BlobStore>;
  /** closes what is open and removes the storage */
  dispose(): Promise<void>;
}

const MIB = 1024 * 1024;

export const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const sha512 = (bytes: Uint8Array) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
export const text = (content: string) => Buffer.from(content);
/** A body of these chunks. Not Readable.from(array): that one is in object mode, request bodies are not. */
export const body = (...chunks: Uint8Array[]) => Readable.from(chunks, { objectMode: false });

/** A body that is open until it is told to go on or to break. */
function openBody() {
  const stream = new Readable({ read() {} });
  return {
    stream,
    send: (bytes: Uint8Array) => stream.push(bytes),
    end: () => stream.push(null),
    allTaken: () =>
      vi.waitUntil(() => stream.readableFlowing && stream.readableLength === 0, { interval: 1 }),
    break: () => stream.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })),
  };
}

const NOT_DIGESTS = [
  '',
  'sha256:',
  'sha256:abc',
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(65)}`,
  `sha256:${'a'.repeat(64)}\n`,
  `sha256:../../${'a'.repeat(58)}`,
  `sha256:${'a'.repeat(62)}/.`,
  `SHA256:${'a'.repeat(64)}`,
  'a'.repeat(64),
  '../../../etc/passwd',
  `sha256:${'a'.repeat(64)}\u0000`,
];
const NOT_UPLOADS = [
  '',
  '.',
  '..',
  '../../blobs/sha256',
  'a/b',
  '00000000-0000-4000-8000-00000000000',
  '00000000-0000-4000-8000-000000000000.json',
  '00000000-0000-4000-8000-00000000000G',
  '00000000-0000-4000-8000-000000000000\u0000',
  '__proto__',
  'constructor',
];

const refusal = (code: string, detail: object = {}) =>
  expect.objectContaining({ name: 'StrongroomError', code, detail: expect.objectContaining(detail) });

/** Registers the whole suite for one adapter; `make` gives a new, empty store for each test. */
export function blobContract(name: string, make: () => Promise<BlobsUnderTest>): void {
  describe(`blob store contract: ${name}`, () => {
    let subject: BlobsUnderTest;
    let store: BlobStore;
    beforeEach(async () => {
      subject = await make();
      store = subject.store;
    });
    afterEach(() => subject.dispose());

    const upload = async (...chunks: Uint8Array[]) => {
      const { id } = await store.openUpload({});
      for (const chunk of chunks) await store.appendUpload(id, body(chunk), {});
      return id;
    };
    const all = async () => {
      const found: BlobInfo[] = [];
      for await (const blob of store.list()) found.push(blob);
      return found;
    };
    const bytesOf = async (digest: string, range?: { start: number; end: number }) => {
      const stream = await store.open(digest, range);
      return stream && (await buffer(stream)).toString();
    };

    describe('put', () => {
      it('stores bytes under their sha256', async () => {
        const bytes = text('manifest');
        const blob = await store.put(bytes);
        expect(blob).toMatchObject({ digest: sha256(bytes), size: 8, created: true });
        expect(blob).not.toHaveProperty('alias');
        expect(Math.abs(Date.now() - blob.createdAt)).toBeLessThan(10_000);
        const { created: _, ...info } = blob;
        expect(await store.stat(blob.digest)).toEqual(info);
        expect(Buffer.from((await store.read(blob.digest))!)).toEqual(bytes);
        expect(await bytesOf(blob.digest)).toBe('manifest');
      });

      it('verifies the digest that the caller names', async () => {
        const bytes = text('named');
        expect(await store.put(bytes, sha256(bytes))).toMatchObject({ created: true });
        await expect(store.put(text('other'), sha256(bytes))).rejects.toEqual(
          refusal('DIGEST_INVALID', { expected: sha256(bytes), actual: sha256(text('other')) }),
        );
        expect(await store.stat(sha256(text('other')))).toBeUndefined();
      });

      it('verifies sha512, and returns it as an alias of the sha256', async () => {
        const bytes = text('long digest');
        expect(await store.put(bytes, sha512(bytes))).toMatchObject({
          digest: sha256(bytes),
          alias: sha512(bytes),
        });
        await expect(store.put(text('else'), sha512(bytes))).rejects.toEqual(refusal('DIGEST_INVALID'));
      });

      it('says that the bytes were there, and makes them young again', async () => {
        const first = await store.put(text('twice'));
        const second = await store.put(text('twice'));
        expect(second).toMatchObject({ digest: first.digest, created: false });
        expect(second.createdAt).toBeGreaterThanOrEqual(first.createdAt);
        expect((await store.stat(first.digest))?.createdAt).toBe(second.createdAt);
      });

      it('creates once when the same bytes come many times at once', async () => {
        const results = await Promise.all(Array.from({ length: 12 }, () => store.put(text('crowd'))));
        expect(results.filter(blob => blob.created)).toHaveLength(1);
        expect(await bytesOf(results[0]!.digest)).toBe('crowd');
      });

      it('stores zero bytes', async () => {
        const blob = await store.put(new Uint8Array());
        expect(blob).toMatchObject({ digest: sha256(new Uint8Array()), size: 0, created: true });
        expect(await bytesOf(blob.digest)).toBe('');
        expect(await store.read(blob.digest)).toHaveLength(0);
      });

      it('does not keep the memory of the caller', async () => {
        const bytes = text('mine');
        const { digest } = await store.put(bytes);
        bytes.fill(0);
        expect(await bytesOf(digest)).toBe('mine');
      });
    });

    describe('uploads', () => {
      it('keeps who opened it, counts its bytes, and publishes nothing before the commit', async () => {
        const opened = await store.openUpload({ actor: 'u-1', repository: 'r-1' });
        expect(opened).toMatchObject({ size: 0, owner: { actor: 'u-1', repository: 'r-1' } });
        const one = await store.appendUpload(opened.id, body(text('hello ')), { offset: 0 });
        expect(one).toMatchObject({ id: opened.id, size: 6, createdAt: opened.createdAt });
        const two = await store.appendUpload(opened.id, body(text('wor'), text('ld')), {});
        expect(two.size).toBe(11);
        expect(await store.findUpload(opened.id)).toEqual(two);
        expect(await all()).toEqual([]);
        const blob = await store.commitUpload(opened.id, sha256(text('hello world')));
        expect(blob).toMatchObject({ digest: sha256(text('hello world')), size: 11, created: true });
        expect(await bytesOf(blob.digest)).toBe('hello world');
        expect(await store.findUpload(opened.id)).toBeUndefined();
      });

      it('commits an upload that got no bytes', async () => {
        const blob = await store.commitUpload(await upload(), sha256(new Uint8Array()));
        expect(blob).toMatchObject({ size: 0, created: true });
        expect(await bytesOf(blob.digest)).toBe('');
      });

      it('refuses another digest and forgets the upload', async () => {
        const id = await upload(text('content'));
        await expect(store.commitUpload(id, sha256(text('promised')))).rejects.toEqual(
          refusal('DIGEST_INVALID', { actual: sha256(text('content')) }),
        );
        expect(await store.findUpload(id)).toBeUndefined();
        expect(await all()).toEqual([]);
      });

      it('verifies sha512 and keeps the bytes under their sha256', async () => {
        const id = await upload(text('five '), text('twelve'));
        const bytes = text('five twelve');
        expect(await store.commitUpload(id, sha512(bytes))).toMatchObject({
          digest: sha256(bytes),
          alias: sha512(bytes),
        });
        await expect(store.commitUpload(await upload(text('x')), sha512(bytes))).rejects.toEqual(
          refusal('DIGEST_INVALID'),
        );
      });

      it('refuses what is no digest before it touches the upload', async () => {
        const id = await upload(text('safe'));
        for (const wrong of NOT_DIGESTS) {
          await expect(store.commitUpload(id, wrong), wrong).rejects.toEqual(refusal('DIGEST_INVALID'));
        }
        for (const other of [`md5:${'a'.repeat(32)}`, `sha384:${'a'.repeat(96)}`, 'blake3:abc']) {
          await expect(store.commitUpload(id, other), other).rejects.toEqual(refusal('DIGEST_UNSUPPORTED'));
        }
        expect(await store.commitUpload(id, sha256(text('safe')))).toMatchObject({ created: true });
      });

      it('refuses a chunk that does not begin where the upload ends', async () => {
        const id = await upload(text('0123'));
        for (const offset of [0, 3, 5, -1, Number.NaN]) {
          await expect(
            store.appendUpload(id, body(text('x')), { offset }),
            `offset ${offset}`,
          ).rejects.toEqual(refusal('RANGE_INVALID', { size: 4 }));
        }
        expect(await store.appendUpload(id, body(text('4567')), { offset: 4 })).toMatchObject({ size: 8 });
        expect(await store.commitUpload(id, sha256(text('01234567')))).toMatchObject({ size: 8 });
      });

      it('keeps what arrived of a broken body, so that it can be resumed', async () => {
        const { id } = await store.openUpload({});
        const broken = openBody();
        const appending = store.appendUpload(id, broken.stream, {});
        broken.send(text('arrived, '));
        await broken.allTaken();
        broken.break();
        await expect(appending).rejects.toEqual(refusal('SIZE_INVALID'));
        expect(await store.findUpload(id)).toMatchObject({ size: 9 });
        await store.appendUpload(id, body(text('resumed')), { offset: 9 });
        expect(await store.commitUpload(id, sha256(text('arrived, resumed')))).toMatchObject({ size: 16 });
      });

      it('refuses a body that was broken before it was handed over', async () => {
        const broken = openBody();
        broken.stream.on('error', () => undefined);
        broken.break();
        const { id } = await store.openUpload({});
        await expect(store.appendUpload(id, broken.stream, {})).rejects.toEqual(refusal('SIZE_INVALID'));
        expect(await store.findUpload(id)).toMatchObject({ size: 0 });
      });

      it('survives a body that breaks before anybody listens to it', async () => {
        const { id } = await store.openUpload({});
        const broken = openBody();
        const appending = store.appendUpload(id, broken.stream, {});
        broken.break();
        await expect(appending).rejects.toEqual(refusal('SIZE_INVALID'));
        const unwanted = openBody();
        const refused = store.appendUpload(id, unwanted.stream, { offset: 77 });
        unwanted.break();
        await expect(refused).rejects.toEqual(refusal('RANGE_INVALID'));
        await new Promise(setImmediate);
      });

      it('bounds the whole upload, not the chunk', async () => {
        const id = await upload(text('1234'));
        expect(await store.appendUpload(id, body(text('56')), { limit: 6 })).toMatchObject({ size: 6 });
        await expect(store.appendUpload(id, body(text('7')), { limit: 6 })).rejects.toEqual(
          refusal('CONTENT_TOO_LARGE'),
        );
        expect(await store.findUpload(id)).toMatchObject({ size: 6 });
        await expect(store.appendUpload(id, body(), { limit: 5 })).rejects.toEqual(
          refusal('CONTENT_TOO_LARGE'),
        );
      });

      it('stops reading a body that never ends when the limit is reached', async () => {
        let sent = 0;
        const endless = new Readable({
          read() {
            sent += 65_536;
            this.push(Buffer.alloc(65_536));
          },
        });
        const { id } = await store.openUpload({});
        await expect(store.appendUpload(id, endless, { limit: MIB })).rejects.toEqual(
          refusal('CONTENT_TOO_LARGE'),
        );
        expect(sent).toBeLessThan(4 * MIB);
        expect(endless.destroyed).toBe(false);
        endless.destroy(new Error('a late error of a body that nobody reads'));
        await new Promise(setImmediate);
      });

      it('lets one of two writers at the same time win', async () => {
        const { id } = await store.openUpload({});
        const slow = openBody();
        const first = store.appendUpload(id, slow.stream, {});
        await expect(store.appendUpload(id, body(text('second')), {})).rejects.toEqual(
          refusal('STATE_CONFLICT'),
        );
        await expect(store.commitUpload(id, sha256(text('first')))).rejects.toEqual(
          refusal('STATE_CONFLICT'),
        );
        await expect(store.abortUpload(id)).rejects.toEqual(refusal('STATE_CONFLICT'));
        expect(await store.expireUploads(Date.now() + 60_000)).toEqual([]);
        slow.send(text('first'));
        slow.end();
        expect(await first).toMatchObject({ size: 5 });
        expect(await store.commitUpload(id, sha256(text('first')))).toMatchObject({ created: true });
      });

      it('resumes after the store was opened again', async () => {
        const opened = await store.openUpload({ actor: 'größe', repository: '日本' });
        await store.appendUpload(opened.id, body(text('before ')), {});
        const before = await store.findUpload(opened.id);
        store = await subject.reopen();
        expect(await store.findUpload(opened.id)).toEqual(before);
        await store.appendUpload(opened.id, body(text('after')), { offset: 7 });
        expect(await store.commitUpload(opened.id, sha256(text('before after')))).toMatchObject({ size: 12 });
        store = await subject.reopen();
        expect(await bytesOf(sha256(text('before after')))).toBe('before after');
      });

      it('publishes once when the same bytes are committed at once', async () => {
        const bytes = randomBytes(300_000);
        const ids = await Promise.all(Array.from({ length: 6 }, () => upload(bytes)));
        const blobs = await Promise.all(ids.map(id => store.commitUpload(id, sha256(bytes))));
        expect(blobs.filter(blob => blob.created)).toHaveLength(1);
        expect(await all()).toEqual([await store.stat(sha256(bytes))]);
        for (const id of ids) expect(await store.findUpload(id)).toBeUndefined();
      });

      it('commits an upload only once', async () => {
        const id = await upload(text('once'));
        const results = await Promise.allSettled([
          store.commitUpload(id, sha256(text('once'))),
          store.commitUpload(id, sha256(text('once'))),
        ]);
        expect(results.filter(result => result.status === 'fulfilled')).toHaveLength(1);
        await expect(store.commitUpload(id, sha256(text('once')))).rejects.toEqual(refusal('UPLOAD_UNKNOWN'));
      });

      it('forgets an aborted upload', async () => {
        const id = await upload(text('unwanted'));
        await store.abortUpload(id);
        expect(await store.findUpload(id)).toBeUndefined();
        await expect(store.abortUpload(id)).rejects.toEqual(refusal('UPLOAD_UNKNOWN'));
        await expect(store.appendUpload(id, body(text('x')), {})).rejects.toEqual(refusal('UPLOAD_UNKNOWN'));
      });

      it('expires uploads that were not touched since a moment', async () => {
        const old = await upload(text('old'));
        expect(await store.expireUploads(Date.now() - 60_000)).toEqual([]);
        expect(await store.expireUploads(Date.now() + 60_000)).toEqual([old]);
        expect(await store.findUpload(old)).toBeUndefined();
        expect(await store.expireUploads(Date.now() + 60_000)).toEqual([]);
      });

      it('treats everything that is not an id of its own as unknown', async () => {
        for (const id of [...NOT_UPLOADS, '00000000-0000-4000-8000-000000000000']) {
          expect(await store.findUpload(id), id).toBeUndefined();
          await expect(store.appendUpload(id, body(text('x')), {}), id).rejects.toEqual(
            refusal('UPLOAD_UNKNOWN'),
          );
          await expect(store.commitUpload(id, sha256(text('x'))), id).rejects.toEqual(
            refusal('UPLOAD_UNKNOWN'),
          );
          await expect(store.abortUpload(id), id).rejects.toEqual(refusal('UPLOAD_UNKNOWN'));
        }
      });
    });

    describe('reading', () => {
      it('gives ranges of small and large blobs', async () => {
        const small = await store.put(text('0123456789'));
        expect(await bytesOf(small.digest, { start: 0, end: 0 })).toBe('0');
        expect(await bytesOf(small.digest, { start: 3, end: 5 })).toBe('345');
        expect(await bytesOf(small.digest, { start: 8, end: 1000 })).toBe('89');
        const bytes = randomBytes(3 * MIB + 17);
        const large = await store.commitUpload(await upload(bytes), sha256(bytes));
        for (const range of [
          { start: 0, end: bytes.length - 1 },
          { start: 1, end: 2 * MIB },
          { start: MIB - 1, end: bytes.length + 5 },
        ]) {
          const found = await buffer((await store.open(large.digest, range))!);
          expect(found.equals(bytes.subarray(range.start, range.end + 1))).toBe(true);
        }
      });

      it('refuses a range without a byte in it', async () => {
        const { digest } = await store.put(text('0123456789'));
        const empty = await store.put(new Uint8Array());
        for (const [start, end] of [
          [10, 12],
          [5, 4],
          [-1, 3],
          [0.5, 3],
          [Number.NaN, 3],
        ] as const) {
          await expect(store.open(digest, { start, end }), `${start}-${end}`).rejects.toEqual(
            refusal('RANGE_INVALID', { size: 10 }),
          );
        }
        await expect(store.open(empty.digest, { start: 0, end: 0 })).rejects.toEqual(
          refusal('RANGE_INVALID', { size: 0 }),
        );
      });

      it('reads at once only what is small enough', async () => {
        const { digest } = await store.put(text('12345'));
        expect(await store.read(digest, 5)).toHaveLength(5);
        await expect(store.read(digest, 4)).rejects.toEqual(
          refusal('CONTENT_TOO_LARGE', { size: 5, limit: 4 }),
        );
      });

      it('knows what is certainly not there', async () => {
        const absent = sha256(text('absent'));
        expect(await store.stat(absent)).toBeUndefined();
        expect(await store.open(absent)).toBeUndefined();
        expect(await store.open(absent, { start: 5, end: 1 })).toBeUndefined();
        expect(await store.read(absent)).toBeUndefined();
        expect(await store.remove(absent)).toBe(false);
      });

      it('refuses what is not a canonical digest', async () => {
        const wrongs = [...NOT_DIGESTS, sha512(text('x'))];
        for (const wrong of wrongs) {
          for (const call of [store.stat, store.open, store.read, store.remove]) {
            await expect(call(wrong), wrong).rejects.toEqual(refusal('DIGEST_INVALID'));
          }
        }
      });
    });

    describe('all of them', () => {
      it('lists every blob once, and no upload', async () => {
        const blobs = await Promise.all(Array.from({ length: 40 }, (_, n) => store.put(text(`blob ${n}`))));
        await upload(text('in progress'));
        const listed = await all();
        const byDigest = (a: BlobInfo, b: BlobInfo) => a.digest.localeCompare(b.digest);
        expect(listed.sort(byDigest)).toEqual(
          blobs.map(({ digest, size, createdAt }) => ({ digest, size, createdAt })).sort(byDigest),
        );
      });

      it('removes, and takes the same bytes again', async () => {
        const { digest } = await store.put(text('garbage'));
        expect(await store.remove(digest)).toBe(true);
        expect(await store.remove(digest)).toBe(false);
        expect(await store.stat(digest)).toBeUndefined();
        expect(await all()).toEqual([]);
        expect(await store.put(text('garbage'))).toMatchObject({ created: true });
        expect(await bytesOf(digest)).toBe('garbage');
      });

      it('never acknowledges bytes that a removal at the same time takes away', async () => {
        const bytes = text('contested');
        for (let round = 0; round < 20; round++) {
          await store.put(bytes);
          const id = await upload(bytes);
          const removing = store.remove(sha256(bytes));
          const [, put, committed] = await Promise.all([
            removing,
            store.put(bytes),
            store.commitUpload(id, sha256(bytes)),
          ]);
          expect([put.created, committed.created].filter(Boolean)).toHaveLength(1);
          expect(await bytesOf(sha256(bytes))).toBe('contested');
        }
      });

      it('belongs to the installation that claimed it first', async () => {
        expect(await store.claim('one')).toBe('one');
        expect(await store.claim('two')).toBe('one');
        const claims = await Promise.all([store.claim('one'), store.claim('three')]);
        expect(claims).toEqual(['one', 'one']);
        expect(await all()).toEqual([]);
      });

      it('passes a check, and takes nothing more once it is closed', async () => {
        await store.check();
        expect(await all()).toEqual([]);
        await store.close();
        await expect(store.put(text('late'))).rejects.toEqual(refusal('SHUTTING_DOWN'));
      });

      it('finishes what runs before it is closed', async () => {
        const { id } = await store.openUpload({});
        const slow = openBody();
        const appending = store.appendUpload(id, slow.stream, {});
        let closed = false;
        const closing = store.close().then(() => {
          closed = true;
        });
        await new Promise(setImmediate);
        expect(closed).toBe(false);
        slow.send(text('done'));
        slow.end();
        expect(await appending).toMatchObject({ size: 4 });
        await closing;
      });

      it('refuses only with errors of the catalogue', async () => {
        const outcomes = await Promise.allSettled([
          store.put(text('a'), 'nonsense'),
          store.commitUpload('nonsense', 'nonsense'),
          store.appendUpload('nonsense', body(), {}),
          store.read('nonsense'),
        ]);
        for (const outcome of outcomes) {
          expect(outcome.status === 'rejected' && isRefusal(outcome.reason)).toBe(true);
        }
      });
    });
  });
}
