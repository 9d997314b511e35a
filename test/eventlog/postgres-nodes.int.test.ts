/** What only PostgreSQL has: several processes on one log, roles, frozen and lost sessions. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { EventLog } from '../../src/eventlog/port.ts';
import { openPostgresLog, type PostgresLogOptions } from '../../src/eventlog/postgres/log.ts';
import { writerConfig } from '../../src/eventlog/postgres/session.ts';
import { collect, eventsOf, everything, newEvents } from '../contracts/eventlog.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { describeWith } from '../support/services.ts';

describeWith(['postgres'], 'PostgreSQL event log, several nodes', () => {
  let server: TestPostgres;
  let url: string;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    server = (await startPostgres())!;
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.database();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map(each => each.close()));
  });

  async function node(options: PostgresLogOptions = { url }): Promise<EventLog> {
    const log = await openPostgresLog(options);
    open.push(log);
    return log;
  }

  async function client(config: pg.ClientConfig = { connectionString: url }): Promise<pg.Client> {
    const made = new pg.Client(config);
    made.on('error', () => {});
    await made.connect();
    open.push({ close: () => made.end().catch(() => undefined) });
    return made;
  }

  /** Ends the sessions of this log from the server's side; the count of those ended. */
  async function cut(admin: pg.Client, like = 'strongroom log%'): Promise<number> {
    const { rowCount } = await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE $1`,
      [like],
    );
    return rowCount ?? 0;
  }

  it('migrates once when several nodes start together on an empty database', async () => {
    const nodes = await Promise.all(Array.from({ length: 4 }, () => node()));
    expect(new Set(nodes.map(log => log.logId)).size).toBe(1);
  });

  it('gives all nodes one order without gaps, and each subscriber everything', async () => {
    const nodes = await Promise.all([node(), node(), node()]);
    const total = 3 * 4 * 15;
    const following = nodes.map(log => collect(log, {}, (_, seen) => eventsOf(seen).length === total));
    await Promise.all(
      nodes.flatMap(log =>
        Array.from({ length: 4 }, async (_, writer) => {
          for (let n = 0; n < 15; n++) await log.append(`s-${writer}`, newEvents(1), { expected: 'any' });
        }),
      ),
    );
    const all = await everything(nodes[0]!);
    expect(all.map(event => Number(event.position))).toEqual(Array.from({ length: total }, (_, n) => n + 1));
    for (const messages of await Promise.all(following)) expect(eventsOf(messages)).toEqual(all);
  });

  it('lets one node win a stream, and knows ids and heads of the others', async () => {
    const [a, b] = [await node(), await node()];
    const outcomes = await Promise.allSettled([
      a.append('s', newEvents(1), { expected: 'none' }),
      b.append('s', newEvents(1), { expected: 'none' }),
    ]);
    expect(outcomes.map(outcome => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
    const batch = newEvents(2);
    const first = await a.append('t', batch, { expected: 'none' });
    expect(await b.head()).toBe(first.position);
    expect(await b.append('t', batch, { expected: 'none' })).toEqual({ ...first, repeated: true });
  });

  it('goes on when a writer freezes while it holds the head', async () => {
    const log = await node();
    const frozen = await client(writerConfig(url));
    await frozen.query('BEGIN');
    await frozen.query('SELECT position FROM strongroom.head FOR UPDATE');
    const started = Date.now();
    await log.append('s', newEvents(1), { expected: 'none' });
    const waited = Date.now() - started;
    expect(waited).toBeGreaterThan(1_000);
    expect(waited).toBeLessThan(4_500);
    // The frozen one cannot commit what it had in hand
    await expect(frozen.query('COMMIT')).rejects.toThrow();
  });

  it('shows nobody an uncommitted event, and skips none that commits late', async () => {
    const log = await node();
    await log.append('s', newEvents(1), { expected: 'none' });
    const slow = await client();
    await slow.query('BEGIN');
    await slow.query('UPDATE strongroom.head SET position = position + 1');
    await slow.query(
      `INSERT INTO strongroom.events SELECT 2, stream_no, 1, $1, type, version, recorded_at, meta, data
       FROM strongroom.events WHERE position = 1`,
      [randomUUID()],
    );
    await slow.query('UPDATE strongroom.streams SET revision = 1');
    const later = log.append('other', newEvents(1), { expected: 'none' });
    expect((await log.readAll()).events).toHaveLength(1);
    const seen = collect(log, {}, (_, messages) => eventsOf(messages).length === 3);
    await slow.query('COMMIT');
    expect(Number((await later).position)).toBe(3);
    expect(eventsOf(await seen).map(event => Number(event.position))).toEqual([1, 2, 3]);
  });

  it('survives that its sessions are cut while it writes: nothing is lost, doubled or refused', async () => {
    const log = await node();
    const admin = await client();
    let cuts = 0;
    const following = collect(log, {}, (_, seen) => eventsOf(seen).length === 200, 30_000);
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; n < 25; n++) await log.append(`s-${writer}`, newEvents(1), { expected: 'any' });
    });
    const done = Promise.all(writers).then(() => true);
    for (let round = 0; round < 6; round++) {
      await Promise.race([done, new Promise(resolve => setTimeout(resolve, 20))]);
      cuts += await cut(admin);
    }
    await done;
    expect(cuts).toBeGreaterThan(0);
    expect(await everything(log)).toHaveLength(200);
    expect(eventsOf(await following)).toEqual(await everything(log));
  });

  it('finds out by itself what became of a commit whose answer was lost', async () => {
    const log = await node();
    const admin = await client();
    await admin.query(`
      CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON strongroom.event_ids DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION linger();`);
    const append = log.append('s', newEvents(1), { expected: 'none' });
    // The deferred trigger keeps the session inside COMMIT, where it is cut
    for (let ended = 0; ended === 0; ) {
      const { rows } = await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND query = 'COMMIT' AND state = 'active'`,
      );
      ended = rows.length;
    }
    expect(await append).toMatchObject({ revision: 0 });
    expect(await everything(log)).toHaveLength(1);
  });

  it('waits a little for a server that is away, then refuses, and goes on when it is back', async () => {
    const log = await node({ url, appendTimeoutMs: 600 });
    await log.append('s', newEvents(1), { expected: 'none' });
    const admin = await client();
    const elsewhere = await client({ connectionString: server.url });
    const name = new URL(url).pathname.slice(1);
    const allow = (yes: boolean) => elsewhere.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${yes}`);

    await allow(false);
    await cut(admin);
    const waiting = log.append('s', newEvents(1), { expected: 0 });
    await expect(log.head()).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    await allow(true);
    expect(await waiting).toMatchObject({ revision: 1 });

    await allow(false);
    await cut(admin);
    const following = collect(log, {}, (_, seen) => eventsOf(seen).length === 3);
    const refused = Array.from({ length: 3 }, () => log.append('s', newEvents(1), { expected: 1 }));
    for (const append of refused) await expect(append).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    await allow(true);
    await log.append('s', newEvents(1), { expected: 1 });
    expect(await log.readStream('s')).toHaveLength(3);
    expect(eventsOf(await following)).toHaveLength(3);
  });

  const FORBIDDEN = [
    `UPDATE strongroom.events SET type = 'Forged'`,
    'DELETE FROM strongroom.events',
    'TRUNCATE strongroom.events',
    'DELETE FROM strongroom.event_ids',
    'UPDATE strongroom.event_ids SET position = 7',
  ];

  it('guards the events against their own role', async () => {
    const log = await node();
    await log.append('s', newEvents(2), { expected: 'none' });
    const own = await client();
    for (const sql of FORBIDDEN)
      await expect(own.query(sql)).rejects.toThrow(/never changed|permission denied/);
    expect(await everything(log)).toHaveLength(2);
  });

  it('gives the role of the application no more than it needs', async () => {
    const admin = await client();
    const role = `app_${randomUUID().slice(0, 8)}`;
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'app'`);
    const app = new URL(url);
    app.username = role;
    app.password = 'app';
    const log = await node({ url: app.href, ownerUrl: url });
    await log.append('s', newEvents(2), { expected: 'none' });
    await log.append('s', newEvents(1), { expected: 1 });
    // Later starts need no owner
    expect(await everything(await node({ url: app.href }))).toHaveLength(3);
    const own = await client({ connectionString: app.href });
    const more = [
      'DROP TABLE strongroom.events',
      'DELETE FROM strongroom.streams',
      'DELETE FROM strongroom.head',
    ];
    for (const sql of [...FORBIDDEN, ...more, 'ALTER TABLE strongroom.events DISABLE TRIGGER ALL']) {
      await expect(own.query(sql)).rejects.toThrow(/permission denied|must be owner/);
    }
  });

  it('refuses tables of a newer version', async () => {
    await node();
    await (await client()).query('INSERT INTO strongroom.migrations VALUES (99)');
    await expect(node()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
  });
});
