/** Stock npm against the real server: every daily operation, and what it shows when something is refused. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { npmBundle, npmDocument } from '../conformance/npm-fixture.ts';
import { operation } from '../support/compatibility.ts';
import { fetchPackage, type NpmRun, openNpmClients } from '../support/npm-clients.ts';
import { freshName as fresh, type NpmScene, openNpmScene, refused, versionIn } from '../support/npm-scene.ts';
import { describeWith } from '../support/services.ts';

let scene: NpmScene;
let version = '';

beforeAll(async () => {
  scene = await openNpmScene();
  version = ok(await npm(['--version'])).trim();
});
afterAll(() => scene?.close());

const npm = (args: readonly string[], options: Partial<NpmRun> = {}) =>
  scene.clients.run('npm', args, { cwd: scene.clients.home, ...options });
const ok: NpmScene['ok'] = ran => scene.ok(ran);
const source: NpmScene['source'] = (...of) => scene.source(...of);
const published: NpmScene['published'] = (...of) => scene.published(...of);
const url = (path: string) => `${scene.clients.registry}${path}`;
const escaped = (name: string) => name.replace('/', '%2f');

const asked = () => ({ 'Username:': 'admin', 'Password:': scene.registry.adminPassword });

/** A project that depends on packages, installed. */
async function installed(
  dependencies: Readonly<Record<string, string>>,
  args = ['install'],
): Promise<string> {
  const cwd = scene.clients.folder({ 'package.json': { name: 'app', version: '1.0.0', dependencies } });
  ok(await npm(args, { cwd }));
  return cwd;
}

