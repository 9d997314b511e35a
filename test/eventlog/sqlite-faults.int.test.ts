/** What only the file has: one process at a time, kill -9, a full or failing disk, damage, a dead thread. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WorkerLink } from '../../src/eventlog/sqlite/link.ts';
import { openSqliteLog } from '../../src/eventlog/sqlite/log.ts';
import { everything, newEvents } from '../contracts/eventlog.ts';
import { describeWith } from '../support/services.ts';

const WRITER = join(import.meta.dirname, 'sqlite-writer.ts');
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-log-'));
  path = join(folder, 'events.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function writer(options: { callers: number; rounds: number; under?: readonly string[] }): ChildProcess {
  const { callers, rounds, under = [] } = options;
  const node = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    WRITER,
    path,
    `${callers}`,
    `${rounds}`,
  ];
  const [program, ...args] = [...under, ...node];
  return spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

interface Outcomes {
  /** id by position */
  readonly acknowledged: Map<string, string>;
  readonly lines: readonly string[];
}

function outcomesOf(output: string): Outcomes {
  // A killed process may leave half a line
  const lines = output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
  const acks = lines.filter(line => line.startsWith('ack ')).map(line => line.split(' '));
  return { acknowledged: new Map(acks.map(([, position, id]) => [position!, id!])), lines };
}

/** Everything acknowledged is in the log where it was said to be. */
async function expectKept(acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const log = await openSqliteLog({ path });
  const kept = new Map((await everything(log, 1_000)).map(event => [event.position, event.id]));
  for (const [position, id] of acknowledged) expect(kept.get(position)).toBe(id);
  await log.append('after', newEvents(1), { expected: 'any' });
  await log.close();
}

