import { describe, expect, it } from 'vitest';
import { FolderSync } from '../../src/blobs/filesystem/folders.ts';
import { SimulatedDisk } from './support/simulated-disk.ts';

/** Folder syncs that end when the test says so. */
function controlled() {
  const started: { folder: string; end: () => void; fail: (error: Error) => void }[] = [];
  const syncFolder = (folder: string) =>
    new Promise<void>((resolve, reject) => started.push({ folder, end: resolve, fail: reject }));
  return { started, sync: new FolderSync({ ...new SimulatedDisk().ops, syncFolder }) };
}

const turn = () => new Promise(setImmediate);

describe('syncs of one folder', () => {
  it('are shared by all who ask while one runs, but not by that one', async () => {
    const { started, sync } = controlled();
    const done: number[] = [];
    const asked = [0, 1, 2, 3].map(n => sync.sync('a').then(() => done.push(n)));
    await turn();
    expect(started).toHaveLength(1);
    started[0]!.end();
    await turn();
    expect(done).toEqual([0]);
    expect(started).toHaveLength(2);
    asked.push(sync.sync('a').then(() => done.push(4)));
    started[1]!.end();
    await turn();
    expect(done).toEqual([0, 1, 2, 3]);
    started[2]!.end();
    await Promise.all(asked);
    expect(started).toHaveLength(3);
  });

  it('do not wait for those of another folder', async () => {
    const { started, sync } = controlled();
    void sync.sync('a');
    const other = sync.sync('b');
    expect(started.map(({ folder }) => folder)).toEqual(['a', 'b']);
    started[1]!.end();
    await other;
  });

  it('fail together with the one they waited for, and start anew after that', async () => {
    const { started, sync } = controlled();
    const outcomes = Promise.allSettled([sync.sync('a'), sync.sync('a'), sync.sync('a')]);
    started[0]!.fail(new Error('lost'));
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(started).toHaveLength(1);
    const next = sync.sync('a');
    started[1]!.end();
    await next;
  });
});