describeWith(['npm'], 'npm', () => {
  const proved = (task: Parameters<typeof operation>[0], ...operations: readonly string[]) =>
    operation(task, ...operations.map(what => ({ format: 'npm', operation: what, client: 'npm', version })));

  test('publishes, shows and installs, also without a scope and from its cache', async ({ task }) => {
    const [name, plain] = [fresh(), `plain-${randomBytes(4).toString('hex')}`];
    await published(name, '1.0.0', '1.2.0');
    await published(plain, '0.1.0');
    const app = await installed({ [name]: '^1.0.0', [plain]: '*' });
    expect(versionIn(app, name)).toBe('1.2.0');
    ok(await npm(['ci'], { cwd: app }));
    const shown = JSON.parse(ok(await npm(['view', name, '--json'])));
    expect(shown).toMatchObject({
      'dist-tags': { latest: '1.2.0' },
      license: 'MIT',
      versions: ['1.0.0', '1.2.0'],
    });
    expect(Object.keys(shown.time)).toEqual(['created', 'modified', '1.0.0', '1.2.0']);
    expect(ok(await npm(['view', name, 'readme']))).toContain(`# ${name}`);
    proved(task, 'publish', 'install', 'ci from a lock file', 'view');
  });

  test('is refused another tarball under the same version, and shows why', async ({ task }) => {
    const name = fresh();
    await published(name, '1.0.0');
    const again = await npm(['publish'], { cwd: source(name, '1.0.0', { description: 'another' }) });
    expect(refused(again)).toMatch(/previously published|published already/);
    proved(task, 'publishing a version twice is refused');
  });

  test('moves and removes dist-tags', async ({ task }) => {
    const name = fresh();
    await published(name, '1.0.0', '2.0.0');
    ok(await npm(['dist-tag', 'add', `${name}@1.0.0`, 'stable']));
    ok(await npm(['dist-tag', 'add', `${name}@1.0.0`, 'latest']));
    expect(
      ok(await npm(['dist-tag', 'ls', name]))
        .trim()
        .split('\n')
        .sort(),
    ).toEqual(['latest: 1.0.0', 'stable: 1.0.0']);
    expect(versionIn(await installed({ [name]: 'latest' }), name)).toBe('1.0.0');
    ok(await npm(['dist-tag', 'rm', name, 'stable']));
    expect(ok(await npm(['dist-tag', 'ls', name]))).not.toContain('stable');
    expect(refused(await npm(['view', `${name}@stable`, 'version', '--json']))).toContain('E404');
    proved(task, 'dist-tag add, ls, rm');
  });

  test('deprecates, warns at the installation, and takes it back', async ({ task }) => {
    const name = fresh();
    await published(name, '1.0.0', '1.1.0');
    ok(await npm(['deprecate', `${name}@1.0.0`, 'use 1.1 instead']));
    expect(ok(await npm(['view', `${name}@1.0.0`, 'deprecated']))).toContain('use 1.1 instead');
    expect(ok(await npm(['view', `${name}@1.1.0`, 'deprecated'])).trim()).toBe('');
    const cwd = scene.clients.folder({ 'package.json': { name: 'app', version: '1.0.0' } });
    expect((await npm(['install', `${name}@1.0.0`], { cwd })).stderr).toContain('use 1.1 instead');
    ok(await npm(['undeprecate', `${name}@1.0.0`]));
    expect(ok(await npm(['view', `${name}@1.0.0`, 'deprecated'])).trim()).toBe('');
    proved(task, 'deprecate and undeprecate');
  });

  test('takes away one version, then the whole package', async ({ task }) => {
    const name = fresh();
    await published(name, '1.0.0', '1.1.0', '1.2.0');
    ok(await npm(['unpublish', `${name}@1.2.0`]));
    expect(JSON.parse(ok(await npm(['view', name, 'versions', '--json'])))).toEqual(['1.0.0', '1.1.0']);
    expect(versionIn(await installed({ [name]: 'latest' }), name)).toBe('1.1.0');
    const again = await npm(['publish'], { cwd: source(name, '1.2.0', { description: 'another' }) });
    expect(refused(again)).toContain('was deleted and cannot be published again');
    ok(await npm(['unpublish', name, '--force']));
    expect(refused(await npm(['view', name]))).toContain('E404');
    proved(task, 'unpublish a version', 'unpublish a package');
  });

  test('logs in with a password, says who it is, manages tokens and logs out', async ({ task }) => {
    const own = openNpmClients(scene.registry);
    const run = (args: readonly string[], answers = {}) => own.run('npm', args, { cwd: own.home, answers });
    try {
      expect(refused(await run(['whoami']))).toContain('ENEEDAUTH');
      const login = await run(['login', '--auth-type=legacy'], asked());
      expect(ok(login)).toContain('Logged in');
      expect(ok(await run(['whoami'])).trim()).toBe('admin');
      const made = JSON.parse(
        ok(await run(['token', 'create', '--json', `--password=${scene.registry.adminPassword}`])),
      );
      const list = JSON.parse(ok(await run(['token', 'list', '--json']))) as { key: string }[];
      const before = list.length;
      expect(before).toBeGreaterThanOrEqual(2);
      ok(await run(['token', 'revoke', made.token]));
      expect(JSON.parse(ok(await run(['token', 'list', '--json'])))).toHaveLength(before - 1);
      const wrong = await run(['token', 'create', '--password=wrong']);
      expect(refused(wrong)).toContain('401');
      ok(await run(['logout']));
      expect(readFileSync(join(own.home, '.npmrc'), 'utf8')).not.toContain('_authToken');
      expect(refused(await run(['view', 'anything']))).toContain('E401');
    } finally {
      own.close();
    }
    proved(task, 'login and logout', 'whoami', 'token create, list, revoke');
  });

  test('falls back to the password when it asks for log-in by web', async ({ task }) => {
    const own = openNpmClients(scene.registry);
    try {
      const login = await own.run('npm', ['login'], { cwd: own.home, answers: asked() });
      expect(ok(login)).toContain('Logged in');
    } finally {
      own.close();
    }
    proved(task, 'login by web falls back to the password');
  });

  test('pings, searches, and looks at access', async ({ task }) => {
    const name = fresh('findable');
    await published(name, '1.0.0');
    expect((await npm(['ping'])).stderr).toContain('PONG');
    const found = JSON.parse(ok(await npm(['search', 'findable', '--json']))) as {
      name: string;
      version: string;
    }[];
    expect(found.map(one => `${one.name} ${one.version}`)).toContain(`${name} 1.0.0`);
    expect(ok(await npm(['access', 'get', 'status', name]))).toContain('private');
    expect(ok(await npm(['access', 'list', 'collaborators', name]))).toContain('admin: read-write');
    expect(ok(await npm(['access', 'list', 'packages', 'admin']))).toContain(`${name}: read-write`);
    proved(task, 'ping', 'search', 'access get status, list');
  });

  test('audits: nothing is known yet', async ({ task }) => {
    const name = fresh();
    await published(name, '1.0.0');
    const app = await installed({ [name]: '1.0.0' });
    expect(ok(await npm(['audit', '--audit=true'], { cwd: app }))).toContain('found 0 vulnerabilities');
    proved(task, 'audit');
  });

  test('publishes a provenance bundle, which comes back', async ({ task }) => {
    const name = fresh();
    const cwd = source(name, '1.0.0');
    const packed = JSON.parse(ok(await npm(['pack', '--json'], { cwd })));
    const { filename } = (Array.isArray(packed) ? packed : Object.values(packed))[0] as { filename: string };
    const bundle = npmBundle({ name, version: '1.0.0' }, readFileSync(join(cwd, filename)));
    // npm itself verifies signatures before it sends a bundle, and no test can sign as a CI provider: this sends what
    // npm sends
    const document = sent(cwd, { bundle, filename });
    const answer = await fetch(url(escaped(name)), {
      method: 'PUT',
      headers: { ...scene.auth, 'content-type': 'application/json' },
      body: document,
    });
    expect(answer.status, await answer.text()).toBe(201);
    const view = JSON.parse(ok(await npm(['view', name, 'dist', '--json'])));
    expect(view.attestations.provenance.predicateType).toBe('https://slsa.dev/provenance/v1');
    const served = await fetch(view.attestations.url, { headers: scene.auth });
    expect(await served.json()).toEqual({
      attestations: [{ predicateType: 'https://slsa.dev/provenance/v1', bundle: JSON.parse(bundle) }],
    });
    expect(versionIn(await installed({ [name]: '1.0.0' }), name)).toBe('1.0.0');
    proved(task, 'view shows attestations');
  });

  test('shows the reason when everything, or one file, is held; ranges resolve to what is safe', async ({
    task,
  }) => {
    const name = fresh();
    await published(name, '1.0.0', '1.1.0');
    const locked = await installed({ [name]: '^1.0.0' });
    expect(versionIn(locked, name)).toBe('1.1.0');
    const first = await scene.hold(name, '1.1.0', 'CVE-2026-1 in 1.1.0, use 1.0');
    expect(versionIn(await installed({ [name]: '^1.0.0' }), name)).toBe('1.0.0');
    expect(ok(await npm(['view', name, 'dist-tags.latest'])).trim()).toBe('1.0.0');
    // a lock file names the tarball: npm goes straight to it
    ok(await npm(['cache', 'clean', '--force']));
    const direct = refused(await npm(['ci'], { cwd: locked }));
    expect(direct).toContain('E403');
    expect(direct).toContain('CVE-2026-1 in 1.1.0, use 1.0');
    ok(await npm(['cache', 'clean', '--force']));
    const exact = refused(
      await npm(['install', `${name}@1.1.0`], {
        cwd: scene.clients.folder({ 'package.json': { name: 'x' } }),
      }),
    );
    expect(exact).toContain('ETARGET');
    expect(exact).toContain('is on hold: CVE-2026-1 in 1.1.0, use 1.0');
    await scene.hold(name, '1.0.0', 'CVE-2026-2 in 1.0.0');
    const all = refused(await npm(['view', name]));
    expect(all).toContain('CVE-2026-');
    await scene.release(first, name, '1.1.0');
    ok(await npm(['ci'], { cwd: locked }));
    proved(task, 'a held version shows its reason', 'ranges resolve to a safe version');
  });

  test('stages, lists, looks into, approves and rejects', async ({ task }) => {
    const name = fresh('staged');
    await published(name, '1.0.0');
    const stage = (number: string) =>
      npm(['stage', 'publish', '--json', '--tag', 'latest'], { cwd: source(name, number) });
    const id = /[0-9a-f]{8}-[0-9a-f-]{27}/;
    const staged = id.exec(ok(await stage('1.1.0')))?.[0] ?? '';
    expect(staged).not.toBe('');
    expect(ok(await npm(['view', name, 'version'])).trim()).toBe('1.0.0');
    expect(JSON.parse(ok(await npm(['stage', 'list', name, '--json'])))).toMatchObject([
      { id: staged, version: '1.1.0', tag: 'latest' },
    ]);
    expect(ok(await npm(['stage', 'view', staged]))).toContain('1.1.0');
    const cwd = scene.clients.folder();
    ok(await npm(['stage', 'download', staged], { cwd }));
    expect(readdirSync(cwd).some(file => file.endsWith('.tgz'))).toBe(true);
    const direct = await fetch(url(`${name}/-/${name.slice(6)}-1.1.0.tgz`), { headers: scene.auth });
    expect([direct.status, await direct.text()]).toEqual([
      403,
      expect.stringContaining('waits for approval'),
    ]);
    ok(await npm(['stage', 'approve', staged]));
    expect(ok(await npm(['view', name, 'version'])).trim()).toBe('1.1.0');
    const second = id.exec(ok(await stage('1.2.0')))?.[0] ?? '';
    ok(await npm(['stage', 'reject', second]));
    expect(ok(await npm(['stage', 'list', name]))).toContain('No staged versions');
    expect(ok(await npm(['view', name, 'version'])).trim()).toBe('1.1.0');
    proved(task, 'stage publish, list, view, download, approve, reject');
  });

  test('a real package with its dependencies goes through and comes back', async ({ task, skip }) => {
    const folder = scene.clients.folder();
    const specs = ['typescript@5.9.3', 'chalk@4.1.2', 'ansi-styles@4.3.0', 'supports-color@7.2.0'];
    const closed = [...specs, 'color-convert@2.0.1', 'color-name@1.1.4', 'has-flag@4.0.0'];
    for (const spec of closed) {
      const packed = await fetchPackage(spec, folder);
      if (packed === undefined) skip(`${spec} cannot be fetched here`);
      else ok(await npm(['publish', packed, '--provenance=false']));
    }
    const app = await installed({ typescript: '^5', chalk: '^4' }, ['install', '--ignore-scripts']);
    const lock = JSON.parse(readFileSync(join(app, 'package-lock.json'), 'utf8'));
    const packages = Object.entries(lock.packages as Record<string, { resolved?: string }>).filter(
      ([path]) => path,
    );
    expect(packages).toHaveLength(closed.length);
    for (const [, { resolved }] of packages) expect(resolved).toContain(scene.clients.registry);
    expect(existsSync(join(app, 'node_modules/typescript/lib/typescript.js'))).toBe(true);
    writeFileSync(join(app, 'a.ts'), 'const a: number = 1;\n');
    ok(await npm(['exec', '--', 'tsc', '--noEmit', 'a.ts'], { cwd: app }));
    proved(task, 'a real package of 23 MB and its dependencies');
  });
});

/** The document that npm would send, with a bundle beside the tarball. */
function sent(cwd: string, { bundle, filename }: { bundle: string; filename: string }): string {
  const manifest = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'));
  return JSON.stringify(npmDocument(manifest, readFileSync(join(cwd, filename)), { bundle }));
}
