/**
 * The few file operations that the store is made of. Tests put a simulated disk behind them to fail each one and to
 * pull the plug after each one, so nothing in this folder may touch the disk in another way.
 */
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';

export interface FileInfo {
  /** bytes */
  readonly size: number;
  /** milliseconds since the epoch, with the fraction that the file system keeps */
  readonly modifiedAt: number;
}

export interface OpenFile {
  /** Fills `buffer` from `position`; resolves with the bytes read, fewer only at the end of the file. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Writes all chunks, one after the other, from `position`. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>;
  info(): Promise<FileInfo>;
  /** Sets the modification time (ms). */
  touch(at: number): Promise<void>;
  truncate(size: number): Promise<void>;
  /** fdatasync: the bytes and the length */
  syncData(): Promise<void>;
  /** fsync: also the times */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileOps {
  /** `create` fails when the file is there, `read` and `update` when it is not. */
  open(path: string, how: 'create' | 'read' | 'update'): Promise<OpenFile>;
  /** undefined when there is nothing at the path */
  info(path: string): Promise<FileInfo | undefined>;
  /** Replaces what is at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** False when there was nothing. */
  remove(path: string): Promise<boolean>;
  /** One level; false when it was there. */
  makeFolder(path: string): Promise<boolean>;
  list(folder: string): Promise<string[]>;
  /** Makes the names in a folder durable. */
  syncFolder(folder: string): Promise<void>;
}

const FLAGS = { create: 'wx+', read: 'r', update: 'r+' } as const;
/** Artifacts may be private: others on the host have no business with them. */
const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;

export const nodeFileOps: FileOps = {
  async open(path, how) {
    return openFile(await open(path, FLAGS[how], FILE_MODE));
  },
  async info(path) {
    const found = await stat(path).catch(unlessCode('ENOENT', undefined));
    return found && { size: found.size, modifiedAt: found.mtimeMs };
  },
  rename,
  remove: path => unlink(path).then(() => true, unlessCode('ENOENT', false)),
  makeFolder: path => mkdir(path, { mode: FOLDER_MODE }).then(() => true, unlessCode('EEXIST', false)),
  list: folder => readdir(folder),
  async syncFolder(folder) {
    // Windows cannot open folders; NTFS journals names by itself.
    if (process.platform === 'win32') return;
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

function openFile(handle: FileHandle): OpenFile {
  return {
    read: (buffer, position) => readFully(handle, buffer, position),
    write: (chunks, position) => writeFully(handle, chunks, position),
    async info() {
      const { size, mtimeMs } = await handle.stat();
      return { size, modifiedAt: mtimeMs };
    },
    touch: at => handle.utimes(at / 1000, at / 1000),
    truncate: size => handle.truncate(size),
    syncData: () => handle.datasync(),
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

async function readFully(handle: FileHandle, buffer: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** The kernel may write less than it was given (a disk that just fills up does): go on until it is all or an error. */
async function writeFully(
  handle: FileHandle,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let rest = chunks.filter(chunk => chunk.length > 0);
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, at);
    at += bytesWritten;
    rest = skipBytes(rest, bytesWritten);
  }
}

function skipBytes(chunks: Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  const firstUnwritten = chunks.findIndex(chunk => {
    if (chunk.length > left) return true;
    left -= chunk.length;
    return false;
  });
  if (firstUnwritten < 0) return [];
  const [partial, ...others] = chunks.slice(firstUnwritten);
  return partial ? [partial.subarray(left), ...others] : [];
}

function unlessCode<T>(code: string, value: T): (error: unknown) => T {
  return error => {
    if ((error as NodeJS.ErrnoException).code === code) return value;
    throw error;
  };
}
