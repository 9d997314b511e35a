import { createHash } from 'node:crypto';
import {
  appendFile,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFilesystemBlobs } from '../../src/blobs/filesystem.ts';
import type { BlobStore } from '../../src/blobs/port.ts';
import { blobContract, body, sha256, text } from '../contracts/blobs.ts';
import { retainedBytes } from './support/retained.ts';

const MIB = 1024 * 1024;
const unavailable = expect.objectContaining({ code: 'STORAGE_UNAVAILABLE' });

async function freshRoot(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'blobs-')), 'deep', 'data');
}

blobContract('filesystem', async () => {
  const root = await freshRoot();
  let current = await openFilesystemBlobs({ root });
  return {
    store: current,
    async reopen() {
      await current.close();
      current = await openFilesystemBlobs({ root });
      return current;
    },
    async dispose() {
      await current.close();
      await rm(join(root, '..', '..'), { recursive: true });
    },
  };
});

describe('blobs on the file system', () => {
  let root: string;
  let store: BlobStore;
  const staging = (name = '') => join(root, 'staging', name);
  const pathOf = (digest: string) => join(root, 'blobs', 'sha256', digest.slice(7, 9), digest.slice(7));
  const reopen = async () => {
    await store.close();
    store = await openFilesystemBlobs({ root });
  };

  beforeEach(async () => {
    root = await freshRoot();
    store = await openFilesystemBlobs({ root });
  });
  afterEach(async () => {
    await store.close();
    await rm(join(root, '..', '..'), { recursive: true });
  });

  it('keeps a blob in a file named by its digest, and nothing else', async () => {
    const { digest } = await store.put(text('layout'));
    const { id } = await store.openUpload({ actor: 'u' });
    expect(await readFile(pathOf(digest), 'utf8')).toBe('layout');
    expect(await readdir(staging())).toEqual([]);
    await store.appendUpload(id, body(text('layout')), {});
    expect(await readdir(staging())).toEqual([`${id}.data`]);
    await store.commitUpload(id, digest);
    await store.check();
    expect(await readdir(staging())).toEqual([]);
    expect((await stat(pathOf(digest))).mode & 0o007).toBe(0);
  });

  it('streams 64 MiB in and out in bounded memory', { timeout: 30_000 }, async () => {
    const block = Buffer.alloc(64 * 1024, 'strongroom');
    const blocks = (64 * MIB) / block.length;
    const hash = createHash('sha256');
    let peak = 0;
    let measured = 0;
    const before = retainedBytes();
    const measure = (bytes: number) => {
      measured += bytes;
      if (measured < 8 * MIB) return;
      measured = 0;
      peak = Math.max(peak, retainedBytes() - before);
    };
    const chunks = function* () {
      for (let n = 0; n < blocks; n++) {
        const chunk = Buffer.from(block);
        chunk.writeUInt32BE(n);
        hash.update(chunk);
        measure(chunk.length);
        yield chunk;
      }
    };
    const { id } = await store.openUpload({});
    await store.appendUpload(id, Readable.from(chunks(), { objectMode: false }), {});
    const digest = `sha256:${hash.digest('hex')}`;
    expect(await store.commitUpload(id, digest)).toMatchObject({ size: 64 * MIB });
    const out = createHash('sha256');
    for await (const chunk of (await store.open(digest))!) {
      out.update(chunk as Buffer);
      measure((chunk as Buffer).length);
    }
    expect(`sha256:${out.digest('hex')}`).toBe(digest);
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThan(8 * MIB);
  });

  it('resumes from the size that the file really has', async () => {
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('known')), {});
    await store.close();
    // What a killed process had written when it could not tell any more.
    await appendFile(staging(`${id}.data`), ' and more');
    store = await openFilesystemBlobs({ root });
    expect(await store.findUpload(id)).toMatchObject({ size: 14 });
    await expect(store.appendUpload(id, body(text('x')), { offset: 5 })).rejects.toEqual(
      expect.objectContaining({ code: 'RANGE_INVALID', detail: { size: 14 } }),
    );
    await store.appendUpload(id, body(text('!')), { offset: 14 });
    await store.commitUpload(id, sha256(text('known and more!')));
  });

  it('trusts the file more than its memory', async () => {
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('same length')), {});
    await writeFile(staging(`${id}.data`), 'SAME LENGTH');
    await expect(store.commitUpload(id, sha256(text('same length')))).rejects.toEqual(
      expect.objectContaining({ code: 'DIGEST_INVALID' }),
    );
  });

  it('clears away what crashes and earlier versions left, and nothing else', async () => {
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('bytes')), {});
    for (const leftover of ['put', 'probe', 'data', 'json'])
      await writeFile(staging(`77777777-7777-4777-8777-777777777777.${leftover}`), 'never published');
    await writeFile(staging('not-ours.txt'), 'stays');
    await reopen();
    expect(await store.expireUploads(Date.now() - 60_000)).toEqual([]);
    expect(await store.expireUploads(Date.now() + 60_000)).toEqual([id]);
    expect(await readdir(staging())).toEqual(['not-ours.txt']);
  });

  it('knows an upload without a file over a restart, until it expires', async () => {
    const opened = await store.openUpload({ actor: 'größe', repository: '日本' });
    await reopen();
    expect(await store.findUpload(opened.id)).toEqual(opened);
    await store.appendUpload(opened.id, body(text('late')), { offset: 0 });
    await store.commitUpload(opened.id, sha256(text('late')));
    const { id } = await store.openUpload({});
    await reopen();
    await store.expireUploads(Date.now() + 60_000);
    expect(await store.findUpload(id)).toBeUndefined();
  });

  it('knows no upload that lost its file, nor one under another spelling of its id', async () => {
    const { id } = await store.openUpload({ actor: 'u' });
    for (const other of [`${id}=`, `${id}A`, id.toUpperCase(), id.replace(/.$/, '_'), id.slice(0, 36)])
      expect(await store.findUpload(other), other).toBeUndefined();
    await store.appendUpload(id, body(text('bytes')), {});
    await rm(staging(`${id}.data`));
    expect(await store.findUpload(id)).toBeUndefined();
    await expect(store.commitUpload(id, sha256(text('')))).rejects.toEqual(
      expect.objectContaining({ code: 'UPLOAD_UNKNOWN' }),
    );
  });

  it('refuses an owner that fits into no name', async () => {
    await expect(store.openUpload({ actor: 'u'.repeat(200) })).rejects.toEqual(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
  });

  it('makes no file in staging for a small body that is committed at once, and one for a large body', async () => {
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('whole')), { last: true });
    expect(await readdir(staging())).toEqual([]);
    expect(await store.findUpload(id)).toMatchObject({ size: 5 });
    await store.commitUpload(id, sha256(text('whole')));
    const large = Buffer.alloc(2 * MIB, 'large');
    const upload = await store.openUpload({});
    await store.appendUpload(upload.id, body(large), { last: true });
    expect(await readdir(staging())).toEqual([`${upload.id}.data`]);
    await store.commitUpload(upload.id, sha256(large));
    expect(await readdir(staging())).toEqual([]);
  });

  it('writes a last chunk down when another one follows all the same', async () => {
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('last ')), { last: true });
    await store.appendUpload(id, body(text('but one')), { offset: 5 });
    await reopen();
    expect(await store.commitUpload(id, sha256(text('last but one')))).toMatchObject({ size: 12 });
  });

  it('counts the age of an upload from its last chunk, and of a blob from its commit', async () => {
    const { id } = await store.openUpload({});
    const longAgo = new Date(Date.now() - 3_600_000);
    await store.appendUpload(id, body(text('fr')), {});
    await utimes(staging(`${id}.data`), longAgo, longAgo);
    await store.appendUpload(id, body(text('esh')), {});
    expect(await store.expireUploads(Date.now() - 60_000)).toEqual([]);
    await utimes(staging(`${id}.data`), longAgo, longAgo);
    const blob = await store.commitUpload(id, sha256(text('fresh')));
    expect((await store.stat(blob.digest))?.createdAt).toBe(blob.createdAt);
    expect(blob.createdAt).toBeGreaterThan(Date.now() - 60_000);
  });

  it('makes an old blob young when its bytes are pushed again', async () => {
    const { digest } = await store.put(text('old'));
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(pathOf(digest), longAgo, longAgo);
    expect((await store.put(text('old'))).createdAt).toBeGreaterThan(Date.now() - 60_000);
    await utimes(pathOf(digest), longAgo, longAgo);
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('old')), {});
    expect(await store.commitUpload(id, digest)).toMatchObject({ created: false });
    expect((await store.stat(digest))!.createdAt).toBeGreaterThan(Date.now() - 60_000);
  });

  it('replaces a damaged blob of the wrong size when its bytes are pushed again', async () => {
    const { digest } = await store.put(text('precious'));
    await truncate(pathOf(digest), 3);
    expect(await store.put(text('precious'))).toMatchObject({ created: true });
    expect(Buffer.from((await store.read(digest))!).toString()).toBe('precious');
  });

  it('is unsure, not empty, when its folders are gone', async () => {
    const { digest } = await store.put(text('somewhere'));
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('bytes')), {});
    await rename(join(root, 'blobs'), join(root, 'away'));
    const list = async () => {
      for await (const blob of store.list()) return blob;
    };
    for (const call of [
      () => store.stat(digest),
      () => store.open(digest),
      () => store.read(digest),
      () => store.remove(digest),
      () => store.check(),
      () => store.put(text('new')),
      list,
    ]) {
      await expect(call(), call.toString()).rejects.toEqual(unavailable);
    }
    await rename(join(root, 'away'), join(root, 'blobs'));
    await rename(staging(), join(root, 'away'));
    for (const call of [
      () => store.findUpload(id),
      () => store.commitUpload(id, digest),
      () => store.check(),
    ]) {
      const error = await call().then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error).toEqual(unavailable);
      expect(error?.message).not.toContain(root);
    }
    await rename(join(root, 'away'), staging());
    expect(await store.stat(digest)).toMatchObject({ size: 9 });
    await store.check();
  });

  it('says so when it cannot be opened', async () => {
    await expect(openFilesystemBlobs({ root: '/proc/blobs' })).rejects.toEqual(unavailable);
  });

  it('lets a reader finish a blob that is removed meanwhile', async () => {
    const bytes = Buffer.alloc(3 * MIB, 'x');
    const { digest } = await store.put(bytes);
    const stream = (await store.open(digest))!;
    await store.remove(digest);
    let size = 0;
    for await (const chunk of stream) size += (chunk as Buffer).length;
    expect(size).toBe(bytes.length);
  });

  it('breaks a download loudly when the file is shorter than it was', async () => {
    const { digest } = await store.put(Buffer.alloc(3 * MIB, 'x'));
    const stream = (await store.open(digest))!;
    await truncate(pathOf(digest), MIB + 5);
    const reading = (async () => {
      for await (const _ of stream);
    })();
    await expect(reading).rejects.toEqual(unavailable);
  });

  it('reads into memory again that was given back, once, and into no other', async () => {
    const filled = (letter: string) => Buffer.alloc(MIB, letter);
    const blocksOf = async (letter: string, times: number) => {
      const { digest } = await store.put(filled(letter));
      const stream = (await store.open(digest))! as Readable & { release(block: Uint8Array): void };
      const blocks: Buffer[] = [];
      for await (const block of stream as AsyncIterable<Buffer>) {
        blocks.push(block);
        for (let n = 0; n < times; n++) stream.release(block);
      }
      return blocks;
    };
    const kept = await blocksOf('a', 0);
    const given = new Set((await blocksOf('b', 2)).map(block => block.buffer));
    const [one = [], other = []] = await Promise.all([blocksOf('c', 0), blocksOf('d', 0)]);
    expect([...one, ...other].some(block => given.has(block.buffer))).toBe(true);
    expect(Buffer.concat(kept).equals(filled('a'))).toBe(true);
    expect(Buffer.concat(one).equals(filled('c'))).toBe(true);
    expect(Buffer.concat(other).equals(filled('d'))).toBe(true);
  });

  it('closes the file of a download that is given up', async () => {
    const { digest } = await store.put(Buffer.alloc(3 * MIB, 'x'));
    const openFiles = async () => {
      const links = await readdir('/proc/self/fd');
      return links.length;
    };
    const before = process.platform === 'linux' ? await openFiles() : 0;
    for (let n = 0; n < 5; n++) {
      const stream = (await store.open(digest))!;
      stream.read(1);
      await new Promise<void>(resolve => stream.once('close', resolve).destroy());
    }
    if (process.platform === 'linux') expect(await openFiles()).toBe(before);
  });
});
