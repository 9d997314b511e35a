/** The files around a database of views: removing, syncing, and knowing whether the machine stopped under it. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { uptime } from 'node:os';
import { dirname } from 'node:path';

export function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
}

/** Makes what was written to a file, or the names in a folder, outlast a loss of power. */
export function syncPath(path: string): void {
  // Windows cannot open folders, and syncs only what is open for writing
  const isFolder = statSync(path).isDirectory();
  if (isFolder && process.platform === 'win32') return;
  const file = openSync(path, isFolder ? 'r' : 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Durably puts a finished database in the place of another, which is closed. */
export function replaceDatabase(path: string, by: string): void {
  syncPath(by);
  removeDatabase(path);
  renameSync(by, path);
  syncPath(dirname(path));
}

/**
 * While views are open nothing waits for the disk: they are disposable, and a wait of the only thread would be
 * everybody's. A kill cannot hurt them, since the system still has what was written; a stop of the machine can. So
 * `<path>.open` says in which run of the machine they were open, and is there until they were closed and synced.
 */
export const openMarker = (path: string) => {
  const file = `${path}.open`;
  return {
    /** Before anything is written. */
    set(): void {
      writeFileSync(file, machineRun());
      syncPath(file);
      syncPath(dirname(file));
    },
    /** After the database was closed. */
    clear(): void {
      if (existsSync(path)) syncPath(path);
      rmSync(file, { force: true });
    },
    /** The machine stopped while they were open, or may have. */
    isStale(): boolean {
      try {
        return !sameRun(readFileSync(file, 'utf8'), machineRun());
      } catch (error) {
        return (error as NodeJS.ErrnoException).code !== 'ENOENT';
      }
    },
  };
};

/** Names this run of the machine: Linux tells an id; elsewhere it is the second it started in, about. */
function machineRun(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return String(Math.round(Date.now() / 1000 - uptime()));
  }
}

const sameRun = (a: string, b: string) =>
  a === b || (/^\d+$/.test(a) && /^\d+$/.test(b) && Math.abs(Number(a) - Number(b)) < 10);
