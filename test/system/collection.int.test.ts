/** Collection over the real stores: what goes, what stays, whoever races it, wherever it is cut off. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemCaller } from '../../src/application/caller.ts';
import { type CollectionReport, collect } from '../../src/application/collect.ts';
import type { Core } from '../../src/application/core.ts';
import { createStreams } from '../../src/application/streams.ts';
import { isRefusal } from '../../src/domain/errors.ts';
import { backup } from '../../src/main/archive/backup.ts';
import { verify } from '../../src/main/archive/verify.ts';
import type { VersionRow } from '../../src/projections/queries.ts';
import { type Actor, jsonOf } from '../conformance/client.ts';
import { base, image, type Manifest, pushBlob, pushImage, putManifest } from '../conformance/oci-images.ts';
import { type InProcess, startInProcess } from '../conformance/server.ts';
import {
  flaw,
  flaws,
  MAIN,
  newFolder,
  randomBlob,
  randomImage,
  removeFolder,
  tokenOf,
  withToken,
} from './support.ts';

const DAY = 24 * 3600 * 1000;
const STAGE = { project: 'main', repository: 'stage' };

let server: InProcess;
let core: Core;
let who: Actor;

beforeAll(async () => {
  server = await startInProcess({ STRONGROOM_COLLECT_SECONDS: '0' });
  core = server.system.core;
  await server.api('POST', '/projects/main/repositories', { name: 'stage', format: 'oci' });
  who = withToken(server.url, await tokenOf(server));
});

afterAll(() => server.stop());

/** The same registry at a later time. */
const later = (ms: number, of: Core = core): Core => ({ ...of, now: () => new Date(Date.now() + ms) });
const run = (of: Core, options = {}): Promise<CollectionReport> =>
  collect(of, systemCaller(of.newId()), options);
const isThere = async (digest: string) => (await core.blobs.stat(digest)) !== undefined;

async function orphan(name = 'orphan'): Promise<string> {
  const blob = randomBlob(500);
  expect((await pushBlob(who, MAIN, name, blob)).status).toBe(201);
  return blob.digest;
}

async function pushed(name: string, tag: string, manifest: Manifest = randomImage()) {
  expect((await pushImage(who, { place: MAIN, name, reference: tag }, manifest)).status).toBe(201);
  return { name, tag, manifest };
}

const remove = async (name: string, { digest }: Manifest) =>
  expect((await who.ask('DELETE', `${base(MAIN, name)}/manifests/${digest}`)).status).toBe(202);
const restore = (name: string, { digest }: Manifest) =>
  who.api('POST', '/artifact/restore', { ...MAIN, package: name, version: digest });

/** Versions in both repositories that can be pulled, and what of their bytes is not in the store. */
async function missing(): Promise<string[]> {
  const lost: string[] = [];
  for (const { project, repository } of [MAIN, STAGE]) {
    const repositoryId = (await core.queries.repositoryByName(project, repository))!.repositoryId;
    for (const { package: name } of await core.queries.listPackages(repositoryId, { limit: 1000 })) {
      const versions = await core.queries.listVersions(repositoryId, name, { status: 'live', limit: 1000 });
      for (const row of versions) {
        const gone = await Promise.all(
          bytesOf(row).map(async digest => ((await isThere(digest)) ? [] : digest)),
        );
        lost.push(...gone.flat().map(digest => `${repository}/${name}@${row.version} ${digest}`));
      }
    }
  }
  return lost;
}

const bytesOf = ({ files, references }: VersionRow) =>
  [...files, ...references.filter(({ relation }) => relation === 'config' || relation === 'layer')].flatMap(
    ({ canonical }) => canonical ?? [],
  );

test('bytes that nothing names go, the others stay; a dry run only says so', async () => {
  const kept = await pushed('kept', 'latest');
  const idle = await orphan();
  expect((await run(core)).removed).toBe(0);
  const dry = await run(later(2 * DAY), { dryRun: true });
  expect(dry).toMatchObject({ removed: 1, bytes: 500, dryRun: true });
  expect(await isThere(idle)).toBe(true);

  expect(await run(later(2 * DAY))).toMatchObject({ removed: 1, bytes: 500, dryRun: false });
  expect(await isThere(idle)).toBe(false);
  expect(await flaw(who, MAIN, kept)).toBeUndefined();
  expect((await run(later(2 * DAY))).removed).toBe(0);
  // the link is gone with the bytes: nobody can name them without bringing them again
  const layer = { bytes: Buffer.alloc(500), digest: idle, mediaType: 'application/octet-stream' };
  const naming = image({ layers: [layer] });
  for (const part of naming.blobs.slice(0, 1)) await pushBlob(who, MAIN, 'kept', part);
  const refused = await putManifest(who, { place: MAIN, name: 'kept', reference: 'naming' }, naming);
  expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('MANIFEST_BLOB_UNKNOWN')]);
});

