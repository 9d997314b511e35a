/**
 * The journal of downloads on the file system: one file for each hour and node, appended and synced in groups.
 * A line that a crash cut off is dropped when the file is read: it was never acknowledged.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { refuse } from '../domain/errors.ts';

export interface FileJournal {
  append(segment: string, line: string): Promise<void>;
  segments(): Promise<readonly string[]>;
  read(segment: string): Promise<readonly string[]>;
  remove(segment: string): Promise<void>;
  close(): Promise<void>;
}

interface Waiting {
  readonly segment: string;
  readonly line: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export async function openFileJournal(folder: string): Promise<FileJournal> {
  await mkdir(folder, { recursive: true });
  let current: { segment: string; file: FileHandle } | undefined;
  let queue: Waiting[] = [];
  let writing: Promise<void> | undefined;
  const path = (segment: string) => join(folder, `${segment.replaceAll(':', '-')}.jsonl`);

  async function fileOf(segment: string): Promise<FileHandle> {
    if (current?.segment === segment) return current.file;
    const before = current;
    current = undefined;
    await before?.file.close();
    const file = await open(path(segment), 'a', 0o600);
    try {
      const dir = await open(folder, 'r');
      await dir.sync().finally(() => dir.close());
    } catch (error) {
      await file.close();
      throw error;
    }
    // only now: a file whose name is not durable is opened again for the next record
    current = { segment, file };
    return file;
  }

  async function writeGroup(segment: string, group: readonly Waiting[]): Promise<void> {
    try {
      const file = await fileOf(segment);
      // the leading newline ends a line that an earlier failure may have cut off
      await file.appendFile(group.map(({ line }) => `\n${line}`).join(''));
      await file.datasync();
      for (const { done } of group) done();
    } catch (error) {
      const refusal = refuse('STORAGE_UNAVAILABLE', 'the download could not be recorded');
      for (const { failed } of group) failed(Object.assign(refusal, { cause: error }));
    }
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const segment = queue[0]?.segment ?? '';
      const group = queue.filter(waiting => waiting.segment === segment);
      queue = queue.filter(waiting => waiting.segment !== segment);
      await writeGroup(segment, group);
    }
  }

  return {
    append: (segment, line) =>
      new Promise<void>((done, failed) => {
        queue.push({ segment, line, done, failed });
        writing ??= Promise.resolve()
          .then(drain)
          .finally(() => {
            writing = undefined;
          });
      }),
    async segments() {
      const names = await readdir(folder);
      return names
        .filter(name => name.endsWith('.jsonl'))
        .map(name => name.slice(0, -'.jsonl'.length))
        .sort();
    },
    async read(segment) {
      // another process may have sealed and removed it meanwhile
      const text = await readFile(path(segment), 'utf8').catch(absent);
      const lines = text.split('\n').filter(line => line !== '');
      return lines.filter(isWhole);
    },
    async remove(segment) {
      if (current?.segment === segment) {
        await current.file.close();
        current = undefined;
      }
      await rm(path(segment), { force: true });
    },
    async close() {
      await writing;
      await current?.file.close();
      current = undefined;
    },
  };
}

function absent(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
