/**
 * A killed process does not lose the page cache, so killing proves nothing about syncing. Here the power fails before
 * every single operation of the disk, and each operation fails once; whatever was acknowledged must be readable.
 */
import { describe, expect, it } from 'vitest';
import type { FileOps } from '../../src/blobs/filesystem/file-ops.ts';
import { openFilesystemBlobs } from '../../src/blobs/filesystem.ts';
import type { BlobStore } from '../../src/blobs/port.ts';
import { StrongroomError } from '../../src/domain/errors.ts';
import { body, sha256, text } from '../contracts/blobs.ts';
import { SimulatedDisk, type Survivors } from './support/simulated-disk.ts';

const ROOT = '/srv/data';
const SURVIVORS: readonly Survivors[] = ['synced', 'synced and names', 'synced and bytes'];
const open = (fs: FileOps) => openFilesystemBlobs({ root: ROOT, fs });

/** What clients were told is there: digest → bytes. */
type Acknowledged = Map<string, Buffer>;
/** Runs one request and says whether it was acknowledged. */
type Attempt = (request: () => Promise<unknown>) => Promise<boolean>;

const strict: Attempt = async request => {
  await request();
  return true;
};

/** Pushes in all styles, two of everything at the same time, and a removal in between. */
async function pushes(store: BlobStore, told: Acknowledged, attempt: Attempt): Promise<void> {
  const put = async (content: string) => {
    const bytes = text(content);
    if (await attempt(() => store.put(bytes))) told.set(sha256(bytes), bytes);
  };
  const upload = async (...chunks: string[]) => {
    const bytes = text(chunks.join(''));
    const push = async () => {
      const { id } = await store.openUpload({ actor: 'u' });
      // in one piece it comes with the commit, as it does from most clients
      for (const chunk of chunks)
        await store.appendUpload(id, body(text(chunk)), { last: chunks.length === 1 });
      await store.commitUpload(id, sha256(bytes));
    };
    if (await attempt(push)) told.set(sha256(bytes), bytes);
  };
  await put('first');
  await Promise.all([
    put('first'),
    put('second'),
    upload('a ', 'layer'),
    upload('a layer'),
    upload('fourth'),
    put('third'),
  ]);
  told.delete(sha256(text('first')));
  await attempt(() => store.remove(sha256(text('first'))));
  await Promise.all([put('first'), upload('second')]);
}

async function lostOrWrong(disk: SimulatedDisk, told: Acknowledged): Promise<string[]> {
  const store = await open(disk.ops);
  const problems: string[] = [];
  for (const [digest, bytes] of told) {
    const found = await store.read(digest);
    if (!found || !bytes.equals(found)) problems.push(`${bytes} is ${found ? 'damaged' : 'lost'}`);
  }
  for await (const blob of store.list()) {
    const bytes = await store.read(blob.digest);
    if (sha256(bytes!) !== blob.digest) problems.push(`${blob.digest} shows other bytes`);
  }
  return problems;
}

async function readyDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await (await open(disk.ops)).close();
  return disk.afterPowerLoss('synced');
}

async function operationsOf(run: (disk: SimulatedDisk) => Promise<unknown>, disk: SimulatedDisk) {
  disk.arm({});
  await run(disk);
  return disk.count;
}

/** Cuts the power before each operation of `run` in turn and returns everything that was lost. */
async function cutEverywhere(
  run: (disk: SimulatedDisk, told: Acknowledged) => Promise<unknown>,
  fresh: () => SimulatedDisk,
): Promise<{ cuts: number; problems: string[] }> {
  const problems: string[] = [];
  const total = await operationsOf(disk => run(disk, new Map()), fresh());
  for (let cut = 0; cut <= total; cut++) {
    const disk = fresh();
    const told: Acknowledged = new Map();
    disk.arm({ powerOffBefore: cut });
    await Promise.race([run(disk, told), disk.poweredOff]);
    await new Promise(setImmediate);
    for (const survivors of SURVIVORS) {
      const found = await lostOrWrong(disk.afterPowerLoss(survivors), told);
      problems.push(...found.map(problem => `cut before operation ${cut}, ${survivors}: ${problem}`));
    }
  }
  return { cuts: total, problems };
}

