/** nuget.exe under mono against the real server: what is pushed installs, a hold stops it with its reason. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, adminAt, jsonOf } from '../conformance/client.ts';
import { operation } from '../support/compatibility.ts';
import { type NuGet, openNuGet } from '../support/nuget.ts';
import { makeNupkg, makeSnupkg, type NupkgOptions, pushForm } from '../support/nupkgs.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith } from '../support/services.ts';

let registry: TestRegistry;
let admin: Actor;
let token: string;
let nuget: NuGet;
let version: string;

const PLACE = { project: 'main', repository: 'nuget' };
const BASE = '/pkg/main/nuget/nuget';
const proved = (done: string) => ({ format: 'nuget', operation: done, client: 'nuget.exe', version });
const fresh = () => `Acme.Lib${randomBytes(4).toString('hex')}`;

async function ok(...args: string[]): Promise<string> {
  const { code, out } = await nuget.run(...args);
  expect(code, out).toBe(0);
  return out;
}
const install = (id: string, to: string, ...more: string[]) =>
  nuget.run('install', id, '-Source', 'ours', '-OutputDirectory', to, ...more);
async function installed(id: string, ...more: string[]): Promise<string[]> {
  const to = nuget.folder();
  const { code, out } = await install(id, to, ...more);
  expect(code, out).toBe(0);
  return readdirSync(to).sort();
}

/** Sent by the test itself, where it is not the push that is tested. */
async function send(options: NupkgOptions): Promise<Buffer> {
  const { bytes } = makeNupkg({ extra: [lib(options)], ...options });
  const sent = await admin.ask('PUT', `${BASE}/package/`, pushForm(bytes));
  expect(sent.status, sent.text).toBe(201);
  return bytes;
}
const lib = ({ id, version: of }: NupkgOptions) => ({ path: `lib/net45/${id}.txt`, content: `${id} ${of}` });

/** As `nuget pack` makes it. */
async function packed(id: string, of: string, text: string): Promise<string> {
  const folder = nuget.folder();
  mkdirSync(join(folder, 'lib/net45'), { recursive: true });
  writeFileSync(join(folder, `lib/net45/${id}.dll`), text);
  const metadata = `<id>${id}</id><version>${of}</version><authors>Ada</authors><description>Made by nuget</description>`;
  writeFileSync(join(folder, 'made.nuspec'), `<package><metadata>${metadata}</metadata></package>`);
  await ok('pack', join(folder, 'made.nuspec'), '-OutputDirectory', folder);
  return join(folder, `${id}.${of}.nupkg`);
}
const push = (file: string, ...more: string[]) =>
  nuget.run('push', file, '-Source', 'ours', '-ApiKey', token, ...more);

