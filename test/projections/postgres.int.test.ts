import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import type { EventLog } from '../../src/eventlog/port.ts';
import { dumpViews } from '../../src/projections/dump.ts';
import { createRunner } from '../../src/projections/runner.ts';
import { openViews, type ViewsOptions } from '../../src/projections/store.ts';
import { viewsContract } from '../contracts/views.ts';
import { lineTo } from '../support/line.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { describeWith } from '../support/services.ts';
import { History, write } from './history.ts';
import { queryContract } from './query-contract.ts';

describeWith(['postgres'], 'PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = (await startPostgres())!;
  });
  afterAll(() => server?.stop());

  viewsContract('PostgreSQL', {
    fresh: () => server.database(),
    transient: () => Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' }),
  });

  queryContract('PostgreSQL', () => server.database());

  async function node(log: EventLog, options: ViewsOptions) {
    const store = await openViews({ graceMs: 0, ...options });
    const runner = createRunner({ log, store, batch: 50, tendMs: 20 });
    const close = async () => {
      await runner.close();
      await store.close();
    };
    return { store, runner, close };
  }

  async function rows<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  test('gives the same rows as SQLite, also after a rebuild', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strongroom-views-'));
    const log = createMemoryLog();
    await write(log, new History(31).run(3000).appends);
    const lite = await node(log, { url: `sqlite:${join(folder, 'views.db')}` });
    const full = await node(log, { url: await server.database() });
    await Promise.all([lite.runner.started, full.runner.started]);
    const dump = await dumpViews(lite.store);
    expect(dump.split('\n').length).toBeGreaterThan(9000);
    expect(await dumpViews(full.store)).toBe(dump);
    await Promise.all([lite.runner.rebuild(), full.runner.rebuild()]);
    expect(await dumpViews(lite.store)).toBe(dump);
    expect(await dumpViews(full.store)).toBe(dump);
    await Promise.all([lite.close(), full.close()]);
    rmSync(folder, { recursive: true });
  });

  test('a query whose connection is cut is refused, and ends nothing else', async () => {
    const url = await server.database();
    const line = await lineTo(url);
    const { store, runner, close } = await node(createMemoryLog(), { url: line.url });
    await runner.started;
    const { kysely } = store.current();
    const slow = expect(sql`SELECT pg_sleep(60)`.execute(kysely)).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
    });
    const busy = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
    await expect.poll(() => rows(url, busy)).toHaveLength(1);
    await line.cut();
    await slow;
    await line.mend();
    await expect.poll(() => sql`SELECT 1`.execute(kysely).catch(() => undefined)).toBeDefined();
    await close();
    await line.cut();
  });

  test('two nodes start at once, share the work, each hears all, and follow a rebuild of either', async () => {
    const url = await server.database();
    const log = createMemoryLog();
    const history = new History(32).run(600);
    await write(log, history.appends);
    const [a, b] = await Promise.all([node(log, { url }), node(log, { url })]);
    await Promise.all([a.runner.started, b.runner.started]);
    const heard = [a, b].map(({ runner }) => {
      const positions: string[] = [];
      runner.onApplied(events => positions.push(...events.map(event => event.position)));
      return positions;
    });
    const before = history.appends.length;
    const appends = history.run(600).appends.slice(before);
    const half = appends.length >> 1;
    await write(log, appends.slice(0, half));
    const rebuilt = a.runner.rebuild();
    const last = await write(log, appends.slice(half));
    await rebuilt;
    await Promise.all([a.runner.reached(last, 20_000), b.runner.reached(last, 20_000)]);
    const expected = Array.from({ length: appends.length }, (_, at) =>
      String(before + at + 1).padStart(20, '0'),
    );
    expect(heard).toEqual([expected, expected]);
    // the node that did not rebuild moves over by itself, and then the old schema goes
    await expect
      .poll(() => b.runner.status().generation, { timeout: 10_000 })
      .toBe(a.runner.status().generation);
    await expect
      .poll(() => rows(url, `SELECT 1 FROM pg_namespace WHERE nspname LIKE 'strongroom\\_views\\__%'`), {
        timeout: 10_000,
      })
      .toHaveLength(1);
    const alone = await node(log, { url: await server.database() });
    await alone.runner.started;
    const dump = await dumpViews(alone.store);
    expect(await dumpViews(a.store)).toBe(dump);
    expect(await dumpViews(b.store)).toBe(dump);
    for (const { close } of [a, b, alone]) await close();
  });

  test('a node of an older program goes on with its own views while a newer one builds others', async () => {
    const url = await server.database();
    const log = createMemoryLog();
    await write(log, new History(33).run(200).appends);
    const old = await node(log, { url });
    await old.runner.started;
    const definitions = old.store.definitions.map(view => ({ ...view, version: 7 }));
    const young = await node(log, { url, definitions });
    await young.runner.started;
    const last = await write(log, new History(34).run(100).appends);
    await Promise.all([old.runner.reached(last, 10_000), young.runner.reached(last, 10_000)]);
    expect(old.runner.status().generation).not.toBe(young.runner.status().generation);
    expect(await dumpViews(old.store)).toBe(await dumpViews(young.store));
    await old.close();
    await young.close();
  });

  test('connections that are cut are made again', async () => {
    const url = await server.database();
    const log = createMemoryLog();
    await write(log, new History(35).run(200).appends);
    const { runner, close } = await node(log, { url });
    await runner.started;
    await rows(
      server.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'strongroom views'`,
    );
    await runner.reached(await write(log, new History(36).run(50).appends), 10_000);
    await close();
  });

  test('a schema that somebody dropped is built again', async () => {
    const url = await server.database();
    const log = createMemoryLog();
    await write(log, new History(37).run(200).appends);
    const first = await node(log, { url });
    await first.runner.started;
    const dump = await dumpViews(first.store);
    await first.close();
    await rows(url, 'DROP SCHEMA strongroom_views_1 CASCADE');
    const { store, runner, close } = await node(log, { url });
    await runner.started;
    expect(await dumpViews(store)).toBe(dump);
    await close();
  });
});
