/** Whose folder this is: `<root>/installation` names the first installation that used it. */
import { join } from 'node:path';
import type { FileOps } from './file-ops.ts';

const MAX_BYTES = 128;
/** Ends what was written whole: a crash may leave the file empty, or half of it. */
const END = '\n';

export async function claimFolder(fs: FileOps, root: string, installation: string): Promise<string> {
  const path = join(root, 'installation');
  const known = await ownerIn(fs, path);
  if (known !== undefined) return known;
  const file = await fs.open(path, (await fs.info(path)) ? 'update' : 'create').catch(unlessThere);
  if (!file) return (await ownerIn(fs, path)) ?? installation;
  try {
    await file.truncate(0);
    await file.write([Buffer.from(installation + END)], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.syncFolder(root);
  return installation;
}

async function ownerIn(fs: FileOps, path: string): Promise<string | undefined> {
  if (!(await fs.info(path))) return undefined;
  const file = await fs.open(path, 'read');
  try {
    const bytes = Buffer.alloc(MAX_BYTES);
    const text = bytes.subarray(0, await file.read(bytes, 0)).toString();
    return text.endsWith(END) ? text.slice(0, -END.length) : undefined;
  } finally {
    await file.close();
  }
}

/** Another process of the same folder made it just now. */
function unlessThere(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
}
