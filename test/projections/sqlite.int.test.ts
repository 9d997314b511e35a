import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import { dumpViews } from '../../src/projections/dump.ts';
import { createRunner } from '../../src/projections/runner.ts';
import { openViews } from '../../src/projections/store.ts';
import { viewsContract } from '../contracts/views.ts';
import { History, write } from './history.ts';
import { queryContract } from './query-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'strongroom-views-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newPath = () => join(folder, `views-${files++}.db`);

viewsContract('SQLite', {
  fresh: async () => `sqlite:${newPath()}`,
  transient: () => Object.assign(new Error('disk I/O error'), { errcode: 10 }),
});

queryContract('SQLite', async () => `sqlite:${newPath()}`);

describe('a views file', () => {
  async function start(path: string, log = createMemoryLog()) {
    const notices: string[] = [];
    const store = await openViews({ url: `sqlite:${path}` });
    const runner = createRunner({ log, store, tendMs: 10, onNotice: text => notices.push(text) });
    await runner.started;
    const close = async () => {
      await runner.close();
      await store.close();
    };
    return { store, runner, notices, close };
  }

  async function built(path: string) {
    const log = createMemoryLog();
    await write(log, new History(21).run(1500).appends);
    const first = await start(path, log);
    const dump = await dumpViews(first.store);
    await first.close();
    return { log, dump };
  }

  test('that is no database is built again', async () => {
    const path = newPath();
    const { log, dump } = await built(path);
    writeFileSync(path, 'this is not a database, and it is long enough to be read as one'.repeat(100));
    const { store, notices, close } = await start(path, log);
    expect(notices[0]).toMatch(/damaged/);
    expect(await dumpViews(store)).toBe(dump);
    await close();
  });

  test('that was overwritten in its middle is built again', async () => {
    const path = newPath();
    const { log, dump } = await built(path);
    const file = openSync(path, 'r+');
    const half = Math.floor(statSync(path).size / 8192) * 4096;
    writeSync(file, Buffer.alloc(half, 0xa5), 0, half, half);
    closeSync(file);
    const { store, notices, close } = await start(path, log);
    expect(notices[0]).toMatch(/damaged/);
    expect(await dumpViews(store)).toBe(dump);
    await close();
  });

  test('whose damage is met by a query only is built again', async () => {
    const path = newPath();
    const { log, dump } = await built(path);
    const { store, runner, notices, close } = await start(path, log);
    const reset = new Promise<void>(resolve => runner.onReset(resolve));
    const { kysely } = store.current();
    await expect(
      kysely
        .selectFrom('nowhere' as 'tags')
        .selectAll()
        .execute(),
    ).rejects.toMatchObject({ code: 'VIEWS_BEHIND' });
    await reset;
    expect(notices.join()).toMatch(/no such table/);
    await runner.reached(await log.head(), 10_000);
    expect(await dumpViews(store)).toBe(dump);
    await close();
  });

  test('that is missing is built, and nothing else is left beside it', async () => {
    const path = newPath();
    const { log, dump } = await built(path);
    rmSync(path);
    writeFileSync(`${path}.next`, 'left behind by a build that was killed');
    const { store, close } = await start(path, log);
    expect(await dumpViews(store)).toBe(dump);
    await close();
    expect(readdirSync(folder).filter(name => join(folder, name).startsWith(path))).toEqual([
      path.slice(folder.length + 1),
    ]);
    expect(readFileSync(path).subarray(0, 15).toString()).toBe('SQLite format 3');
  });

  test('that was open when the machine stopped is built again; one whose process was killed is not', async () => {
    const path = newPath();
    const { log, dump } = await built(path);
    const killed = await start(path, log);
    const marker = readFileSync(`${path}.open`);
    await killed.close();
    expect(existsSync(`${path}.open`)).toBe(false);
    writeFileSync(`${path}.open`, marker);
    const sameRun = await start(path, log);
    expect(sameRun.notices).toEqual([]);
    await sameRun.close();
    writeFileSync(`${path}.open`, '1');
    const { store, notices, close } = await start(path, log);
    expect(notices[0]).toMatch(/the machine stopped/);
    expect(await dumpViews(store)).toBe(dump);
    await close();
  });

  test('queries say that they have to wait while nothing serves', async () => {
    const store = await openViews({ url: `sqlite:${newPath()}` });
    expect(() => store.current()).toThrow(expect.objectContaining({ code: 'VIEWS_BEHIND' }));
    await store.close();
  });
});
