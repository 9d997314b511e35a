/** pip, twine and uv against the real server: what is published is installed, and what is held is refused with its reason. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { basic } from '../conformance/client.ts';
import { attestationOf } from '../conformance/python-fixture.ts';
import { operation } from '../support/compatibility.ts';
import { openPythonClients, type PythonClients, type Ran, takeReal } from '../support/python-clients.ts';
import { type DistOptions, makeSdist, makeWheel } from '../support/python-dists.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith, service } from '../support/services.ts';

let registry: TestRegistry;
let clients: PythonClients;
const NEEDS = ['pip', 'twine', 'uv'] as const;
const present = NEEDS.every(name => service(name).available);

/** Real packages, downloaded once; an empty folder when no registry is reachable. */
const real = mkdtempSync(join(tmpdir(), 'strongroom-python-real-'));
const reachable =
  present &&
  (await takeReal(real, '--only-binary', ':all:', 'numpy')) &&
  (await takeReal(real, '--no-binary', ':all:', '--no-build-isolation', 'Django<5'));

beforeAll(async () => {
  if (!present) return;
  registry = await startRegistry();
  clients = await openPythonClients(registry, { user: 'admin', password: registry.adminPassword });
}, 60_000);
afterAll(async () => {
  clients?.close();
  rmSync(real, { recursive: true, force: true });
  await registry?.stop();
});

const fresh = (prefix = 'demo') => `${prefix}-${randomBytes(4).toString('hex')}`;
const module = (name: string) => name.replaceAll('-', '_');

function ok(ran: Ran): string {
  expect(ran.code, ran.text).toBe(0);
  return ran.text;
}
function failed(ran: Ran): string {
  expect(ran.code, ran.text).not.toBe(0);
  return ran.text;
}

const proved = (client: 'pip' | 'twine' | 'uv', ...operations: string[]) =>
  operations.map(name => ({ format: 'python', operation: name, client, version: clients.versions[client] }));

async function publish(...dists: readonly DistOptions[]): Promise<void> {
  const paths = clients.write(...dists.map(makeWheel));
  ok(await clients.twine('upload', '--repository-url', clients.repository(), ...paths));
}

type Installer = 'pip' | 'uv';
/** Installs into a folder of its own. */
async function install(by: Installer, wanted: string, ...options: readonly string[]) {
  const target = clients.folder(by);
  const args = ['--target', target, '--index-url', clients.index(), ...options, wanted];
  const ran =
    by === 'pip'
      ? await clients.pip('install', ...args)
      : await clients.uv('pip', 'install', '--python', 'python3', ...args);
  const value = (name: string) => clients.python(target, `import ${module(name)} as m; print(m.VERSION)`);
  return { ran, value, target };
}

const place = (name: string, version: string) => ({
  project: 'main',
  repository: 'python',
  package: name,
  version,
});