test('a deleted version can be restored within its window, and after it not any more', async () => {
  const one = await pushed('deleted', 'latest');
  await remove('deleted', one.manifest);
  expect((await run(later(6 * DAY))).removed).toBeLessThan(2);
  expect((await restore('deleted', one.manifest)).status).toBe(204);
  expect(await flaw(who, MAIN, one)).toBeUndefined();

  await remove('deleted', one.manifest);
  expect((await run(later(9 * DAY))).removed).toBe(one.manifest.blobs.length + 1);
  const refused = await restore('deleted', one.manifest);
  expect([refused.status, refused.text]).toEqual([409, expect.stringContaining('after the restore window')]);
  // pushed again it is another incarnation: the old tag names nothing
  const again = await pushed('deleted', 'other', one.manifest);
  expect(await flaw(who, MAIN, again)).toBeUndefined();
  expect((await who.ask('GET', `${base(MAIN, 'deleted')}/manifests/latest`)).status).toBe(404);
});

class Killed extends Error {}

/** The registry that stops for ever at its n-th step: before or after it was done, and nothing after it happens. */
function killedAt(n: number, of: Core): { core: Core; steps: () => number } {
  let count = 0;
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    if (count++ >= n) throw new Killed();
    const result = await work();
    if (count++ >= n) throw new Killed();
    return result;
  };
  const log: Core['log'] = Object.create(of.log, {
    append: { value: (...of_: Parameters<Core['log']['append']>) => step(() => of.log.append(...of_)) },
    head: { value: () => of.log.head() },
    readStream: { value: (...of_: Parameters<Core['log']['readStream']>) => of.log.readStream(...of_) },
    logId: { get: () => of.log.logId },
    epoch: { get: () => of.log.epoch },
  });
  const blobs = { ...of.blobs, remove: (digest: string) => step(() => of.blobs.remove(digest)) };
  return { core: { ...of, log, blobs, streams: createStreams(log) }, steps: () => count };
}

test('cut off at every step and run again: it ends as if nothing had happened', {
  timeout: 60_000,
}, async () => {
  const kept = await pushed('survivor', 'latest');
  const shared = kept.manifest.blobs[1]!;
  let steps = Number.POSITIVE_INFINITY;
  for (let n = 0; n < steps; n++) {
    const idle = [await orphan(), await orphan()];
    const gone = image({ layers: [shared, randomBlob(300)] });
    await pushed('short-lived', 'latest', gone);
    await remove('short-lived', gone);
    const cut = killedAt(n, later(9 * DAY));
    const outcome = await run(cut.core).then(
      () => 'done',
      error => error.constructor.name,
    );
    if (outcome === 'done') steps = n;
    else expect(outcome).toBe('Killed');
    // whatever was done: no link without bytes, and what is named is there
    await server.system.consistency.settle();
    for (const digest of idle)
      if (!(await isThere(digest))) expect(await core.queries.linkedIn(digest)).toEqual([]);
    expect(await flaw(who, MAIN, kept)).toBeUndefined();
    await run(later(9 * DAY));
    const own = [...idle, gone.digest, gone.blobs[0]!.digest, gone.blobs[2]!.digest];
    expect(await Promise.all(own.map(isThere))).toEqual(own.map(() => false));
    expect(await flaw(who, MAIN, kept)).toBeUndefined();
  }
  expect(steps).toBeGreaterThan(15);
});

test('two at once: one after the other, and nothing is removed twice', async () => {
  const idle = [await orphan(), await orphan(), await orphan()];
  const removed: string[] = [];
  const blobs = {
    ...core.blobs,
    remove: async (digest: string) => {
      await sleep(5);
      removed.push(digest);
      return core.blobs.remove(digest);
    },
  };
  const counted = later(2 * DAY, { ...core, blobs });
  const reports = await Promise.all([run(counted), run(counted), run(counted)]);
  expect(reports.map(report => report.removed).sort()).toEqual([0, 0, 3]);
  expect(removed.sort()).toEqual(idle.sort());
});

test('none during a backup, and no backup during one', async () => {
  const folder = await newFolder();
  try {
    const order: string[] = [];
    const blobs = {
      ...core.blobs,
      remove: async (digest: string) => {
        order.push('removed');
        await sleep(20);
        return core.blobs.remove(digest);
      },
    };
    const slow = later(2 * DAY, { ...core, blobs });
    await orphan();
    let collecting: Promise<CollectionReport> | undefined;
    const first = await backup(server.system, `${folder}/first.tar`, () => {
      collecting ??= run(slow);
    });
    order.push('backup');
    await collecting;
    expect(order).toEqual(['backup', 'removed']);
    expect((await verify(`${folder}/first.tar`)).missing).toEqual([]);

    await orphan();
    let second: ReturnType<typeof backup> | undefined;
    const started = {
      ...slow,
      blobs: {
        ...blobs,
        remove: (digest: string) => {
          second ??= backup(server.system, `${folder}/second.tar`);
          return blobs.remove(digest);
        },
      },
    };
    expect((await run(started)).removed).toBe(1);
    expect((await second)?.blobs).toBe(first.blobs - 1);
    expect((await verify(`${folder}/second.tar`)).missing).toEqual([]);
  } finally {
    await removeFolder(folder);
  }
});

