/** The file: how it is opened, and what is in it. Runs in the database thread. */
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { refuse, StrongroomError } from '../../domain/errors.ts';
import type { Failure, Opened } from './messages.ts';

const APPLICATION_ID = 0x53_74_72_67; // "Strg", so that `file` and we know whose file it is
const MIGRATIONS = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE streams (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL);
   CREATE TABLE events (
     position INTEGER PRIMARY KEY,
     stream_no INTEGER NOT NULL REFERENCES streams (no),
     revision INTEGER NOT NULL,
     id TEXT NOT NULL UNIQUE,
     type TEXT NOT NULL,
     version INTEGER NOT NULL,
     recorded_at TEXT NOT NULL,
     meta BLOB NOT NULL,
     data BLOB NOT NULL,
     UNIQUE (stream_no, revision)
   );
   CREATE TRIGGER events_stay BEFORE UPDATE ON events
     BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
   CREATE TRIGGER events_remain BEFORE DELETE ON events
     BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
   CREATE TABLE evidence (
     digest TEXT NOT NULL,
     owner TEXT NOT NULL,
     body BLOB NOT NULL,
     UNIQUE (digest, owner)
   );`,
];

/**
 * Opens or creates the log at `path`; only one process can.
 * @throws StrongroomError STORAGE_UNAVAILABLE with a reason a person can act on
 */
export function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    createPrivate(path);
    db = new DatabaseSync(path, { timeout: 300 });
    // EXCLUSIVE before WAL: the index of the log file then lives in our memory and no second process gets in
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    db.exec('PRAGMA cache_size = -16384;');
    migrate(db, path);
    // A commit whose fsync failed may be seen again here although the kernel never wrote it. Moving everything to
    // the main file, with its own fsync, makes what we are about to build on durable.
    db.exec('PRAGMA wal_checkpoint(TRUNCATE);');
    return db;
  } catch (error) {
    closeQuietly(db);
    throw readable(error, path);
  }
}

/**
 * Evidence may be personal: nobody else on the host reads this file, nor its -wal, which takes over the mode.
 * A file that exists is not touched: closing any descriptor of it would drop the locks of this whole process.
 */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function migrate(db: DatabaseSync, path: string): void {
  const version = pragma(db, 'user_version');
  if (version > MIGRATIONS.length) {
    throw refuse('STORAGE_UNAVAILABLE', `${path} was written by a newer Strongroom: use that version`);
  }
  if (version > 0 && pragma(db, 'application_id') !== APPLICATION_ID) {
    throw refuse('STORAGE_UNAVAILABLE', `${path} is not an event log of Strongroom`);
  }
  // Taken even when there is nothing to do: the lock shows at once whether somebody else has the file
  db.exec('BEGIN EXCLUSIVE');
  for (const sql of MIGRATIONS.slice(version)) db.exec(sql);
  if (version === 0) {
    const insert = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)');
    insert.run('log_id', randomUUID());
    insert.run('epoch', '1');
  }
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`);
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/** Who this log is and how far it goes. */
export function describe(db: DatabaseSync): Opened {
  const values = db.prepare('SELECT key, value FROM meta').all();
  const meta = new Map(values.map(row => [String(row.key), String(row.value)]));
  const last = db.prepare('SELECT max(position) AS head FROM events').get();
  return { logId: meta.get('log_id') ?? '', epoch: Number(meta.get('epoch')), head: Number(last?.head ?? 0) };
}

export function closeQuietly(db: DatabaseSync | undefined): void {
  try {
    db?.close();
  } catch {
    // Whatever it is, the file is let go of when the thread ends
  }
}

/** An error of SQLite as a refusal. Codes: https://sqlite.org/rescode.html */
export function readable(error: unknown, path: string): StrongroomError {
  if (error instanceof StrongroomError) return error;
  const code = Number((error as { errcode?: number }).errcode ?? 0) & 0xff;
  const message = error instanceof Error ? error.message : String(error);
  const reasons: Record<number, string> = {
    5: `another Strongroom uses this data folder (${path}): stop it first, or use another folder`,
    8: `${path} cannot be written: check the permissions`,
    11: `${path} is damaged (${message}): restore it from a backup`,
    13: `the disk with ${path} is full: free some space`,
    14: `${path} cannot be opened: check the folder and its permissions`,
    26: `${path} is not an event log of Strongroom`,
  };
  return refuse('STORAGE_UNAVAILABLE', reasons[code] ?? `${path}: ${message}`);
}

export function failureOf(error: unknown, path: string): Failure {
  const refusal = readable(error, path);
  return { code: refusal.code, reason: refusal.detail.reason ?? refusal.message };
}