describeWith(['nuget'], 'nuget.exe', () => {
  beforeAll(async () => {
    registry = await startRegistry();
    admin = await adminAt(registry);
    token = (await registry.api<{ token: string }>('POST', `/principals/${admin.id}/tokens`, { label: 'ci' }))
      .token;
    nuget = openNuGet(`${registry.url}${BASE}/index.json`, token);
    version = /NuGet Version: (\d+\.\d+\.\d+)/.exec((await nuget.run('help')).out)?.[1] ?? '';
  });
  afterAll(async () => {
    nuget?.close();
    await registry?.stop();
  });

  test('packs and pushes, with symbols beside; other content under a version is refused', async ({
    task,
  }) => {
    const id = fresh();
    const file = await packed(id, '1.0.0', 'first');
    const symbols = makeSnupkg({ id, version: '1.0.0' });
    writeFileSync(file.replace(/nupkg$/, 'snupkg'), symbols);
    const pushed = await push(file);
    expect(pushed.code, pushed.out).toBe(0);
    expect(pushed.out.match(/Created /g)).toHaveLength(2);
    const name = id.toLowerCase();
    for (const path of [file, file.replace(/nupkg$/, 'snupkg')]) {
      const kept = `${BASE}/flatcontainer/${name}/1.0.0/${name}.1.0.0.${path.split('.').at(-1)}`;
      expect((await admin.ask('GET', kept)).body.equals(readFileSync(path))).toBe(true);
    }
    expect(await push(file)).toMatchObject({ code: 0 });
    const other = await packed(id, '1.0.0', 'second');
    const refused = await push(other);
    expect(refused.code).not.toBe(0);
    expect(refused.out).toContain('409 (This version exists already with other content');
    expect(await push(other, '-SkipDuplicate')).toMatchObject({ code: 0 });
    operation(task, proved('pack and push'), proved('push of symbols'), proved('duplicate refused (409)'));
    operation(task, proved('push -SkipDuplicate'));
  });

  test('reads and pushes only for those who may', async ({ task }) => {
    const stranger = openNuGet(`${registry.url}${BASE}/index.json`);
    try {
      const id = fresh();
      await send({ id, version: '1.0.0' });
      const read = await stranger.run(
        'install',
        id,
        '-Source',
        'ours',
        '-OutputDirectory',
        stranger.folder(),
      );
      expect(read.code).not.toBe(0);
      const file = await packed(id, '2.0.0', 'not allowed');
      const wrong = await stranger.run(
        'push',
        file,
        '-Source',
        `${registry.url}${BASE}/index.json`,
        '-ApiKey',
        'no',
      );
      expect(wrong.code).not.toBe(0);
      expect((await admin.ask('GET', `${BASE}/registration/${id}/2.0.0.json`)).status).toBe(404);
    } finally {
      stranger.close();
    }
    operation(task, proved('credentials of the source, and API keys'));
  });

  test('installs the latest, one version, a pre-release, and what it depends on', async ({ task }) => {
    const [core, id] = [fresh(), fresh()];
    for (const of of ['1.0.0', '1.5.0', '2.0.0']) await send({ id: core, version: of });
    const dependencies = `<dependencies><dependency id="${core}" version="(1.0,2.0)" /></dependencies>`;
    for (const of of ['1.0.0', '1.1.0', '2.0.0-beta.1'])
      await send({ id, version: of, metadata: dependencies });
    expect(await installed(id)).toEqual([`${core}.1.5.0`, `${id}.1.1.0`].sort());
    expect(await installed(id.toUpperCase(), '-Version', '1.0')).toContain(`${id}.1.0.0`);
    expect(await installed(id, '-PreRelease')).toContain(`${id}.2.0.0-beta.1`);
    operation(
      task,
      proved('install the latest'),
      proved('install one version'),
      proved('install a pre-release'),
    );
    operation(task, proved('install dependencies by range'));
  });

  test('finds its way through the pages of many versions', async ({ task }) => {
    const id = fresh();
    for (let patch = 0; patch <= 130; patch++) await send({ id, version: `1.0.${patch}` });
    expect(await installed(id)).toEqual([`${id}.1.0.130`]);
    const on = `<dependencies><dependency id="${id}" version="[1.0.70,1.0.80)" /></dependencies>`;
    const user = fresh();
    await send({ id: user, version: '1.0.0', metadata: on });
    expect(await installed(user)).toContain(`${id}.1.0.70`);
    operation(task, proved('install from a registration with pages'));
  });

  test('searches, by descriptions too; what is deleted is hidden and can still be named', async ({
    task,
  }) => {
    const [id, word] = [fresh(), `w${randomBytes(5).toString('hex')}`];
    for (const of of ['1.0.0', '1.1.0', '2.0.0-rc.1'])
      await send({ id, version: of, description: `About ${word}` });
    // under mono it sometimes takes half a minute to end after it has searched: no more of it than is needed
    const found = (...more: string[]) => ok('search', word, '-Source', 'ours', ...more);
    expect(await found()).toContain(`> ${id} | 1.1.0 |`);
    expect(await found('-PreRelease')).toContain(`> ${id} | 2.0.0-rc.1 |`);
    expect(await ok('delete', id, '1.1.0', '-Source', 'ours', '-ApiKey', token)).toContain(
      'deleted successfully',
    );
    expect(await found()).toContain(`> ${id} | 1.0.0 |`);
    expect(await installed(id, '-Version', '1.1.0')).toEqual([`${id}.1.1.0`]);
    operation(task, proved('search'), proved('delete (unlist)'));
  });

  test('a held version is refused with its reason, and the latest is a safe one', async ({ task }) => {
    const id = fresh();
    await send({ id, version: '1.0.0' });
    const bytes = await send({ id, version: '1.1.0' });
    const reason = `malware ${randomBytes(4).toString('hex')}`;
    const name = { ...PLACE, package: id.toLowerCase(), version: '1.1.0' };
    const hold = jsonOf<{ id: string }>(await admin.api('POST', '/holds', { ...name, reason }));
    expect(await installed(id)).toEqual([`${id}.1.0.0`]);
    const project = nuget.folder();
    const config = join(project, 'packages.config');
    writeFileSync(
      config,
      `<packages><package id="${id}" version="1.1.0" targetFramework="net45" /></packages>`,
    );
    const to = join(project, 'packages');
    const restore = () => nuget.run('restore', config, '-PackagesDirectory', to, '-Source', 'ours');
    const refused = await restore();
    expect(refused.code).not.toBe(0);
    expect(refused.out).toContain(`WARNING: This artifact is on hold: ${reason}`);
    expect(refused.out).toContain(`403 (This artifact is on hold: ${reason})`);
    expect(existsSync(join(to, `${id}.1.1.0`))).toBe(false);
    const named = await install(id, nuget.folder(), '-Version', '1.1.0');
    expect(named.code).not.toBe(0);
    // what it asks for is the same as for any version: only a warning can say why this one is missing
    expect(named.out).toContain(`WARNING: ${id} 1.1.0 is on hold: ${reason}`);
    await admin.api('POST', `/holds/${hold.id}/release`, name);
    const restored = await restore();
    expect(restored.code, restored.out).toBe(0);
    expect(readFileSync(join(to, `${id}.1.1.0`, `${id}.1.1.0.nupkg`)).equals(bytes)).toBe(true);
    operation(task, proved('restore packages.config'), proved('ranges resolve to a safe version'));
    operation(task, proved('a held version is refused with its reason'));
  });

  test('says why nothing of a package can be had', async () => {
    const id = fresh();
    await send({ id, version: '1.0.0' });
    const name = { ...PLACE, package: id.toLowerCase(), version: '1.0.0' };
    await admin.api('POST', '/holds', { ...name, reason: 'all of it is bad' });
    const refused = await install(id, nuget.folder());
    expect(refused.code).not.toBe(0);
    expect(refused.out).toContain('all of it is bad');
  });

  test('says which policy forbids a push', async ({ task }) => {
    const set = { set: 'name_and_version_pattern', level: 'hard', params: { version: '[0-8]\\..*' } };
    await registry.api('POST', '/attachments', { ...PLACE, ...set });
    const refused = await push(await packed(fresh(), '9.0.0', 'too new'));
    expect(refused.code).not.toBe(0);
    expect(refused.out).toMatch(/WARNING: A policy forbids this: .+/);
    operation(task, proved('a push that a policy forbids says why'));
  });

  // the public registry of NuGet is not reached from where these tests run
  test('a larger package, made by the test (400 files, 40 MB), goes through unchanged', async ({ task }) => {
    const id = fresh();
    const extra = Array.from({ length: 400 }, (_, n) => ({
      path: `content/part${n % 20}/file${n}.bin`,
      content: randomBytes(100 * 1024),
      stored: n % 2 === 0,
    }));
    const { bytes } = makeNupkg({ id, version: '1.0.0', extra });
    const file = join(nuget.folder(), `${id}.1.0.0.nupkg`);
    writeFileSync(file, bytes);
    const pushed = await push(file);
    expect(pushed.code, pushed.out).toBe(0);
    const to = nuget.folder();
    const got = await install(id, to);
    expect(got.code, got.out).toBe(0);
    const place = join(to, `${id}.1.0.0`);
    expect(readFileSync(join(place, `${id}.1.0.0.nupkg`)).equals(bytes)).toBe(true);
    const unpacked = readFileSync(join(place, 'content/part19/file399.bin'));
    expect(unpacked.equals(extra[399]?.content ?? Buffer.alloc(0))).toBe(true);
    operation(task, proved('a larger package (made by the test: 400 files, 40 MB)'));
  });
});
