/**
 * SQLite by `node:sqlite`: one connection, calls are synchronous, statements are cached by their text.
 * The Kysely dialect below executes on whatever database is current, so that one can be replaced by another.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { asRefusal } from './refusal.ts';

const MAX_STATEMENTS = 500;

export interface SqliteDatabase {
  /** Rows of a query, or none for a statement that gives none. */
  all(sql: string, parameters: readonly unknown[]): Record<string, unknown>[];
  /** A prepared statement that the caller keeps; it dies with the database. */
  prepare(sql: string): StatementSync;
  /** Runs statements without parameters, separated by semicolons. */
  exec(sql: string): void;
  /** Synchronous, so nothing else sees the half of it; rolls back when `work` throws. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** How an open file is to be treated. */
export const PRAGMAS = {
  /** Disposable after a stop of the machine, intact after a kill; never waits for the disk; this process alone. */
  serving: `PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
    PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY`,
  /** A file that is being built and is thrown away after a crash. */
  building: `PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    PRAGMA cache_size = -64000; PRAGMA temp_store = MEMORY`,
} as const;

/** Opens a file, creating it when it is missing. @throws an error of SQLite */
export function openSqlite(path: string, pragmas: keyof typeof PRAGMAS): SqliteDatabase {
  const db = new DatabaseSync(path);
  try {
    db.exec(PRAGMAS[pragmas]);
  } catch (error) {
    db.close();
    throw error;
  }
  const statements = new Map<string, StatementSync>();

  function cached(sql: string): StatementSync {
    const known = statements.get(sql);
    if (known) return known;
    const statement = db.prepare(sql);
    statements.set(sql, statement);
    if (statements.size > MAX_STATEMENTS) statements.delete(statements.keys().next().value!);
    return statement;
  }

  return {
    all: (sql, parameters) => cached(sql).all(...(parameters as SQLInputValue[])),
    prepare: sql => db.prepare(sql),
    exec: sql => db.exec(sql),
    transaction(work) {
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        // a full disk or an I/O error has rolled back by itself already
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    close() {
      statements.clear();
      if (db.isOpen) db.close();
    },
  };
}

/** What went wrong, as far as it changes what to do next. */
export function sqliteFailure(error: unknown): 'damaged' | 'transient' | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  if (typeof code !== 'number') return undefined;
  const primary = code & 0xff;
  // CORRUPT, NOTADB; "no such table" is a plain ERROR
  if (primary === 11 || primary === 26) return 'damaged';
  if (primary === 1 && /no such (table|column)/.test(String((error as Error).message))) return 'damaged';
  // BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN
  return [5, 6, 7, 8, 10, 13, 14].includes(primary) ? 'transient' : undefined;
}

/**
 * @param current the database to execute on; may throw when there is none now
 * @param onFailure is told of every query that failed
 */
export function sqliteDialect(
  current: () => SqliteDatabase,
  onFailure: (error: unknown) => void = () => {},
): Dialect {
  const execute = <R>({ sql, parameters }: CompiledQuery): QueryResult<R> => {
    try {
      return { rows: current().all(sql, parameters) as R[] };
    } catch (error) {
      onFailure(error);
      throw asRefusal(error, sqliteFailure(error));
    }
  };
  const connection: DatabaseConnection = {
    executeQuery: async query => execute(query),
    async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
      yield execute<R>(query);
    },
  };
  const run = (sql: string) => async () => void (await connection.executeQuery(CompiledQuery.raw(sql)));
  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: run('BEGIN'),
    commitTransaction: run('COMMIT'),
    rollbackTransaction: run('ROLLBACK'),
    releaseConnection: async () => {},
    destroy: async () => {},
  };
  return {
    createAdapter: () => new SharedConnectionAdapter(),
    createDriver: () => driver,
    createIntrospector: (db: Kysely<unknown>): DatabaseIntrospector => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** Kysely need not take turns on the connection: every statement runs to its end before anybody else is called. */
class SharedConnectionAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}
