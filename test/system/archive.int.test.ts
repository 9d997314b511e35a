/** Archives: written under load, damaged, and carried from one form of the registry to another and back. */
import { hash, randomBytes } from 'node:crypto';
import { access, copyFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import { isRefusal } from '../../src/domain/errors.ts';
import type { EvidenceStore } from '../../src/evidence/port.ts';
import { type BackupReport, backup } from '../../src/main/archive/backup.ts';
import { restore } from '../../src/main/archive/restore.ts';
import { verify } from '../../src/main/archive/verify.ts';
import { runOnHost } from '../../src/main/host.ts';
import { openStores, type Stores } from '../../src/main/stores.ts';
import { type Actor, actor, basic, jsonOf } from '../conformance/client.ts';
import { image, index, pushImage } from '../conformance/oci-images.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith } from '../support/services.ts';
import {
  configFor,
  flaws,
  getManifest,
  MAIN,
  newFolder,
  type Pushed,
  randomImage,
  removeFolder,
  tokenOf,
  viewsOf,
  withSystem,
  withToken,
} from './support.ts';

const ALICE = { name: 'alice', password: 'the password of alice' };
const SETS = ['allowed_media_types', 'name_and_version_pattern', 'promotion_second_person', 'protected_tags'];

let folder = '';
let source: TestRegistry;
let who: Actor;
let aliceId = '';
/** acknowledged before the archive under load was begun, and all */
const early: Pushed[] = [];
const all: Pushed[] = [];
let held: Pushed;
let underLoad: BackupReport;
let loadFile = '';
let quietFile = '';
let sourceViews = '';

const at = (name: string) => join(folder, name);
const backupOf = (config: Config, file: string) =>
  runOnHost(config, { kind: 'backup', file }) as Promise<BackupReport>;

beforeAll(async () => {
  folder = await newFolder();
  [loadFile, quietFile] = [at('load.tar'), at('quiet.tar')];
  source = await startRegistry({ data: at('source') });
  who = withToken(source.url, await tokenOf(source));
  await fill();
  const config = configFor(source.data);
  let pushing = true;
  const pushers = Array.from({ length: 6 }, async (_, pusher) => {
    for (let count = 0; pushing; count++) await push(`load-${pusher}`, `tag-${count}`);
  });
  early.push(...all);
  underLoad = await backupOf(config, loadFile);
  pushing = false;
  await Promise.all(pushers);
  await backupOf(config, quietFile);
  await source.stop({ keep: true });
  sourceViews = await viewsOf(config);
});

afterAll(async () => {
  await source?.stop();
  await removeFolder(folder);
});

async function push(name: string, tag: string, manifest = randomImage(20_000)): Promise<Pushed> {
  expect((await pushImage(who, { place: MAIN, name, reference: tag }, manifest)).status).toBe(201);
  const pushed = { name, tag, manifest };
  all.push(pushed);
  return pushed;
}

/** Something of everything: policies, people, holds, an index, a deletion, a promotion, downloads. */
async function fill(): Promise<void> {
  for (const set of SETS) await source.api('POST', '/attachments', { set, level: 'shadow' });
  const made = await source.api<{ id: string }>('POST', '/principals', ALICE);
  aliceId = made.id;
  await source.api('POST', '/grants', { role: 'viewer', project: 'main', principal: made.id });
  await source.api('POST', '/projects/main/repositories', { name: 'stage', format: 'oci' });
  const child = await push('app', 'child');
  await push('app', 'multi', index([child.manifest]));
  await push('app', 'signature', image({ subject: child.manifest, artifactType: 'application/vnd.test' }));
  const gone = await push('app', 'gone');
  await who.ask('DELETE', `/v2/main/oci/app/manifests/${gone.manifest.digest}`);
  all.splice(all.indexOf(gone), 1);
  await source.api('POST', '/promotions', {
    from: { ...MAIN, package: 'app', tag: 'multi' },
    to: { project: 'main', repository: 'stage' },
  });
  for (let count = 0; count < 10; count++) await push('app', `tag-${count}`);
  held = await push('app', 'held');
  all.splice(all.indexOf(held), 1);
  await source.api('POST', '/holds', { ...MAIN, package: 'app', tag: 'held', reason: 'it is bad' });
  expect(await flaws(who, MAIN, all)).toEqual([]);
}

/** What whoever starts a restored registry finds. */
async function expectWhole(registry: TestRegistry, pushed: readonly Pushed[], epoch: number): Promise<void> {
  const admin = withToken(registry.url, await tokenOf(registry));
  expect(await flaws(admin, MAIN, pushed)).toEqual([]);
  const refused = await getManifest(admin, MAIN, held.name, held.tag);
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('it is bad')]);
  const doctor = await registry.api<{ ready: boolean; log: { epoch: number } }>('GET', '/doctor');
  expect(doctor).toMatchObject({ ready: true, log: { epoch } });

  const alice = actor(registry.url, {
    name: 'alice',
    id: aliceId,
    authorization: basic(ALICE.name, ALICE.password),
  });
  expect(jsonOf<{ id: string }>(await alice.api('GET', '/whoami')).id).toBe(aliceId);
  expect((await getManifest(alice, MAIN, 'app', 'multi')).status).toBe(200);
  expect(
    (await pushImage(alice, { place: MAIN, name: 'app', reference: 'hers' }, randomImage())).status,
  ).toBe(403);
}

