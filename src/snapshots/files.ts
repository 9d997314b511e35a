/**
 * Snapshots as files, one for each long stream, named by the digest of its name: there are few, they are read one at a
 * time by name, and several processes may share the folder. Nothing is synced: a file that a crash cut off does not
 * match its digest and counts as none.
 */
import { hash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotStore } from './port.ts';

const PART = '.part';
const DIGEST_BYTES = 32;
/** A state that is larger takes about as long to read as the stream that it stands for. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Only what was there at the opening, or was kept since by this process, is looked for: nearly all streams have none,
 * and asking the disk for each of them costs more than missing one that another process has kept since.
 * @param folder is made when the first snapshot is kept
 */
export async function openFileSnapshots(folder: string): Promise<SnapshotStore> {
  await removeParts(folder);
  const known = new Set(await readdir(folder).catch(() => []));
  const nameOf = (stream: string) => hash('sha256', stream);
  return {
    async load(stream) {
      const name = nameOf(stream);
      if (!known.has(name)) return undefined;
      try {
        return whole(await readFile(join(folder, name)));
      } catch {
        return undefined;
      }
    },

    async save(stream, bytes) {
      if (bytes.length > MAX_BYTES) return;
      const name = nameOf(stream);
      const part = join(folder, `${name}.${randomUUID()}${PART}`);
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeFile(part, Buffer.concat([digestOf(bytes), bytes]), { mode: 0o600 });
        await rename(part, join(folder, name));
        known.add(name);
      } catch {
        await rm(part, { force: true }).catch(() => undefined);
      }
    },
  };
}

const digestOf = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer');

function whole(file: Buffer): Uint8Array | undefined {
  const bytes = file.subarray(DIGEST_BYTES);
  return digestOf(bytes).equals(file.subarray(0, DIGEST_BYTES)) ? bytes : undefined;
}

/** What a killed process left; one that another process writes now is lost to it, which loses nothing. */
async function removeParts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names)
    if (name.endsWith(PART)) await rm(join(folder, name), { force: true }).catch(() => undefined);
}