describe('the file of the SQLite log', () => {
  it('is refused to a second opener, in this process and in another, by a readable message', async () => {
    const log = await openSqliteLog({ path });
    const refusal = {
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('another Strongroom uses'),
    };
    await expect(openSqliteLog({ path })).rejects.toMatchObject(refusal);
    // A refused opener must not let go of the lock of the first
    const other = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '-e',
        `import { openSqliteLog } from ${JSON.stringify(join(import.meta.dirname, '../../src/eventlog/sqlite/log.ts'))};
         const log = await openSqliteLog({ path: ${JSON.stringify(path)} }).catch(error => console.log(error.message));
         await log?.close();`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const message = await text(other.stdout!);
    expect(message).toContain('another Strongroom uses this data folder');
    expect(message).toContain(path);
    await log.append('s', newEvents(1), { expected: 'none' });
    await log.close();
    await (await openSqliteLog({ path })).close();
  });

  it('is readable by its owner only', async () => {
    const log = await openSqliteLog({ path });
    await log.append('s', newEvents(1), { expected: 'none' });
    for (const file of [path, `${path}-wal`]) expect((await stat(file)).mode & 0o077).toBe(0);
    await log.close();
  });

  it('loses nothing acknowledged to kill -9, round after round', async () => {
    const acknowledged = new Map<string, string>();
    for (let round = 0; round < 6; round++) {
      const child = writer({ callers: 16, rounds: 1_000_000 });
      let output = '';
      await new Promise<void>(resolve => {
        child.stdout!.on('data', chunk => {
          output += chunk;
          if (output.length > 4_000 * (round + 1)) resolve();
        });
      });
      child.kill('SIGKILL');
      await once(child, 'close');
      for (const [position, id] of outcomesOf(output).acknowledged) acknowledged.set(position, id);
    }
    expect(acknowledged.size).toBeGreaterThan(500);
    await expectKept(acknowledged);
  });

  it('refuses to be changed or emptied behind our back', async () => {
    const log = await openSqliteLog({ path });
    await log.append('s', newEvents(2), { expected: 'none' });
    await log.close();
    const db = new DatabaseSync(path);
    expect(() => db.exec(`UPDATE events SET type = 'Forged'`)).toThrow(/never changed/);
    expect(() => db.exec('DELETE FROM events')).toThrow(/never deleted/);
    expect(db.prepare('SELECT typeof(data) AS kind, CAST(data AS TEXT) AS text FROM events').get()).toEqual({
      kind: 'blob',
      text: '{"n":0}',
    });
    db.close();
  });

  it('says what is wrong with a file it cannot use', async () => {
    const log = await openSqliteLog({ path });
    await log.append('s', newEvents(1), { expected: 'none' });
    await log.close();
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    await expect(openSqliteLog({ path })).rejects.toThrow(/newer Strongroom/);
    await writeFile(path, 'this was never a database, and it is long enough to tell'.repeat(100));
    await expect(openSqliteLog({ path })).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('is not an event log'),
    });
    await expect(openSqliteLog({ path: join(path, 'below-a-file.db') })).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
    });
  });

  it('reports a dead thread, refuses what waits and what comes, and ends', async () => {
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       parentPort.postMessage({ opened: { logId: 'x', epoch: 1, head: 0 } });
       parentPort.on('message', () => { throw new Error('out of order'); });`,
      { eval: true },
    );
    const { link } = await WorkerLink.open(worker);
    const broken: Error[] = [];
    link.listen({ turn: () => {}, broken: error => broken.push(error) });
    const refusal = { code: 'LOG_UNAVAILABLE', message: expect.stringContaining('out of order') };
    await expect(link.call({ kind: 'digests', after: '', limit: 1 })).rejects.toMatchObject(refusal);
    await expect(link.call({ kind: 'digests', after: '', limit: 1 })).rejects.toMatchObject(refusal);
    expect(broken).toHaveLength(1);
    await link.close();
  });
});

describeWith(['strace'], 'the SQLite log on a failing disk', () => {
  const faults = [
    { name: 'fsync fails', calls: 'fsync,fdatasync', fault: 'error=EIO:when=30..40' },
    { name: 'the disk is full', calls: 'pwrite64', fault: 'error=ENOSPC:when=200..220' },
    { name: 'writes fail', calls: 'pwrite64', fault: 'error=EIO:when=200..220' },
  ];
  for (const { name, calls, fault } of faults) {
    it(`${name}: refuses, loses nothing acknowledged, and goes on by itself`, async () => {
      const under = [
        'strace',
        '-f',
        '-qq',
        '-o',
        '/dev/null',
        '-e',
        `trace=${calls}`,
        '-e',
        `inject=${calls}:${fault}`,
      ];
      const child = writer({ callers: 4, rounds: 60, under });
      const [output] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
      const { acknowledged, lines } = outcomesOf(output);
      const errors = lines.filter(line => line.startsWith('error'));
      expect(new Set(errors)).toEqual(new Set(['error STORAGE_UNAVAILABLE']));
      expect(lines.indexOf(errors[0]!)).toBeGreaterThan(0);
      expect(lines.at(-1)).toMatch(/^ack/);
      await expectKept(acknowledged);
    });
  }

  it('syncs what it wrote before it acknowledges', async () => {
    const trace = join(folder, 'trace');
    const calls = 'trace=pwrite64,write,fsync,fdatasync';
    const child = writer({
      callers: 1,
      rounds: 50,
      under: ['strace', '-f', '-qq', '-y', '-o', trace, '-e', calls],
    });
    await Promise.all([text(child.stdout!), once(child, 'exit')]);
    const { acknowledged, early } = checkOrder((await readFile(trace, 'utf8')).split('\n'));
    expect(acknowledged).toBe(50);
    expect(early).toEqual([]);
  });
});

/** Acknowledgements in a trace, and those with something written but not synced, or nothing written, before them. */
function checkOrder(lines: readonly string[]): { acknowledged: number; early: string[] } {
  const early: string[] = [];
  let acknowledged = 0;
  let dirty = new Set<string>();
  let writes = 0;
  for (const line of lines) {
    const [, call, file] = /(pwrite64|fsync|fdatasync)\(\d+<([^>]*events\.db[^>]*)>/.exec(line) ?? [];
    if (call === 'pwrite64') {
      dirty.add(file!);
      writes += 1;
    } else if (call) dirty.delete(file!);
    if (!/write\(1<.*"ack /.test(line)) continue;
    acknowledged += 1;
    if (dirty.size > 0 || writes === 0) early.push(line);
    dirty = new Set();
    writes = 0;
  }
  return { acknowledged, early };
}
