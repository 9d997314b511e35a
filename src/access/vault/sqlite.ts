/** The vault in a SQLite file of its own, readable by the server's user only. */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { refuse, StrongroomError } from '../../domain/errors.ts';
import { createVault, type Vault, type VaultEntry, type VaultStore, vaultEntry } from '../vault.ts';

const APPLICATION_ID = 0x53525654; // SRVT
/** Migrations by number: never change one, add the next. */
const MIGRATIONS = [
  `CREATE TABLE entries (
     kind TEXT NOT NULL,
     key TEXT NOT NULL,
     value TEXT NOT NULL,
     expires_at INTEGER,
     PRIMARY KEY (kind, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX entries_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL;`,
];

/** @param path of the file, usually `<data>/vault.db`; made with mode 0600. @throws STORAGE_UNAVAILABLE */
export function openSqliteVault(path: string, now?: () => Date): Vault {
  return createVault(openSqliteVaultStore(path), now);
}

function openSqliteVaultStore(path: string): VaultStore {
  const db = failing('the vault cannot be opened', () => open(path));
  const statements = prepare(db);
  const run = async <T>(work: () => T): Promise<T> => failing('the vault cannot be read or written', work);
  return {
    get: (kind, key) => run(() => entryOf(statements.get.get(kind, key))),
    insert: ({ kind, key, value, expiresAt }, time) =>
      run(() => {
        const { changes } = statements.insert.run(kind, key, value, expiresAt ?? null, time);
        const stored = entryOf(statements.get.get(kind, key));
        if (!stored) throw refuse('INTERNAL', 'a vault entry vanished while it was written');
        return { stored, inserted: changes > 0 };
      }),
    put: entries =>
      run(() =>
        inTransaction(db, () => {
          for (const { kind, key, value, expiresAt } of entries)
            statements.put.run(kind, key, value, expiresAt ?? null);
        }),
      ),
    remove: (kind, key) => run(() => void statements.remove.run(kind, key)),
    page: (after, limit) =>
      run(() =>
        statements.page.all(after?.kind ?? '', after?.key ?? '', limit).flatMap(row => entryOf(row) ?? []),
      ),
    purge: time => run(() => Number(statements.purge.run(time).changes)),
    // secure_delete has overwritten the value in its page: now the copies in the write-ahead log go
    scrub: () => run(() => db.exec('PRAGMA wal_checkpoint(TRUNCATE)')),
    close: () => run(() => db.isOpen && db.close()).then(() => {}),
  };
}

function open(path: string): DatabaseSync {
  createPrivately(path);
  const db = new DatabaseSync(path, { timeout: 5000 });
  try {
    // the -wal and -shm files take their mode from the database file
    db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;');
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function createPrivately(path: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  // Windows cannot open folders; its file systems journal the names by themselves
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  fsyncSync(handle);
  closeSync(handle);
}

function migrate(db: DatabaseSync): void {
  inTransaction(db, () => {
    const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
    if (version > MIGRATIONS.length)
      throw refuse('STORAGE_UNAVAILABLE', 'the vault was written by a newer Strongroom');
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    db.exec(`PRAGMA user_version=${MIGRATIONS.length}; PRAGMA application_id=${APPLICATION_ID}`);
  });
}

function inTransaction(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    // some failures, a full disk among them, have ended the transaction already
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function prepare(db: DatabaseSync) {
  const columns = 'kind, key, value, expires_at AS expiresAt';
  return {
    get: db.prepare(`SELECT ${columns} FROM entries WHERE kind = ? AND key = ?`),
    insert: db.prepare(
      `INSERT INTO entries (kind, key, value, expires_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
       WHERE entries.expires_at <= ?`,
    ),
    put: db.prepare(
      `INSERT INTO entries (kind, key, value, expires_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
    ),
    remove: db.prepare('DELETE FROM entries WHERE kind = ? AND key = ?'),
    page: db.prepare(`SELECT ${columns} FROM entries WHERE (kind, key) > (?, ?) ORDER BY kind, key LIMIT ?`),
    purge: db.prepare('DELETE FROM entries WHERE expires_at <= ?'),
  } satisfies Record<string, StatementSync>;
}

function entryOf(row: unknown): VaultEntry | undefined {
  if (row === undefined) return undefined;
  const { expiresAt, ...entry } = row as { readonly expiresAt: number | null };
  return vaultEntry.parse(expiresAt === null ? entry : { ...entry, expiresAt });
}

function failing<T>(reason: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StrongroomError) throw error;
    throw new StrongroomError('STORAGE_UNAVAILABLE', reason, { cause: error });
  }
}
