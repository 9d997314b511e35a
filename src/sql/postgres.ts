/** PostgreSQL by `pg`: a pool whose integers are numbers, and Kysely on one schema of it. */
import {
  Kysely,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  WithSchemaPlugin,
} from 'kysely';
import pg from 'pg';
import { asRefusal } from './refusal.ts';

const INT8 = 20;

export interface PostgresOptions {
  readonly url: string;
  /** connections at most; default 10 */
  readonly max?: number;
}

/** A pool for views: 64-bit integers come as numbers (counts and sizes stay below 2^53). */
export function openPool({ url, max = 10 }: PostgresOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    application_name: 'strongroom views',
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format),
    } as pg.CustomTypesConfig,
  });
  // an idle connection that dies is replaced by the pool; without a listener it would end the process
  pool.on('error', () => {});
  // so would one that dies while it is in use; its query fails anyway
  pool.on('connect', client => client.on('error', () => {}));
  return pool;
}

/**
 * Queries on the tables of one schema. Closing is the pool's business.
 * They throw STORAGE_UNAVAILABLE while the database is away, VIEWS_BEHIND when the schema is gone.
 */
export function kyselyOn<Tables>(pool: pg.Pool, schema: string): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: refusing(pool) }),
    plugins: [new WithSchemaPlugin(schema)],
  });
}

/** The pool as Kysely takes it, with failures as refusals. */
function refusing(pool: pg.Pool): PostgresPool {
  const told = <T>(work: Promise<T>) =>
    work.catch(error => {
      throw asRefusal(error, postgresFailure(error));
    });
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await told(pool.connect());
      const query = (sql: string, parameters: readonly unknown[]) => told(client.query(sql, [...parameters]));
      return {
        // the other form is for cursors, which are not used
        query: query as unknown as PostgresPoolClient['query'],
        release: (destroy?: boolean) => client.release(destroy),
      };
    },
  };
}

/** Runs `work` in one transaction on a connection of its own; a broken connection is not given back. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** `"` and its content doubled: an identifier as SQL wants it. */
export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

const TRANSIENT_STATES = ['08', '40', '53', '57', '58', '55'];
/** undefined table, schema or column; data and index corruption */
const DAMAGED_STATES = ['42P01', '42703', '3F000', 'XX001', 'XX002'];
const NETWORK = /ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|terminat|timeout|closed/i;

/** What went wrong, as far as it changes what to do next. */
export function postgresFailure(error: unknown): 'damaged' | 'transient' | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) {
    if (DAMAGED_STATES.includes(code)) return 'damaged';
    return TRANSIENT_STATES.some(state => code.startsWith(state)) ? 'transient' : undefined;
  }
  return NETWORK.test(`${String(code)} ${String(message)}`) ? 'transient' : undefined;
}
