/** Stock pnpm, yarn 1 and yarn 4 against the real server: publishing, installing, and what they show of a refusal. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import { operation } from '../support/compatibility.ts';
import type { NpmClient } from '../support/npm-clients.ts';
import { freshName as fresh, type NpmScene, openNpmScene, refused, versionIn } from '../support/npm-scene.ts';
import { describeWith } from '../support/services.ts';

interface Packument {
  readonly versions: Readonly<Record<string, { readonly dist: { readonly integrity: string } }>>;
}

let scene: NpmScene;

beforeAll(async () => {
  scene = await openNpmScene();
});
afterAll(() => scene?.close());

const runner = (client: NpmClient) => (args: readonly string[], cwd: string) =>
  scene.clients.run(client, args, { cwd });

async function proved(task: TestContext['task'], client: NpmClient, ...operations: readonly string[]) {
  const version = scene.ok(await runner(client)(['--version'], scene.clients.home)).trim();
  operation(task, ...operations.map(what => ({ format: 'npm', operation: what, client, version })));
}

const project = (dependencies: Readonly<Record<string, string>>) =>
  scene.clients.folder({
    'package.json': { name: 'app', version: '1.0.0', dependencies },
    // a project of its own, whatever lies above
    'yarn.lock': '',
    'pnpm-workspace.yaml': 'packages: []\nminimumReleaseAge: 0\n',
  });

const view = async (name: string) =>
  JSON.parse(scene.ok(await runner('npm')(['view', name, '--json', '--prefer-online'], scene.clients.home)));

describeWith(['npm', 'pnpm'], 'pnpm', () => {
  const pnpm = runner('pnpm');

  test('publishes and installs, also from its lock file', async ({ task }) => {
    const name = fresh();
    for (const version of ['1.0.0', '1.1.0'])
      scene.ok(await pnpm(['publish', '--no-git-checks'], scene.source(name, version)));
    const app = project({ [name]: '^1.0.0' });
    scene.ok(await pnpm(['install', '--no-frozen-lockfile'], app));
    expect(versionIn(app, name)).toBe('1.1.0');
    scene.ok(await pnpm(['install', '--frozen-lockfile', '--force'], app));
    await proved(task, 'pnpm', 'publish', 'install', 'install from a lock file');
  });

  test('shows why a version cannot be had, and resolves ranges to what is safe', async ({ task }) => {
    const name = fresh();
    await scene.published(name, '1.0.0', '1.1.0');
    const locked = project({ [name]: '1.1.0' });
    scene.ok(await pnpm(['install', '--no-frozen-lockfile', '--lockfile-only'], locked));
    await scene.hold(name, '1.1.0', 'CVE-2026-3, ask security');
    const app = project({ [name]: '^1.0.0' });
    scene.ok(await pnpm(['install', '--no-frozen-lockfile'], app));
    expect(versionIn(app, name)).toBe('1.0.0');
    // pnpm 12 prints no more than the status
    expect(refused(await pnpm(['install', '--frozen-lockfile'], locked))).toContain('HTTP 403');
    await proved(
      task,
      'pnpm',
      'a held version is refused (without the reason)',
      'ranges resolve to a safe version',
    );
  });

  test('dist-tags, advice, taking away, search, audit, whoami', async ({ task }) => {
    const name = fresh('pnpmed');
    const home = scene.clients.home;
    await scene.published(name, '1.0.0', '1.1.0');
    expect(scene.ok(await pnpm(['whoami'], home))).toContain('admin');
    scene.ok(await pnpm(['dist-tag', 'add', `${name}@1.0.0`, 'stable'], home));
    expect(scene.ok(await pnpm(['dist-tag', 'ls', name], home))).toContain('stable: 1.0.0');
    scene.ok(await pnpm(['deprecate', `${name}@1.0.0`, 'use 1.1'], home));
    expect((await view(`${name}@1.0.0`)).deprecated).toBe('use 1.1');
    scene.ok(await pnpm(['unpublish', `${name}@1.1.0`, '--force'], home));
    expect((await view(name)).versions).toEqual(['1.0.0']);
    expect(scene.ok(await pnpm(['search', 'pnpmed'], home))).toContain(name);
    const app = project({ [name]: '1.0.0' });
    scene.ok(await pnpm(['install', '--no-frozen-lockfile'], app));
    expect(scene.ok(await pnpm(['audit'], app))).toContain('No known vulnerabilities');
    await proved(
      task,
      'pnpm',
      'whoami',
      'dist-tag add, ls',
      'deprecate',
      'unpublish a version',
      'search',
      'audit',
    );
  });

  test('stages, lists, approves and rejects', async ({ task }) => {
    const name = fresh('pnpmstaged');
    const home = scene.clients.home;
    await scene.published(name, '1.0.0');
    const id = /[0-9a-f]{8}-[0-9a-f-]{27}/;
    const stage = async (version: string) => {
      const ran = await pnpm(['stage', 'publish', '--no-git-checks'], scene.source(name, version));
      return id.exec(scene.ok(ran) + ran.stderr)?.[0] ?? '';
    };
    const first = await stage('1.1.0');
    expect(scene.ok(await pnpm(['stage', 'list', name], home))).toContain(first);
    expect((await view(name)).version).toBe('1.0.0');
    scene.ok(await pnpm(['stage', 'approve', first], home));
    expect((await view(name)).version).toBe('1.1.0');
    scene.ok(await pnpm(['stage', 'reject', await stage('1.2.0')], home));
    expect((await view(name)).versions).toEqual(['1.0.0', '1.1.0']);
    await proved(task, 'pnpm', 'stage publish, list, approve, reject');
  });
});

describeWith(['npm', 'yarn'], 'yarn 1', () => {
  const yarn = runner('yarn');

  test('publishes and installs, also from its lock file', async ({ task }) => {
    const name = fresh();
    for (const version of ['1.0.0', '1.1.0'])
      scene.ok(
        await yarn(['publish', '--non-interactive', '--new-version', version], scene.source(name, version)),
      );
    const app = project({ [name]: '^1.0.0' });
    scene.ok(await yarn(['install', '--non-interactive'], app));
    expect(versionIn(app, name)).toBe('1.1.0');
    scene.ok(await yarn(['install', '--frozen-lockfile', '--force'], app));
    await proved(task, 'yarn', 'publish', 'install', 'install from a lock file');
  });

  test('shows why a version cannot be had, and resolves ranges to what is safe', async ({ task }) => {
    const name = fresh();
    await scene.published(name, '1.0.0', '1.1.0');
    const locked = project({ [name]: '1.1.0' });
    scene.ok(await yarn(['install', '--non-interactive'], locked));
    scene.ok(await yarn(['cache', 'clean'], locked));
    await scene.hold(name, '1.1.0', 'CVE-2026-4, ask security');
    const app = project({ [name]: '^1.0.0' });
    scene.ok(await yarn(['install', '--non-interactive'], app));
    expect(versionIn(app, name)).toBe('1.0.0');
    expect(refused(await yarn(['install', '--frozen-lockfile', '--force'], locked))).toMatch(
      /403|CVE-2026-4/,
    );
    await proved(task, 'yarn', 'a held version is refused', 'ranges resolve to a safe version');
  });

  test('tags and info', async ({ task }) => {
    const name = fresh();
    await scene.published(name, '1.0.0');
    scene.ok(await yarn(['tag', 'add', `${name}@1.0.0`, 'stable'], scene.clients.home));
    expect(scene.ok(await yarn(['tag', 'list', name], scene.clients.home))).toContain('stable: 1.0.0');
    expect(scene.ok(await yarn(['info', name, 'version'], scene.clients.home))).toContain('1.0.0');
    await proved(task, 'yarn', 'tag add, list', 'info');
  });
});

describeWith(['npm', 'yarn-berry'], 'yarn 4', () => {
  const yarn = runner('yarn-berry');

  test('publishes and installs, also from its lock file', async ({ task }) => {
    const name = fresh();
    for (const version of ['1.0.0', '1.1.0']) {
      const cwd = scene.source(name, version);
      scene.ok(await runner('yarn-berry')(['install'], withLock(cwd)));
      scene.ok(await yarn(['npm', 'publish'], cwd));
    }
    const app = project({ [name]: '^1.0.0' });
    scene.ok(await yarn(['install'], app));
    expect(versionIn(app, name)).toBe('1.1.0');
    scene.ok(await yarn(['install', '--immutable'], app));
    const document = (await (
      await fetch(`${scene.clients.registry}${name}`, { headers: scene.auth })
    ).json()) as Packument;
    expect(document.versions['1.1.0']?.dist.integrity).toMatch(/^sha512-/);
    await proved(task, 'yarn-berry', 'publish', 'install', 'install from a lock file');
  });

  test('shows why a version cannot be had, and resolves ranges to what is safe', async ({ task }) => {
    const name = fresh();
    await scene.published(name, '1.0.0', '1.1.0');
    const locked = project({ [name]: '1.1.0' });
    scene.ok(await yarn(['install', '--mode=update-lockfile'], locked));
    expect(readFileSync(join(locked, 'yarn.lock'), 'utf8')).toContain('1.1.0');
    scene.ok(await yarn(['cache', 'clean', '--all'], locked));
    await scene.hold(name, '1.1.0', 'CVE-2026-5, ask security');
    const app = project({ [name]: '^1.0.0' });
    scene.ok(await yarn(['install'], app));
    expect(versionIn(app, name)).toBe('1.0.0');
    const shown = refused(await yarn(['install', '--immutable'], locked));
    expect(shown).toContain('403 (This artifact is on hold: CVE-2026-5, ask security)');
    await proved(task, 'yarn-berry', 'a held version shows its reason', 'ranges resolve to a safe version');
  });

  test('tags, whoami, audit and info', async ({ task }) => {
    const name = fresh();
    await scene.published(name, '1.0.0');
    const app = project({ [name]: '1.0.0' });
    scene.ok(await yarn(['install'], app));
    expect(scene.ok(await yarn(['npm', 'whoami'], app))).toContain('admin');
    scene.ok(await yarn(['npm', 'tag', 'add', `${name}@1.0.0`, 'stable'], app));
    expect(scene.ok(await yarn(['npm', 'tag', 'list', name], app))).toContain('@stable → 1.0.0');
    expect(scene.ok(await yarn(['npm', 'info', name, '--fields', 'version'], app))).toContain('1.0.0');
    expect(scene.ok(await yarn(['npm', 'audit'], app))).toContain('No audit suggestions');
    await proved(task, 'yarn-berry', 'whoami', 'tag add, list', 'info', 'audit');
  });
});

/** yarn 4 takes a folder for a project of its own when it has a lock file. */
function withLock(folder: string): string {
  writeFileSync(join(folder, 'yarn.lock'), '');
  return folder;
}
