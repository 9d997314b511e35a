/** Download records that have expired: archives, restores and rebuilt views of what is left. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expireDownloads } from '../../src/application/expire.ts';
import { sealDownloads } from '../../src/application/seal.ts';
import type { Config } from '../../src/config.ts';
import { backup } from '../../src/main/archive/backup.ts';
import { restore } from '../../src/main/archive/restore.ts';
import { verify } from '../../src/main/archive/verify.ts';
import type { System } from '../../src/main/system.ts';
import { configFor, newFolder, removeFolder, viewsOf, withSystem } from './support.ts';

const OLD = '2020-01-01T10_gone';
const DAY = 24 * 3_600_000;

let folder = '';
let config: Config;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await newFolder();
  config = configFor(at('source'));
});
afterAll(() => removeFolder(folder));

async function segments({ core }: System) {
  await core.views.reached(await core.log.head(), 10_000);
  const rows = await core.queries.listDownloadSegments({ limit: 10 });
  return Promise.all(
    rows.map(async ({ segment, evidence, expiredAt }) => ({
      segment,
      expired: expiredAt !== null,
      there: (await core.evidence.get(evidence)) !== undefined,
    })),
  );
}

test('an expired hour is no loss; one that is only gone is', async () => {
  await withSystem(config, async system => {
    const { core, stores, node } = system;
    for (const segment of [OLD, '2020-01-02T10_lost'])
      await stores.journal.append(segment, JSON.stringify({ segment, repository: 'r1', count: 2 }));
    await sealDownloads(core, stores.journal, node);
    const [, lost] = await core.queries.listDownloadSegments({ limit: 10 });
    expect(await segments(system)).toMatchObject([{ there: true }, { there: true }]);
    await backup(system, at('before.tar'));

    const between = (Date.now() - Date.parse('2020-01-01T23:00:00Z')) / DAY;
    expect(await expireDownloads(core, { retentionMs: between * DAY })).toEqual({ expired: 1, gone: 1 });
    expect(await segments(system)).toEqual([
      { segment: OLD, expired: true, there: false },
      { segment: '2020-01-02T10_lost', expired: false, there: true },
    ]);
    await backup(system, at('expired.tar'));

    await core.evidence.remove([lost?.evidence ?? '']);
    await backup(system, at('lost.tar'));
    expect(await verify(at('before.tar'))).toMatchObject({ expired: 0, missing: [] });
    expect(await verify(at('expired.tar'))).toMatchObject({ expired: 1, missing: [] });
    expect(await verify(at('lost.tar'))).toMatchObject({
      expired: 1,
      missing: [`evidence ${lost?.evidence}`],
    });
  });
});

test('it stays expired when it is restored, and what was not yet expires again', async () => {
  const [later, earlier] = [configFor(at('later')), configFor(at('earlier'))];
  expect(await restore(later, at('expired.tar'))).toMatchObject({ missing: [] });
  await withSystem(later, async system => {
    expect(await segments(system)).toMatchObject([{ expired: true, there: false }, { there: true }]);
  });
  await restore(earlier, at('before.tar'));
  await withSystem(earlier, async system => {
    expect(await expireDownloads(system.core, { retentionMs: DAY })).toEqual({ expired: 2, gone: 2 });
    expect(await segments(system)).toMatchObject([
      { expired: true, there: false },
      { expired: true, there: false },
    ]);
  });
});

test('views that are built again count what was downloaded all the same', async () => {
  const before = await viewsOf(config);
  await removeFolder(at('source/views.db'));
  expect(await viewsOf(config)).toBe(before);
  expect(before).toContain(OLD);
});