describeWith([...NEEDS], 'Python clients', () => {
  test('twine uploads wheels and source distributions; the same again changes nothing', async ({ task }) => {
    const name = fresh();
    const dists = [makeWheel({ name, version: '1.0' }), await makeSdist({ name, version: '1.0' })];
    for (const url of [clients.repository(), clients.repository().slice(0, -1)])
      ok(await clients.twine('upload', '--repository-url', url, ...clients.write(...dists)));
    const other = clients.write(makeWheel({ name, version: '1.0', value: 'other' }));
    const refused = failed(await clients.twine('upload', '--repository-url', clients.repository(), ...other));
    expect(refused).toMatch(/409 Conflict.*already exists in/);
    await registry.api('POST', '/artifact/delete', place(name, '1.0'));
    const again = clients.write(...dists);
    const gone = failed(await clients.twine('upload', '--repository-url', clients.repository(), ...again));
    expect(gone).toMatch(/was deleted and cannot be/);
    operation(
      task,
      ...proved(
        'twine',
        'upload a wheel and a source distribution',
        'upload again',
        'reused file name is refused',
      ),
    );
  });

  test('uv publishes, also with attestations, and skips what is there', async ({ task }) => {
    const dist = makeWheel({ name: fresh(), version: '1.0' });
    const [path = ''] = clients.write(dist);
    writeFileSync(`${path}.publish.attestation`, JSON.stringify(attestationOf(dist)));
    const upload = ['publish', '--trusted-publishing', 'never', '--publish-url', clients.repository()];
    ok(await clients.uv(...upload, path));
    const again = ok(await clients.uv(...upload, '--check-url', clients.index(), path));
    expect(again).toMatch(/already exists, skipping/);
    const other = clients.write(makeWheel({ name: dist.name, version: '1.0', value: 'other' }));
    expect(failed(await clients.uv(...upload, ...other))).toMatch(/already exists in/);
    const { ran, value } = await install('uv', dist.name);
    ok(ran);
    expect(await value(dist.name)).toBe('1.0');
    operation(
      task,
      ...proved('uv', 'publish', 'publish with attestations', 'skip what exists by --check-url'),
    );
  });

  for (const by of ['pip', 'uv'] as const) {
    test(`${by} installs the newest that fits, with dependencies, by any spelling of the name`, async ({
      task,
    }) => {
      const [name, dependency] = [fresh(), fresh('dep')];
      await publish(
        { name: dependency, version: '1.5' },
        { name: dependency, version: '2.0' },
        { name, version: '1.0' },
        { name, version: '1.1', headers: [`Requires-Dist: ${dependency} <2`] },
        { name, version: '2.0', headers: ['Requires-Python: >=99'] },
        { name, version: '3.0rc1' },
      );
      const { ran, value, target } = await install(by, name.replace('-', '_.').toUpperCase());
      const text = ok(ran);
      if (by === 'pip') expect(text).toMatch(/\.whl\.metadata/);
      expect([await value(name), await value(dependency)]).toEqual(['1.1', '1.5']);
      expect(readdirSync(target).some(file => file.endsWith('.dist-info'))).toBe(true);
      const pre = await install(by, `${name}>=3.0rc1`);
      ok(pre.ran);
      expect(await pre.value(name)).toBe('3.0rc1');
      const unmet = await install(by, `${name}==9.9`);
      failed(unmet.ran);
      operation(
        task,
        ...proved(by, 'install with dependencies', 'requires-python', 'metadata without the file (PEP 658)'),
      );
    });

    test(`${by} passes over what is yanked, and says so when it is named`, async ({ task }) => {
      const name = fresh();
      await publish({ name, version: '1.0' }, { name, version: '2.0' });
      await registry.api('POST', '/artifact/yank', { ...place(name, '2.0'), reason: 'broken on 3.12' });
      const free = await install(by, name);
      ok(free.ran);
      expect(await free.value(name)).toBe('1.0');
      const named = await install(by, `${name}==2.0`);
      expect(ok(named.ran)).toMatch(/yanked.*broken on 3\.12/);
      expect(await named.value(name)).toBe('2.0');
      operation(task, ...proved(by, 'yanked versions'));
    });

    test(`${by} resolves past what is held, and shows the reason when it is named`, async ({ task }) => {
      const name = fresh();
      await publish({ name, version: '1.0' }, { name, version: '2.0' });
      // it has the bytes in its cache, and must not use them either
      ok((await install(by, name)).ran);
      const hold = await registry.api<{ id: string }>('POST', '/holds', {
        ...place(name, '2.0'),
        reason: 'CVE-2026-0001 in the parser',
      });
      const free = await install(by, name);
      ok(free.ran);
      expect(await free.value(name)).toBe('1.0');
      const named = failed((await install(by, `${name}==2.0`)).ran);
      expect(named).toMatch(/403.*CVE-2026-0001 in the parser/);
      await registry.api('POST', `/holds/${hold.id}/release`, place(name, '2.0'));
      const released = await install(by, name);
      ok(released.ran);
      expect(await released.value(name)).toBe('2.0');
      operation(
        task,
        ...proved(by, 'ranges resolve past held versions', 'a refused download shows its reason'),
      );
    });

    test(`${by} cannot see what it has no right to`, async ({ task }) => {
      const name = fresh();
      await publish({ name, version: '1.0' });
      const index = clients.index('main/python', { user: 'admin', password: 'wrong' });
      const target = clients.folder(by);
      const args = ['--target', target, '--index-url', index, name];
      const ran =
        by === 'pip'
          ? await clients.pip('install', ...args)
          : await clients.uv('pip', 'install', '--python', 'python3', ...args);
      expect(failed(ran)).toMatch(/401/);
      operation(task, ...proved(by, 'log in with user and password, or a token'));
    });
  }

  test('pip takes a token, and hashes of a requirements file', async ({ task }) => {
    const name = fresh();
    const dist = makeWheel({ name, version: '1.0' });
    ok(await clients.twine('upload', '--repository-url', clients.repository(), ...clients.write(dist)));
    const { id } = await registry.api<{ id: string }>('GET', '/whoami');
    const { token } = await registry.api<{ token: string }>('POST', `/principals/${id}/tokens`, {
      label: 'pip',
    });
    const index = clients.index('main/python', { user: '__token__', password: token });
    const requirements = join(clients.folder('requirements'), 'requirements.txt');
    const sha256 = createHash('sha256').update(dist.bytes).digest('hex');
    writeFileSync(requirements, `${name}==1.0 --hash=sha256:${sha256}\n`);
    const target = clients.folder('pip');
    const options = ['--index-url', index, '--target', target, '--require-hashes', '-r', requirements];
    ok(await clients.pip('install', ...options));
    const versions = ok(await clients.pip('index', 'versions', '--index-url', index, name));
    expect(versions).toContain(`${name} (1.0)`);
    operation(task, ...proved('pip', 'install by hash', 'index versions', 'download'));
  });

  test('uv leaves out what is newer than a date', async ({ task }) => {
    const name = fresh();
    await publish({ name, version: '1.0' });
    const old = await install('uv', name, '--exclude-newer', '2020-01-01T00:00:00Z');
    expect(failed(old.ran)).toMatch(/exclude-newer|no versions|2020/);
    ok((await install('uv', name, '--exclude-newer', '2999-01-01T00:00:00Z')).ran);
    operation(task, ...proved('uv', 'install with --exclude-newer'));
  });

  test('pip builds and installs a source distribution', { timeout: 120_000 }, async ({ task }) => {
    const name = fresh();
    const paths = clients.write(await makeSdist({ name, version: '1.0' }));
    ok(await clients.twine('upload', '--repository-url', clients.repository(), ...paths));
    const { ran, value } = await install('pip', name, '--no-build-isolation');
    ok(ran);
    expect(await value(name)).toBe('1.0');
    operation(task, ...proved('pip', 'install a source distribution'));
  });

  const suite = reachable ? describe : describe.skip;
  suite(`larger real packages${reachable ? '' : ' [without a package registry]'}`, () => {
    test(
      'go through unchanged: numpy as a wheel, Django as a source distribution',
      { timeout: 300_000 },
      ({ task }) => roundTrip(task),
    );
  });
});