/** Leases and windows of a tenth of a second, so that everything is about to be collected all the time. */
const HURRY = { leaseMs: 100, restoreWindowMs: 150 };
const COLLECTIONS = 300;

test('pushes, mounts, promotions and restores race it: what was acknowledged has its bytes', {
  timeout: 90_000,
}, async () => {
  const settings = core.settings;
  Object.assign(core, { settings: { ...settings, ...HURRY } });
  let racing = true;
  const told = new Map<string, number>();
  const count = (what: string, status: number) =>
    told.set(`${what} ${status}`, (told.get(`${what} ${status}`) ?? 0) + 1);
  const images = Array.from({ length: 40 }, () => randomImage(400));
  const some = () => images[Math.floor(Math.random() * images.length)]!;
  const loop = async (work: (manifest: Manifest) => Promise<void>) => {
    while (racing) {
      await work(some());
      await sleep(Math.random() * 60);
    }
  };
  const mount = (digest: string) =>
    who.ask('POST', `${base(STAGE, 'raced')}/blobs/uploads/?mount=${digest}&from=main/oci/raced`);
  const to = { place: MAIN, name: 'raced' };
  const actors = [
    ...[1, 2].map(() =>
      loop(async manifest => {
        const answer = await pushImage(
          who,
          { ...to, reference: `tag-${images.indexOf(manifest)}` },
          manifest,
        );
        count('push', answer.status);
      }),
    ),
    loop(async manifest => {
      // names bytes without bringing them: they may be there still, or not
      count('name', (await putManifest(who, { ...to, reference: 'named' }, manifest)).status);
    }),
    loop(async manifest => {
      for (const { digest } of manifest.blobs) count('mount', (await mount(digest)).status);
      const there = { place: STAGE, name: 'raced', reference: manifest.digest };
      count('after mount', (await putManifest(who, there, manifest)).status);
    }),
    loop(async manifest => {
      const from = { ...MAIN, package: 'raced', version: manifest.digest };
      count('promote', (await who.api('POST', '/promotions', { from, to: STAGE, tag: 'promoted' })).status);
    }),
    loop(async manifest => {
      count('restore', (await restore('raced', manifest)).status);
    }),
    ...[MAIN, MAIN, STAGE, STAGE].map(place =>
      loop(async ({ digest }) => {
        count('delete', (await who.ask('DELETE', `${base(place, 'raced')}/manifests/${digest}`)).status);
      }),
    ),
  ];
  let removed = 0;
  const lost: string[] = [];
  const collecting = async () => {
    for (let runs = 0; runs < COLLECTIONS && lost.length === 0; runs++) {
      removed += (await run(core)).removed;
      if (runs % 10 === 0) {
        await server.system.consistency.settle();
        lost.push(...(await core.fence.shared(missing)));
      }
    }
  };
  try {
    await collecting();
  } finally {
    racing = false;
    await Promise.all(actors);
    Object.assign(core, { settings });
  }
  lost.push(...(await missing()));
  expect(lost).toEqual([]);
  expect(removed).toBeGreaterThan(COLLECTIONS / 10);
  const answers = Object.fromEntries([...told].sort());
  console.info(`${COLLECTIONS} collections removed ${removed} blobs; ${JSON.stringify(answers)}`);
  for (const happened of [
    'push 201',
    'name 201',
    'mount 201',
    'after mount 201',
    'promote 201',
    'restore 204',
    'restore 409',
    'delete 202',
  ])
    expect(answers[happened], happened).toBeGreaterThan(0);
  const unforeseen = Object.keys(answers).filter(answer => / 5\d\d$/.test(answer));
  expect(unforeseen).toEqual([]);
  const rest = images.map((manifest, at) => ({ name: 'raced', tag: `again-${at}`, manifest }));
  for (const { tag, manifest } of rest) await pushed('raced', tag, manifest);
  expect(await flaws(who, MAIN, rest)).toEqual([]);
  expect(
    jsonOf<{ tags: string[] }>(await who.ask('GET', `${base(MAIN, 'raced')}/tags/list`)).tags.length,
  ).toBeGreaterThan(5);
});

test('none while the views are built anew', async () => {
  await run(later(9 * DAY));
  const idle = await orphan();
  // looking through all folders would take longer than the few thousand events of this log
  const list = async function* () {
    yield (await core.blobs.stat(idle))!;
  };
  const { runner } = server.system;
  const rebuilding = runner.rebuild();
  while (!runner.status().rebuilding) await new Promise(setImmediate);
  const outcome = await run(later(2 * DAY, { ...core, blobs: { ...core.blobs, list } })).catch(
    error => error,
  );
  expect(isRefusal(outcome, 'VIEWS_BEHIND')).toBe(true);
  await rebuilding;
  expect(await isThere(idle)).toBe(true);
  expect((await run(later(2 * DAY))).removed).toBe(1);
});