async function replayAll(registry: TestRegistry): Promise<number> {
  let replayed = 0;
  for (let cursor = ''; ; ) {
    const page = await registry.api<{ items: { id: string }[]; next?: string }>(
      'GET',
      `/decisions?limit=200${cursor}`,
    );
    for (const { id } of page.items) {
      const replay = await registry.api('POST', `/decisions/${id}/replay`);
      expect(replay).toMatchObject({ identical: true, differences: [] });
      replayed++;
    }
    if (!page.next) return replayed;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

const refusalOf = (done: Promise<unknown>) =>
  done.then(
    () => 'done',
    error => (isRefusal(error) ? error.code : String(error)),
  );
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

test('an archive that was made under load is complete', async () => {
  const report = await verify(loadFile);
  expect(report.missing).toEqual([]);
  expect(report).toMatchObject({
    events: underLoad.events,
    blobs: underLoad.blobs,
    evidence: underLoad.evidence,
  });
  expect((await verify(quietFile)).events).toBeGreaterThan(report.events);
  expect((await stat(loadFile)).mode & 0o777).toBe(0o600);
  expect(await exists(`${loadFile}.partial`)).toBe(false);
});

test('under load, into a new embedded registry: bytes, log-in, holds and every decision', {
  timeout: 60_000,
}, async () => {
  const data = at('embedded');
  expect(await restore(configFor(data), loadFile)).toMatchObject({
    epoch: 2,
    events: underLoad.events,
    missing: [],
  });
  const registry = await startRegistry({ data });
  try {
    await expectWhole(registry, early, 2);
    expect(await replayAll(registry)).toBeGreaterThan(50);
  } finally {
    await registry.stop({ keep: true });
  }
});

test('a quiet one: the views are the same rows', async () => {
  const config = configFor(at('same'));
  await restore(config, quietFile);
  expect(await viewsOf(config)).toBe(sourceViews);
});

test('what holds events already is left as it is', async () => {
  const config = configFor(at('same'));
  const before = await viewsOf(config);
  expect(await refusalOf(restore(config, loadFile))).toBe('STATE_CONFLICT');
  expect(await viewsOf(config)).toBe(before);
});

async function recordsIn(data: string): Promise<string[]> {
  const names = await readdir(join(data, 'downloads'));
  const texts = await Promise.all(names.map(name => readFile(join(data, 'downloads', name), 'utf8')));
  return texts
    .flatMap(text => text.split('\n'))
    .filter(line => line !== '')
    .sort();
}

test('a restore that was cut off is run again', async () => {
  const config = configFor(at('again'));
  const cut = restore(config, quietFile, () => {
    throw new Error('cut off');
  });
  await expect(cut).rejects.toThrow('cut off');
  await restore(config, quietFile);
  expect(await viewsOf(config)).toBe(sourceViews);
  // records of downloads that are not sealed yet came along, and once only
  expect(await recordsIn(at('again'))).toEqual(await recordsIn(at('same')));
  expect((await recordsIn(at('again'))).length).toBeGreaterThan(10);
});

describe('an archive that is not whole is refused, and nothing is changed', () => {
  const data = () => at('untouched');
  const expectRefused = async (file: string) => {
    expect(await refusalOf(restore(configFor(data()), file)), file).toBe('REQUEST_INVALID');
    expect(await exists(data())).toBe(false);
  };

  test('cut short anywhere', { timeout: 60_000 }, async () => {
    const { size } = await stat(loadFile);
    const file = at('short.tar');
    await copyFile(loadFile, file);
    // the two empty blocks at the end of a tar say nothing; everything before them does
    for (const length of [size - 1024 - 512, size - 5000, 0.9, 0.5, 0.1, 600, 511, 1, 0]) {
      await truncate(file, length < 1 ? Math.floor(size * length) : length);
      await expectRefused(file);
    }
  });

  test('with a byte changed', { timeout: 60_000 }, async () => {
    const bytes = await readFile(loadFile);
    const file = at('changed.tar');
    let refused = 0;
    for (let turn = 0; turn < 40; turn++) {
      const changed = Buffer.from(bytes);
      const place = Math.floor((bytes.length * turn) / 40);
      changed[place] = (changed[place] ?? 0) ^ 0x41;
      await writeFile(file, changed);
      // between entries there is padding that says nothing
      if ((await refusalOf(verify(file))) === 'REQUEST_INVALID') {
        await expectRefused(file);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(35);
  });

  test('with an entry left out, or of somebody else', async () => {
    const bytes = await readFile(loadFile);
    const without = (name: string) => {
      const start = bytes.indexOf(name);
      const size = Number.parseInt(bytes.toString('latin1', start + 124, start + 135), 8);
      const end = start + 512 + Math.ceil(size / 512) * 512;
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
    };
    const file = at('foreign.tar');
    const others = [
      'strongroom.json',
      'events/',
      'vault.jsonl',
      'evidence/',
      'downloads/',
      'blobs/',
      'end.json',
    ].map(without);
    for (const content of [
      ...others,
      Buffer.alloc(0),
      Buffer.alloc(10_240),
      Buffer.from('not a tar'),
      Buffer.concat([bytes.subarray(0, 512), bytes]),
    ]) {
      await writeFile(file, content);
      await expectRefused(file);
    }
    expect(await refusalOf(restore(configFor(data()), at('absent.tar')))).toContain('ENOENT');
    expect(await exists(data())).toBe(false);
  });
});

test('entries of any size come back, and one that could not is not written', {
  timeout: 120_000,
}, async () => {
  const [from, to, file] = [configFor(at('large')), configFor(at('large-again')), at('large.tar')];
  const segment = '2026-01-01T00-large';
  const lines = Array.from({ length: 1500 }, (_, at) => JSON.stringify({ at, text: 'ä'.repeat(25_000) }));
  const evidence = randomBytes(65 * 1024 * 1024);
  await withSystem(from, async system => {
    await Promise.all(lines.map(line => system.stores.journal.append(segment, line)));
    await system.core.evidence.put(evidence);
    expect((await backup(system, file)).bytes).toBeGreaterThan(130 * 1024 * 1024);
    const huge = { ...system, core: { ...system.core, evidence: evidenceOf(257 * 1024 * 1024) } };
    const refused = backup(huge, at('huge.tar'));
    await expect(refused).rejects.toMatchObject({
      message: expect.stringMatching(/evidence sha256:.* bytes/),
    });
    expect(await readdir(folder)).not.toContain('huge.tar.partial');
  });
  // a try that was cut off left some lines of the same segment
  await withStores(to, ({ journal }) => journal.append(segment, '{"left":true}'));
  expect((await restore(to, file)).evidence).toBeGreaterThan(0);
  await withStores(to, async stores => {
    expect((await stores.journal.read(segment)).map(line => hash('sha256', line))).toEqual(
      lines.map(line => hash('sha256', line)),
    );
    const digest = `sha256:${hash('sha256', evidence)}`;
    expect(Buffer.compare((await stores.evidence.get(digest)) as Uint8Array, evidence)).toBe(0);
  });
});

/** A store with one piece of evidence of so many bytes. */
const evidenceOf = (size: number): EvidenceStore => ({
  put: () => Promise.reject(new Error('it is read only')),
  remove: () => Promise.reject(new Error('it is read only')),
  get: async () => Buffer.alloc(size),
  list: async ({ after } = {}) => (after ? [] : [`sha256:${'0'.repeat(64)}`]),
});

async function withStores<T>(config: Config, work: (stores: Stores) => Promise<T>): Promise<T> {
  const stores = await openStores(config, { onBroken: () => undefined });
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
}

describeWith(['postgres'], 'between the embedded and the server form', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = (await startPostgres())!;
  });
  afterAll(() => postgres?.stop());

  test('there and back: the same bytes, rows and decisions', { timeout: 90_000 }, async () => {
    const env = { STRONGROOM_EVENTLOG_URL: await postgres.database() };
    const config = configFor(at('server'), env);
    expect(await restore(config, quietFile)).toMatchObject({ epoch: 2, missing: [] });
    expect(await viewsOf(config)).toBe(sourceViews);
    const server = await startRegistry({ data: at('server'), env });
    const back = at('back.tar');
    try {
      await expectWhole(server, all, 2);
      expect(await replayAll(server)).toBeGreaterThan(50);
      await backupOf(config, back);
    } finally {
      await server.stop({ keep: true });
    }
    const home = configFor(at('home'));
    expect(await restore(home, back)).toMatchObject({ epoch: 3, missing: [] });
    expect(await viewsOf(home)).toBe(await viewsOf(config));
    const registry = await startRegistry({ data: at('home') });
    try {
      await expectWhole(registry, all, 3);
      await expect(restore(config, quietFile)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    } finally {
      await registry.stop();
    }
  });
});
