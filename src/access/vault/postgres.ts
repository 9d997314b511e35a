/** The vault in PostgreSQL, in a schema of its own: grant it to nobody but the application. */
import { Pool, type PoolClient } from 'pg';
import { refuse, StrongroomError } from '../../domain/errors.ts';
import { createVault, type Vault, type VaultEntry, type VaultStore, vaultEntry } from '../vault.ts';

/** Migrations by number: never change one, add the next. */
const MIGRATIONS = [
  `CREATE TABLE strongroom_vault.entries (
     kind text COLLATE "C" NOT NULL,
     key text COLLATE "C" NOT NULL,
     value text NOT NULL,
     expires_at bigint,
     PRIMARY KEY (kind, key)
   );
   CREATE INDEX entries_expiry ON strongroom_vault.entries (expires_at) WHERE expires_at IS NOT NULL;`,
];
/** any constant that no other module locks with */
const MIGRATION_LOCK = 5_391_702_001;
const COLUMNS = 'kind, key, value, expires_at::float8 AS "expiresAt"';

export interface PostgresVaultOptions {
  /** `postgres://user@host/database` */
  readonly url: string;
  readonly maxConnections?: number;
  readonly now?: () => Date;
}

/** Creates or migrates the schema. @throws STORAGE_UNAVAILABLE */
export async function openPostgresVault(options: PostgresVaultOptions): Promise<Vault> {
  return createVault(await openPostgresVaultStore(options), options.now);
}

async function openPostgresVaultStore({
  url,
  maxConnections = 4,
}: PostgresVaultOptions): Promise<VaultStore> {
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: 5000,
    statement_timeout: 10_000,
    idle_in_transaction_session_timeout: 10_000,
    application_name: 'strongroom vault',
    // a server may have it off by default, and what was acknowledged here must survive a crash
    options: '-c synchronous_commit=on',
  });
  // an idle connection that breaks is replaced at the next query: without a listener it would end the process
  pool.on('error', () => {});
  try {
    await failing('the vault cannot be opened', () => migrate(pool));
  } catch (error) {
    await pool.end();
    throw error;
  }
  return storeOn(pool);
}

function storeOn(pool: Pool): VaultStore {
  const query = (text: string, values: readonly unknown[] = []) =>
    failing('the vault cannot be reached', () => pool.query(text, [...values]));
  const get: VaultStore['get'] = async (kind, key) => {
    const sql = `SELECT ${COLUMNS} FROM strongroom_vault.entries WHERE kind = $1 AND key = $2`;
    const { rows } = await query(sql, [kind, key]);
    return rows.map(entryOf)[0];
  };
  return {
    get,
    async insert(entry, time) {
      const inserted = await query(
        `INSERT INTO strongroom_vault.entries AS known (kind, key, value, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
         WHERE known.expires_at <= $5 RETURNING kind`,
        [...valuesOf(entry), time],
      );
      if (inserted.rowCount) return { stored: entry, inserted: true };
      const stored = await get(entry.kind, entry.key);
      if (!stored) throw refuse('CONCURRENT_CHANGE');
      return { stored, inserted: false };
    },
    async put(entries) {
      await query(
        `INSERT INTO strongroom_vault.entries (kind, key, value, expires_at)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
         ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
        transposed(entries.map(valuesOf)),
      );
    },
    async remove(kind, key) {
      await query('DELETE FROM strongroom_vault.entries WHERE kind = $1 AND key = $2', [kind, key]);
    },
    async page(after, limit) {
      const { rows } = await query(
        `SELECT ${COLUMNS} FROM strongroom_vault.entries WHERE (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3`,
        [after?.kind ?? '', after?.key ?? '', limit],
      );
      return rows.map(entryOf);
    },
    async purge(time) {
      return (
        (await query('DELETE FROM strongroom_vault.entries WHERE expires_at <= $1', [time])).rowCount ?? 0
      );
    },
    async scrub() {
      // frees old row versions to be overwritten; archives and replicas of the database keep theirs
      await query('VACUUM strongroom_vault.entries');
    },
    close: () => (pool.ended ? Promise.resolve() : pool.end()),
  };
}

async function migrate(pool: Pool): Promise<void> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    await migrateIn(client);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

async function migrateIn(client: PoolClient): Promise<void> {
  // IF NOT EXISTS alone is not safe when two servers start at once
  await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  await client.query('CREATE SCHEMA IF NOT EXISTS strongroom_vault');
  await client.query('REVOKE ALL ON SCHEMA strongroom_vault FROM PUBLIC');
  await client.query('CREATE TABLE IF NOT EXISTS strongroom_vault.migrations (version integer PRIMARY KEY)');
  const { rows } = await client.query(
    'SELECT coalesce(max(version), 0) AS version FROM strongroom_vault.migrations',
  );
  const version = Number(rows[0].version);
  if (version > MIGRATIONS.length)
    throw refuse('STORAGE_UNAVAILABLE', 'the vault was written by a newer Strongroom');
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue;
    await client.query(migration);
    await client.query('INSERT INTO strongroom_vault.migrations VALUES ($1)', [index + 1]);
  }
}

const valuesOf = ({ kind, key, value, expiresAt }: VaultEntry) => [kind, key, value, expiresAt ?? null];

const transposed = (rows: readonly (readonly unknown[])[]) =>
  [0, 1, 2, 3].map(column => rows.map(row => row[column]));

function entryOf({ expiresAt, ...entry }: { readonly expiresAt: number | null }): VaultEntry {
  return vaultEntry.parse(expiresAt === null ? entry : { ...entry, expiresAt });
}

async function failing<T>(reason: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StrongroomError) throw error;
    throw new StrongroomError('STORAGE_UNAVAILABLE', reason, { cause: error });
  }
}
