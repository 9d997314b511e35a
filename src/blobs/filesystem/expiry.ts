/** Clearing the staging folder: old uploads, and what crashes left behind (probes, small blobs never published). */
import { join } from 'node:path';
import type { Claims } from './claims.ts';
import type { FileOps } from './file-ops.ts';
import { type StagedFile, uploadsByUuid } from './upload-id.ts';

interface Folder {
  readonly fs: FileOps;
  readonly folder: string;
  readonly claims: Claims;
}

/** Removes files last changed before this moment (ms), but for those in use; the ids of uploads among them. */
export async function expireFiles({ fs, folder, claims }: Folder, before: number): Promise<string[]> {
  const removeIfOld = async (files: readonly StagedFile[]): Promise<string[]> => {
    const infos = await Promise.all(files.map(({ name }) => fs.info(join(folder, name))));
    if (infos.some(info => info && info.modifiedAt >= before)) return [];
    await Promise.all(files.map(({ name }) => fs.remove(join(folder, name))));
    return files.flatMap(({ id }) => (id === undefined ? [] : [id]));
  };
  const expired: string[] = [];
  for (const [uuid, files] of uploadsByUuid(await fs.list(folder))) {
    if (!claims.has(uuid)) expired.push(...(await claims.hold(uuid, () => removeIfOld(files))));
  }
  return expired;
}