describe('when the power fails', () => {
  it('loses nothing acknowledged while the store is made and takes its first blob', async () => {
    const { cuts, problems } = await cutEverywhere(
      async (disk, told) => {
        const store = await open(disk.ops);
        await store.put(text('very first'));
        told.set(sha256(text('very first')), text('very first'));
      },
      () => new SimulatedDisk(),
    );
    expect(cuts).toBeGreaterThan(260);
    expect(problems).toEqual([]);
  });

  it('loses nothing acknowledged while pushes of all kinds run', async () => {
    const ready = await readyDisk();
    const { cuts, problems } = await cutEverywhere(
      async (disk, told) => pushes(await open(disk.ops), told, strict),
      () => ready.afterPowerLoss('synced'),
    );
    expect(cuts).toBeGreaterThan(80);
    expect(problems).toEqual([]);
  });

  it('syncs the name that a killed process had only renamed before it says "there already"', async () => {
    const disk = await readyDisk();
    let killed = false;
    const ops: FileOps = {
      ...disk.ops,
      syncFolder: path => (killed ? new Promise(() => undefined) : disk.ops.syncFolder(path)),
    };
    const dying = await open(ops);
    killed = true;
    void dying.put(text('half'));
    await new Promise(setImmediate);
    const next = await open(disk.ops);
    expect(await next.put(text('half'))).toMatchObject({ created: false });
    const told = new Map([[sha256(text('half')), text('half')]]);
    expect(await lostOrWrong(disk.afterPowerLoss('synced'), told)).toEqual([]);
  });

  it.each([
    ['the bytes', { syncData: false, sync: false, syncFolder: true }],
    ['the names', { syncData: true, sync: true, syncFolder: false }],
  ])('would notice a store that forgets to sync %s', async (_, does) => {
    const ready = await readyDisk();
    const forgetful = (ops: FileOps): FileOps => ({
      ...ops,
      syncFolder: async path => (does.syncFolder ? ops.syncFolder(path) : undefined),
      open: async (path, how) => {
        const file = await ops.open(path, how);
        return {
          ...file,
          sync: async () => (does.sync ? file.sync() : undefined),
          syncData: async () => (does.syncData ? file.syncData() : undefined),
        };
      },
    });
    const { problems } = await cutEverywhere(
      async (disk, told) => pushes(await open(forgetful(disk.ops)), told, strict),
      () => ready.afterPowerLoss('synced'),
    );
    expect(problems.length).toBeGreaterThan(0);
  });
});

