/** The tables, and who may do what with them. Migrations by number: never change one, add the next. */
import pg from 'pg';
import { refuse } from '../../domain/errors.ts';
import { connect, discard, poolConfig, unavailable } from './session.ts';

export interface Schema {
  readonly name: string;
  readonly migrations: readonly string[];
  /** run after the migrations, with `%app` for the role of the application; idempotent */
  readonly grants: readonly string[];
}

/**
 * The log. `head` has one row; whoever locks it writes next, so positions are dense and commit in their order.
 * Streams are found by the SHA-256 of their name, since an index entry has at most 2,704 bytes. What only the log
 * knows to be unique stands in the side tables, so that `events` can be partitioned by position one day.
 */
export const LOG_SCHEMA: Schema = {
  name: 'strongroom',
  migrations: [
    `CREATE TABLE strongroom.head (
       single boolean PRIMARY KEY DEFAULT true CHECK (single),
       position bigint NOT NULL,
       streams bigint NOT NULL,
       recorded_at text COLLATE "C" NOT NULL,
       log_id uuid NOT NULL,
       epoch integer NOT NULL
     );
     INSERT INTO strongroom.head (position, streams, recorded_at, log_id, epoch)
       VALUES (0, 0, '', gen_random_uuid(), 1);
     CREATE TABLE strongroom.streams (
       no bigint PRIMARY KEY,
       key bytea NOT NULL UNIQUE,
       name text COLLATE "C" NOT NULL,
       revision integer NOT NULL
     );
     CREATE TABLE strongroom.event_ids (id uuid PRIMARY KEY, position bigint NOT NULL);
     CREATE TABLE strongroom.events (
       position bigint PRIMARY KEY,
       stream_no bigint NOT NULL,
       revision integer NOT NULL,
       id uuid NOT NULL,
       type text COLLATE "C" NOT NULL,
       version integer NOT NULL,
       recorded_at text COLLATE "C" NOT NULL,
       meta bytea NOT NULL,
       data bytea NOT NULL
     );
     CREATE UNIQUE INDEX events_of_stream ON strongroom.events (stream_no, revision);
     CREATE FUNCTION strongroom.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'events are never changed or deleted'; END $$;
     CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON strongroom.events
       FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse_change();
     CREATE TRIGGER event_ids_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON strongroom.event_ids
       FOR EACH STATEMENT EXECUTE FUNCTION strongroom.refuse_change();`,
  ],
  grants: [
    'GRANT USAGE ON SCHEMA strongroom TO %app',
    'GRANT SELECT ON ALL TABLES IN SCHEMA strongroom TO %app',
    'GRANT INSERT ON strongroom.events, strongroom.event_ids, strongroom.streams TO %app',
    'GRANT UPDATE ON strongroom.head, strongroom.streams TO %app',
    'REVOKE UPDATE, DELETE, TRUNCATE ON strongroom.events, strongroom.event_ids FROM %app',
    'REVOKE DELETE, TRUNCATE ON strongroom.head, strongroom.streams FROM %app',
  ],
};

/** any constant that no other module locks with */
const LOCK = 5_391_701_999;

/**
 * Brings a schema up to date, one process at a time. With `ownerUrl` the tables belong to that role and the role of
 * `url` gets what it needs and no more; else the one role loses what it must not do, and the triggers guard it.
 * @throws StrongroomError LOG_UNAVAILABLE, or STORAGE_UNAVAILABLE when the tables are of a newer version
 */
export async function migrate(
  schema: Schema,
  { url, ownerUrl }: { url: string; ownerUrl?: string },
): Promise<void> {
  const app = await currentUser(url);
  let client: pg.Client | undefined;
  try {
    client = await connect({ ...poolConfig(ownerUrl ?? url), statement_timeout: 0, query_timeout: 0 });
    await mustBeUtf8(client);
    if ((await versionOf(client, schema)) < schema.migrations.length) await upgrade(client, schema, app);
  } catch (error) {
    throw unavailable(error);
  } finally {
    await client?.end().catch(() => discard(client));
  }
}

async function currentUser(url: string): Promise<string> {
  let client: pg.Client | undefined;
  try {
    client = await connect(poolConfig(url));
    const { rows } = await client.query<{ name: string }>('SELECT current_user AS name');
    return rows[0]!.name;
  } catch (error) {
    throw unavailable(error);
  } finally {
    await client?.end().catch(() => discard(client));
  }
}

async function mustBeUtf8(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>('SHOW server_encoding');
  const encoding = rows[0]?.server_encoding;
  if (encoding !== 'UTF8')
    throw refuse('STORAGE_UNAVAILABLE', `the database has ${encoding}: create it with UTF8`);
}

async function versionOf(client: pg.Client, { name, migrations }: Schema): Promise<number> {
  const there = await client.query<{ there: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'migrations') AS there`,
    [name],
  );
  if (!there.rows[0]?.there) return 0;
  const found = await client.query<{ version: number }>(
    `SELECT max(version) AS version FROM ${name}.migrations`,
  );
  const version = found.rows[0]?.version ?? 0;
  if (version > migrations.length) {
    throw refuse('STORAGE_UNAVAILABLE', `schema ${name} was written by a newer Strongroom: use that version`);
  }
  return version;
}

async function upgrade(client: pg.Client, schema: Schema, app: string): Promise<void> {
  const { name, migrations, grants } = schema;
  await client.query('BEGIN');
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
  await client.query(`CREATE TABLE IF NOT EXISTS ${name}.migrations (version integer PRIMARY KEY)`);
  const done = await versionOf(client, schema);
  for (const [at, sql] of migrations.entries()) {
    if (at < done) continue;
    await client.query(sql);
    await client.query(`INSERT INTO ${name}.migrations VALUES ($1)`, [at + 1]);
  }
  for (const grant of grants) await client.query(grant.replace('%app', pg.escapeIdentifier(app)));
  await client.query('COMMIT');
}
