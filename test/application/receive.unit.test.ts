import { hash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeEach, expect, it } from 'vitest';
import type { Core } from '../../src/application/core.ts';
import { ReceivedFile } from '../../src/application/receive.ts';
import { caller, repositoryRow } from './support.ts';

const MIB = 1024 * 1024;
const by = { caller: caller('ada'), repository: repositoryRow() };
let stored: Buffer;
let opened: number;
let core: Core;

beforeEach(() => {
  stored = Buffer.alloc(0);
  opened = 0;
  const blobs = {
    put: async (bytes: Buffer) => {
      stored = Buffer.from(bytes);
    },
    openUpload: async () => ({ id: 'u1' }),
    appendUpload: async (_id: string, source: Readable) => {
      stored = await buffer(source);
      return { size: stored.length };
    },
    commitUpload: async () => {},
    open: async (_digest: string, range = { start: 0, end: stored.length - 1 }) => {
      opened++;
      return Readable.from([stored.subarray(range.start, range.end + 1)], { objectMode: false });
    },
  };
  const grants = [{ scope: { kind: 'instance' }, role: 'admin' }];
  core = {
    blobs,
    hot: { get: async () => grants },
    settings: { maxBlobBytes: 10 * MIB },
  } as unknown as Core;
});

it.each([
  ['a body', (bytes: Buffer) => Readable.from([bytes.subarray(0, 10), bytes.subarray(10)])],
  ['bytes', (bytes: Buffer) => bytes],
])('small files of %s are looked into without the store', async (_, body) => {
  const bytes = randomBytes(5000);
  const file = await ReceivedFile.from(core, by, body(bytes));
  expect(stored).toEqual(bytes);
  expect(file.canonical).toBe(`sha256:${hash('sha256', bytes)}`);
  expect(await file.read()).toEqual(bytes);
  expect(await file.read({ start: 4990, end: 4999 })).toEqual(bytes.subarray(4990));
  expect(await buffer(await file.open())).toEqual(bytes);
  expect(await buffer(await file.open({ start: 1, end: 1 }))).toEqual(bytes.subarray(1, 2));
  expect(opened).toBe(0);
});

it('large files are read from the store', async () => {
  const bytes = randomBytes(MIB + 1);
  for (const body of [Readable.from([bytes]), bytes]) {
    const file = await ReceivedFile.from(core, by, body);
    expect(await file.read({ start: MIB, end: MIB })).toEqual(bytes.subarray(MIB));
    expect((await buffer(await file.open())).equals(bytes)).toBe(true);
  }
  expect(opened).toBe(4);
});

it('what lies outside of a small file is for the store to answer', async () => {
  const file = await ReceivedFile.from(core, by, Buffer.from('abc'));
  await file.read({ start: 2, end: 5 });
  expect(opened).toBe(1);
});