describe('when the disk refuses an operation', () => {
  const lenient: Attempt = request =>
    request().then(
      () => true,
      (error: unknown) => {
        expect(error).toBeInstanceOf(StrongroomError);
        expect((error as StrongroomError).code).toBe('STORAGE_UNAVAILABLE');
        expect((error as StrongroomError).message).not.toContain('secret');
        expect(JSON.stringify((error as StrongroomError).detail)).not.toContain('secret');
        return false;
      },
    );

  it.each(['ENOSPC', 'EIO', 'EMFILE'])('says %s, loses nothing acknowledged, and recovers', async code => {
    const ready = await readyDisk();
    const fresh = () => ready.afterPowerLoss('synced');
    const whole = async (disk: SimulatedDisk) => pushes(await open(disk.ops), new Map(), strict);
    const total = await operationsOf(whole, fresh());
    let failures = 0;
    for (let nth = 0; nth < total; nth++) {
      const disk = fresh();
      const told: Acknowledged = new Map();
      let store: BlobStore | undefined;
      disk.arm({ fail: operation => (operation.index === nth ? code : undefined) });
      const opened = await lenient(async () => {
        store = await open(disk.ops);
      });
      if (opened) await pushes(store!, told, async request => (await lenient(request)) || ++failures < 0);
      disk.arm({});
      store ??= await open(disk.ops);
      const toldBefore: Acknowledged = new Map(told);
      for (const survivors of SURVIVORS) {
        expect(await lostOrWrong(disk.afterPowerLoss(survivors), toldBefore), `operation ${nth}`).toEqual([]);
      }
      await pushes(store, told, strict);
      for (const survivors of SURVIVORS) {
        expect(await lostOrWrong(disk.afterPowerLoss(survivors), told), `after operation ${nth}`).toEqual([]);
      }
    }
    expect(failures).toBeGreaterThan(total / 4);
  });

  it('keeps what an upload had before the disk was full, and goes on when there is room again', async () => {
    const disk = await readyDisk();
    const store = await open(disk.ops);
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('kept ')), {});
    disk.arm({ fail: operation => (operation.name === 'write' ? 'ENOSPC' : undefined) });
    await expect(store.appendUpload(id, body(text('too much')), {})).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      detail: { reason: 'the disk is full' },
    });
    await expect(store.check()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    disk.arm({});
    await store.check();
    expect(await store.findUpload(id)).toMatchObject({ size: 5 });
    await store.appendUpload(id, body(text('and whole')), { offset: 5 });
    expect(await store.commitUpload(id, sha256(text('kept and whole')))).toMatchObject({ created: true });
  });

  it('keeps an upload that could not be renamed, and drops one that could not be synced', async () => {
    const disk = await readyDisk();
    const store = await open(disk.ops);
    const uploaded = async () => {
      const { id } = await store.openUpload({});
      await store.appendUpload(id, body(text('layer')), {});
      return id;
    };
    const failing = (name: string) => disk.arm({ fail: op => (op.name === name ? 'EIO' : undefined) });
    const unsynced = await uploaded();
    failing('sync');
    await expect(store.commitUpload(unsynced, sha256(text('layer')))).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
    });
    disk.arm({});
    expect(await store.findUpload(unsynced)).toBeUndefined();
    const unnamed = await uploaded();
    failing('rename');
    await expect(store.commitUpload(unnamed, sha256(text('layer')))).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
    });
    disk.arm({});
    expect(await store.commitUpload(unnamed, sha256(text('layer')))).toMatchObject({ created: true });
    expect(await disk.ops.list(`${ROOT}/staging`)).toEqual([]);
  });

  it('is unsure, not empty, when it cannot look', async () => {
    const disk = await readyDisk();
    const store = await open(disk.ops);
    const { digest } = await store.put(text('there'));
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('bytes')), {});
    for (const code of ['EIO', 'EACCES', 'EMFILE', 'ESTALE']) {
      disk.arm({ fail: () => code });
      const list = async () => {
        for await (const blob of store.list()) return blob;
      };
      for (const look of [
        () => store.stat(digest),
        () => store.open(digest),
        () => store.read(digest),
        () => store.remove(digest),
        () => store.findUpload(id),
        () => store.abortUpload(id),
        () => store.expireUploads(Date.now() + 1000),
        list,
      ]) {
        await expect(look(), look.toString()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
      }
    }
  });
});

describe('the steps to a durable blob', () => {
  const steps = (disk: SimulatedDisk) => disk.done.map(operation => operation.name);

  it('are the fewest for small content', async () => {
    const disk = await readyDisk();
    const store = await open(disk.ops);
    disk.arm({});
    await store.put(text('small'));
    expect(steps(disk)).toEqual(['create', 'write', 'syncData', 'rename', 'syncFolder']);
  });

  it('read nothing again when nothing was interrupted', async () => {
    const disk = await readyDisk();
    const store = await open(disk.ops);
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('chunk one, ')), {});
    await store.appendUpload(id, body(text('chunk two')), {});
    const reads: string[] = [];
    disk.arm({ fail: ({ name, path }) => void (name === 'read' && reads.push(path)) });
    await store.commitUpload(id, sha256(text('chunk one, chunk two')));
    expect(reads).toEqual([]);
    expect(steps(disk)).toEqual(['touch', 'sync', 'rename', 'syncFolder']);
  });

  it('are those of small content for a small upload that is committed at once', async () => {
    const disk = await readyDisk();
    const store = await open(disk.ops);
    disk.arm({});
    const { id } = await store.openUpload({});
    await store.appendUpload(id, body(text('small')), { last: true });
    await store.commitUpload(id, sha256(text('small')));
    expect(steps(disk)).toEqual(['create', 'write', 'syncData', 'rename', 'syncFolder']);
  });

  it('read the file once when the upload is resumed after a restart', async () => {
    const disk = await readyDisk();
    const { id } = await (await open(disk.ops)).openUpload({});
    const store = await open(disk.ops);
    await store.appendUpload(id, body(text('before ')), {});
    const restarted = await open(disk.ops);
    const reads: string[] = [];
    disk.arm({
      fail: ({ name, path }) => void (name === 'read' && path.endsWith('.data') && reads.push(path)),
    });
    await restarted.appendUpload(id, body(text('and ')), {});
    await restarted.appendUpload(id, body(text('after')), {});
    await restarted.commitUpload(id, sha256(text('before and after')));
    expect(reads).toHaveLength(1);
  });
});
