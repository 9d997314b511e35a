/** Connections to PostgreSQL, and what its errors mean for a caller. */
import pg from 'pg';
import { refuse, StrongroomError } from '../../domain/errors.ts';

/** Longer than a client waits, a statement is stuck rather than slow. */
const STATEMENT_MS = 10_000;

export function poolConfig(url: string): pg.PoolConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    statement_timeout: STATEMENT_MS,
    query_timeout: STATEMENT_MS + 1_000,
    keepAlive: true,
    application_name: 'strongroom log',
    max: 4,
    // A server may have it off by default, and what is acknowledged here must survive a crash
    options: '-c synchronous_commit=on',
  };
}

/**
 * A session that holds the head lock: when its process freezes between two statements, the server ends it after two
 * seconds, so that the other nodes go on.
 */
export function writerConfig(url: string): pg.ClientConfig {
  const { max: _, ...config } = poolConfig(url);
  return {
    ...config,
    statement_timeout: 5_000,
    query_timeout: 6_000,
    idle_in_transaction_session_timeout: 2_000,
    application_name: 'strongroom log writer',
  };
}

/** A connected client whose later failure shows at its next query, or through `onLost`. */
export async function connect(config: pg.ClientConfig, onLost: () => void = () => {}): Promise<pg.Client> {
  const client = new pg.Client(config);
  client.on('error', onLost);
  client.on('end', onLost);
  await client.connect();
  return client;
}

/** Lets go of a client at once, also when the server does not answer. */
export function discard(client: pg.Client | undefined): void {
  if (!client) return;
  client.end().catch(() => undefined);
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}

/** SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html */
function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown }).code;
  return error instanceof pg.DatabaseError && typeof code === 'string' ? code : undefined;
}

/** Whether the same work may well succeed a moment later: the connection broke, or the server says "not now". */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return !(error instanceof StrongroomError) && !(error instanceof TypeError);
  // Connection, rollback (serialisation, deadlock), too many connections, database closed to connections, timeouts
  // of locks, statements and idle transactions, shutdown
  return /^(08|40|53300|55000|55P03|57|25P0)/.test(state);
}

/** Any failure as a refusal, saying which server. */
export function unavailable(error: unknown): StrongroomError {
  if (error instanceof StrongroomError) return error;
  const message = error instanceof Error ? error.message || error.name : String(error);
  const full = /^(53100|58030)$/.test(sqlState(error) ?? '');
  return full
    ? refuse('STORAGE_UNAVAILABLE', `PostgreSQL cannot write: ${message}`)
    : refuse('LOG_UNAVAILABLE', { reason: `PostgreSQL: ${message}`, retryAfter: 1 });
}

/** Runs a query of a reader; failures become refusals. */
export async function rowsOf<R extends unknown[]>(pool: pg.Pool, query: pg.QueryArrayConfig): Promise<R[]> {
  try {
    return (await pool.query<R>(query)).rows;
  } catch (error) {
    throw unavailable(error);
  }
}