async function roundTrip(task: TestContext['task']): Promise<void> {
  const files = readdirSync(real);
  const [wheel, source] = [/^numpy-.*\.whl$/, /^[Dd]jango-.*\.tar\.gz$/].map(form =>
    files.find(file => form.test(file)),
  );
  const paths = [wheel, source].map(file => join(real, file ?? 'missing'));
  ok(await clients.twine('upload', '--repository-url', clients.repository(), ...paths));
  const back = clients.folder('back');
  const headers = { authorization: basic('admin', registry.adminPassword) };
  const download = ['--no-deps', '--index-url', clients.index(), '-d', back];
  ok(await clients.pip('download', ...download, 'numpy'));
  expect(readFileSync(join(back, basename(wheel ?? ''))).equals(readFileSync(paths[0] ?? ''))).toBe(true);
  const version = /-([\d.]+)\.tar/.exec(source ?? '')?.[1];
  const stored = await fetch(`${clients.repository()}files/django/${version}/${source}`, { headers });
  expect(Buffer.from(await stored.arrayBuffer()).equals(readFileSync(paths[1] ?? ''))).toBe(true);
  const django = await install('pip', 'django', '--no-deps', '--no-build-isolation', '--no-cache-dir');
  ok(django.ran);
  expect(await clients.python(django.target, 'import django; print(django.VERSION[0])')).toBe('4');
  const { ran, target } = await install('uv', 'numpy');
  ok(ran);
  expect(await clients.python(target, 'import numpy; print(numpy.arange(5).sum())')).toBe('10');
  operation(
    task,
    ...proved('twine', 'larger real packages'),
    ...proved('pip', 'larger real packages'),
    ...proved('uv', 'larger real packages'),
  );
}
