import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileSnapshots } from '../../src/snapshots/files.ts';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'snapshots-'));
  folder = join(root, 'snapshots');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const STREAM = 'tag-r1/../team/app:latest';
const bytes = (text: string) => Buffer.from(text);

describe('snapshots in files', () => {
  it('are there again for whoever opens the folder, the last for each stream', async () => {
    const store = await openFileSnapshots(folder);
    expect(await store.load(STREAM)).toBeUndefined();
    await store.save(STREAM, bytes('one'));
    await store.save(STREAM, bytes('two'));
    await store.save('tag-other', bytes(''));
    const other = await openFileSnapshots(folder);
    expect(await other.load(STREAM)).toEqual(bytes('two'));
    expect(await other.load('tag-other')).toEqual(bytes(''));
    expect(await readdir(folder)).toHaveLength(2);
  });

  it('count as none when they are damaged, cut off or gone', async () => {
    const store = await openFileSnapshots(folder);
    await store.save(STREAM, bytes('{"state":1}'));
    const [name = ''] = await readdir(folder);
    const path = join(folder, name);
    const good = await readFile(path);
    for (let length = 0; length < good.length; length++) {
      await writeFile(path, good.subarray(0, length));
      expect(await store.load(STREAM)).toBeUndefined();
    }
    for (let at = 0; at < good.length; at++) {
      await writeFile(path, good.with(at, (good[at] ?? 0) ^ 1));
      expect(await store.load(STREAM)).toBeUndefined();
    }
    await rm(folder, { recursive: true });
    expect(await store.load(STREAM)).toBeUndefined();
    await store.save(STREAM, bytes('again'));
    expect(await store.load(STREAM)).toEqual(bytes('again'));
  });

  it('that cannot be kept disturb nobody', async () => {
    await writeFile(folder, 'a file where the folder should be');
    const store = await openFileSnapshots(folder);
    await store.save(STREAM, bytes('one'));
    expect(await store.load(STREAM)).toBeUndefined();
    expect(await readdir(root)).toEqual(['snapshots']);
  });

  it('leave nothing half written behind', async () => {
    const store = await openFileSnapshots(folder);
    await store.save(STREAM, bytes('one'));
    await writeFile(join(folder, 'abc.part'), 'cut off');
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.save(STREAM, bytes(`n${n}`))));
    await openFileSnapshots(folder);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('are not kept when they are huge', async () => {
    const store = await openFileSnapshots(folder);
    await store.save(STREAM, new Uint8Array(16 * 1024 * 1024 + 1));
    expect(await store.load(STREAM)).toBeUndefined();
  });
});
