/** Bytes belong to one event log: another one would collect them. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSystem } from '../../src/main/system.ts';
import { configFor, newFolder, removeFolder, withSystem } from './support.ts';

test('a folder whose event log is another one is not used, and nothing in it is touched', async () => {
  const data = await newFolder();
  try {
    const config = configFor(data);
    const { logId, digest } = await withSystem(config, async ({ core }) => {
      const blob = await core.blobs.put(Buffer.from('of the first'));
      return { logId: core.log.logId, digest: blob.digest };
    });
    expect(await readFile(join(data, 'installation'), 'utf8')).toBe(`${logId}\n`);
    await rm(join(data, 'log.db'));
    const opening = openSystem(config, () => undefined);
    await expect(opening).rejects.toThrow(`another installation (its event log is ${logId}`);
    // Half a mark, as a crash leaves it, is nobody's
    await writeFile(join(data, 'installation'), logId.slice(0, 10));
    await withSystem(config, async ({ core }) => {
      expect(await readFile(join(data, 'installation'), 'utf8')).toBe(`${core.log.logId}\n`);
      expect(await core.blobs.stat(digest)).toBeDefined();
    });
  } finally {
    await removeFolder(data);
  }
});
