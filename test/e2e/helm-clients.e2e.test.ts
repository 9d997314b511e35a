/** Helm against the real server: classic repositories, signatures, the push plugin, OCI; a hold stops it with its reason. */
import { hash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, adminAt, jsonOf } from '../conformance/client.ts';
import { chartForm } from '../conformance/helm-fixture.ts';
import { type ChartParts, fakeProvenance, makeChart } from '../support/charts.ts';
import { operation } from '../support/compatibility.ts';
import { type Helm, openHelm, type Ran } from '../support/helm.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith } from '../support/services.ts';

let registry: TestRegistry;
let admin: Actor;
let helm: Helm;
let version: string;

const PLACE = { project: 'main', repository: 'helm' };
const BASE = '/pkg/main/helm/helm';
const proved = (done: string, client = 'helm') => ({
  format: 'helm',
  operation: done,
  client,
  version: client === 'helm' ? version : '0.10.4',
});
const fresh = (plain = 'app') => `${plain}-${randomBytes(4).toString('hex')}`;

function ok(ran: Ran): string {
  expect(ran.code, ran.out).toBe(0);
  return ran.out;
}
const run = (...args: string[]) => helm.run(args);
const login = () => ['--username', 'admin', '--password', registry.adminPassword];

async function upload(parts: ChartParts): Promise<Buffer> {
  const chart = makeChart(parts);
  const answer = await admin.ask('POST', `${BASE}/api/charts`, { body: chart });
  expect(answer.status, answer.text).toBe(201);
  return chart;
}
const update = async () => ok(await run('repo', 'update', 'sr'));
const pulled = (file: string) => readFileSync(join(helm.home, file));

describeWith(['helm'], 'helm', () => {
  beforeAll(async () => {
    registry = await startRegistry();
    admin = await adminAt(registry);
    helm = openHelm();
    version = (await run('version', '--template', '{{.Version}}')).stdout.trim().replace(/^v/, '');
    ok(await run('repo', 'add', 'sr', registry.url + BASE, ...login()));
  });
  afterAll(async () => {
    await helm?.close();
    await registry?.stop();
  });

  test('adds a repository with the right password only', async ({ task }) => {
    const url = registry.url + BASE;
    const refused = await run('repo', 'add', 'bad', url, '--username', 'admin', '--password', 'wrong');
    expect(refused.code).not.toBe(0);
    expect(refused.out).toContain('401 The user name, password or token is wrong');
    expect((await run('repo', 'add', 'nobody', url)).out).toContain('401 Log in to do this');
    operation(task, proved('repo add'));
  });

  test('searches, shows and pulls; ranges leave pre-releases out', async ({ task }) => {
    const name = fresh();
    const about = 'description: Says something\nappVersion: 7.1.0\nkeywords: [greeting]\n';
    const files = { 'README.md': '# What it says\n' };
    await upload({ name, version: '1.0.0', more: about, files });
    const second = await upload({ name, version: '1.1.0', more: about, files });
    await upload({ name, version: '2.0.0-rc.1', more: about });
    await update();
    const found = JSON.parse((await run('search', 'repo', `sr/${name}`, '-o', 'json')).stdout);
    expect(found).toEqual([
      { name: `sr/${name}`, version: '1.1.0', app_version: '7.1.0', description: 'Says something' },
    ]);
    const all = await run('search', 'repo', 'greeting', '--versions', '--devel', '-o', 'json');
    expect(JSON.parse(all.stdout).map((one: { version: string }) => one.version)).toEqual([
      '2.0.0-rc.1',
      '1.1.0',
      '1.0.0',
    ]);
    ok(await run('pull', `sr/${name}`, '--version', '^1.0.0'));
    expect(pulled(`${name}-1.1.0.tgz`).equals(second)).toBe(true);
    expect(ok(await run('show', 'readme', `sr/${name}`))).toContain('# What it says');
    ok(await run('pull', `sr/${name}`, '--untar'));
    expect(existsSync(join(helm.home, name, 'Chart.yaml'))).toBe(true);
    operation(task, proved('search'), proved('show'), proved('pull, by version and by range'));
  });

  test('renders and installs (dry run) from the repository', async ({ task }) => {
    const name = fresh();
    await upload({ name, version: '1.0.0' });
    await update();
    const set = ['--set', 'text=from the repository'];
    expect(ok(await run('template', 'one', `sr/${name}`, ...set))).toContain('text: "from the repository"');
    const cluster = await standInCluster();
    try {
      const at = ['--kube-apiserver', `http://127.0.0.1:${(cluster.address() as AddressInfo).port}`];
      const dry = ['--dry-run=client', '--disable-openapi-validation', ...at, ...set];
      expect(ok(await run('install', 'one', `sr/${name}`, ...dry))).toContain('text: "from the repository"');
    } finally {
      cluster.closeAllConnections();
      cluster.close();
    }
    operation(task, proved('template'), proved('install --dry-run=client'));
  });

  test('resolves the dependencies of a chart', async ({ task }) => {
    const [part, whole] = [fresh('part'), fresh('whole')];
    await upload({ name: part, version: '1.2.0', text: 'from the part' });
    await update();
    mkdirSync(join(helm.home, whole));
    const needs = `dependencies:\n  - {name: ${part}, version: ~1.2.0, repository: "${registry.url}${BASE}"}\n`;
    writeFileSync(
      join(helm.home, whole, 'Chart.yaml'),
      `apiVersion: v2\nname: ${whole}\nversion: 0.1.0\n${needs}`,
    );
    ok(await run('dependency', 'update', whole));
    expect(ok(await run('template', 'one', whole))).toContain('from the part');
    ok(await run('package', whole));
    const sent = { body: pulled(`${whole}-0.1.0.tgz`) };
    expect((await admin.ask('POST', `${BASE}/api/charts`, sent)).status).toBe(201);
    const shown = await admin.ask('GET', `${BASE}/api/charts/${whole}/0.1.0`);
    expect(jsonOf(shown)).toMatchObject({ dependencies: [{ name: part, version: '~1.2.0' }] });
    operation(task, proved('dependency update'));
  });

  test('a held version: ranges resolve to a safe one, asking for it says why', async ({ task }) => {
    const name = fresh();
    await upload({ name, version: '1.0.0' });
    const chart = makeChart({ name, version: '1.1.0' });
    const form = chartForm({ chart, prov: fakeProvenance({ name, version: '1.1.0' }, chart) });
    expect((await admin.ask('POST', `${BASE}/api/charts`, form)).status).toBe(201);
    await update();
    const reason = `CVE-2026-${randomBytes(3).toString('hex')} is being looked at`;
    const held = { ...PLACE, package: name, version: '1.1.0' };
    const { id } = jsonOf<{ id: string }>(await admin.api('POST', '/holds', { ...held, reason }));
    // from an index of before the hold, and by its address
    const url = `${registry.url}${BASE}/charts/${name}-1.1.0.tgz`;
    for (const args of [
      [`sr/${name}`, '--version', '1.1.0'],
      [`sr/${name}`, '--version', '1.1.0', '--prov'],
      [url, ...login()],
      [`${url}.prov`, ...login()],
    ]) {
      const refused = await run('pull', ...args);
      expect(refused.code).not.toBe(0);
      expect(refused.out).toContain(`403 This artifact is on hold: ${reason}`);
    }
    await update();
    ok(await run('pull', `sr/${name}`, '--version', '1.x'));
    expect(existsSync(join(helm.home, `${name}-1.0.0.tgz`))).toBe(true);
    expect((await run('pull', `sr/${name}`, '--version', '1.1.0')).out).toContain('not found');
    await admin.api('POST', `/holds/${id}/release`, held);
    await update();
    ok(await run('pull', `sr/${name}`, '--version', '1.1.0'));
    operation(
      task,
      proved('a held version is refused with its reason'),
      proved('ranges resolve to a safe version'),
    );
  });

  test('a deprecated chart says so where helm shows it', async ({ task }) => {
    const name = fresh();
    await upload({ name, version: '1.0.0', more: 'description: An old one\n' });
    await admin.api('POST', '/artifact/deprecate', {
      ...{ ...PLACE, package: name, version: '1.0.0' },
      message: 'use the new one',
    });
    await update();
    expect(ok(await run('search', 'repo', `sr/${name}`, '--max-col-width', '100'))).toContain(
      'DEPRECATED: use the new one - An old one',
    );
    const own = fresh();
    await upload({ name: own, version: '1.0.0', more: 'deprecated: true\n' });
    await update();
    expect((await run('install', 'one', `sr/${own}`, '--dry-run=client')).out).toContain(
      'This chart is deprecated',
    );
    operation(task, proved('deprecated charts are marked'));
  });

  test('what was deleted is gone after an update', async ({ task }) => {
    const name = fresh();
    await upload({ name, version: '1.0.0' });
    await update();
    const deleted = await admin.ask('DELETE', `${BASE}/api/charts/${name}/1.0.0`);
    expect([deleted.status, jsonOf(deleted)]).toEqual([200, { deleted: true }]);
    expect((await run('pull', `sr/${name}`)).out).toContain('404 ');
    await update();
    expect((await run('pull', `sr/${name}`)).out).toContain('not found');
    operation(task, proved("delete by ChartMuseum's API"));
  });

  test('a larger chart comes back as it was, and renders the same', async ({ task }) => {
    // no registry of charts is within reach of every machine: this one is as large as the large ones are
    const name = fresh('large');
    const parts = Array.from({ length: 40 }, (_, index) => `part-${index}`);
    const files: Record<string, string> = { 'README.md': 'A line of its README.\n'.repeat(10_000) };
    for (const part of parts) {
      files[`charts/${part}/Chart.yaml`] = `apiVersion: v2\nname: ${part}\nversion: 1.0.0\n`;
      for (let index = 0; index < 20; index++)
        files[`charts/${part}/templates/map-${index}.yaml`] =
          `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${part}-${index}\ndata:\n  noise: ${randomBytes(4000).toString('hex')}\n`;
    }
    const chart = await upload({ name, version: '1.0.0', files });
    expect(chart.length).toBeGreaterThan(3_000_000);
    await update();
    ok(await run('pull', `sr/${name}`));
    expect(hash('sha256', pulled(`${name}-1.0.0.tgz`))).toBe(hash('sha256', chart));
    writeFileSync(join(helm.home, 'local.tgz'), chart);
    const local = await run('template', 'one', 'local.tgz');
    expect(ok(await run('template', 'one', `sr/${name}`))).toBe(ok(local));
    operation(task, proved('a larger chart (made for it: 40 dependencies, 800 templates)'));
  });

  test('pushes to an OCI repository, pulls back, and shows why what is held is refused', async ({ task }) => {
    const name = fresh();
    const chart = makeChart({ name, version: '1.0.0+build.5' });
    writeFileSync(join(helm.home, 'oci.tgz'), chart);
    const host = `127.0.0.1:${registry.port}`;
    ok(await run('registry', 'login', '--plain-http', host, ...login()));
    ok(await run('push', '--plain-http', 'oci.tgz', `oci://${host}/main/oci`));
    const ref = `oci://${host}/main/oci/${name}`;
    ok(await run('pull', '--plain-http', ref, '--version', '1.0.0+build.5'));
    expect(pulled(`${name}-1.0.0+build.5.tgz`).equals(chart)).toBe(true);
    ok(await run('pull', '--plain-http', ref, '--version', '>=1.0.0'));
    const got = await admin.ask('HEAD', `/v2/main/oci/${name}/manifests/1.0.0_build.5`);
    const digest = got.headers.get('docker-content-digest');
    const held = { project: 'main', repository: 'oci', package: name, version: digest };
    await admin.api('POST', '/holds', { ...held, reason: 'its licence is unclear' });
    const refused = await run('pull', '--plain-http', ref, '--version', '1.0.0+build.5');
    expect(refused.code).not.toBe(0);
    expect(refused.out).toContain('its licence is unclear');
    const done = [
      'login',
      'push',
      'pull, by version and by range',
      'a held chart is refused with its reason',
    ];
    operation(task, ...done.map(one => ({ ...proved(one), format: 'oci' })));
  });
});

describeWith(['helm', 'gpg'], 'helm with signatures', () => {
  beforeAll(async () => {
    registry = await startRegistry();
    admin = await adminAt(registry);
    helm = openHelm();
    version = (await run('version', '--template', '{{.Version}}')).stdout.trim().replace(/^v/, '');
    ok(await run('repo', 'add', 'sr', registry.url + BASE, ...login()));
    ok(await helm.gpg(['--quick-generate-key', 'Tester <tester@example.com>', 'rsa2048', 'sign', 'never']));
    ok(await helm.gpg(['--output', join(helm.home, 'public.gpg'), '--export']));
    ok(await helm.gpg(['--output', join(helm.home, 'secret.gpg'), '--export-secret-keys']));
  });
  afterAll(async () => {
    await helm?.close();
    await registry?.stop();
  });

  async function signed(name: string): Promise<{ chart: Buffer; prov: Buffer }> {
    ok(await run('create', name));
    ok(await run('package', name, '--sign', '--key', 'Tester', '--keyring', 'secret.gpg'));
    return { chart: pulled(`${name}-0.1.0.tgz`), prov: pulled(`${name}-0.1.0.tgz.prov`) };
  }

  test('verifies what was signed, sent together or one after the other', async ({ task }) => {
    const [one, two, none] = [fresh(), fresh(), fresh()];
    const together = await admin.ask('POST', `${BASE}/api/charts`, chartForm(await signed(one)));
    expect(together.status, together.text).toBe(201);
    const { chart, prov } = await signed(two);
    expect((await admin.ask('POST', `${BASE}/api/prov`, { body: prov })).status).toBe(404);
    expect((await admin.ask('POST', `${BASE}/api/charts`, { body: chart })).status).toBe(201);
    expect((await admin.ask('POST', `${BASE}/api/prov`, { body: prov })).status).toBe(201);
    await upload({ name: none, version: '0.1.0' });
    await update();
    mkdirSync(join(helm.home, 'pulled'));
    const verify = (name: string) =>
      run('pull', `sr/${name}`, '--verify', '--keyring', 'public.gpg', '-d', 'pulled');
    for (const name of [one, two])
      expect(ok(await verify(name))).toContain('Signed by: Tester <tester@example.com>');
    expect((await verify(none)).code).not.toBe(0);
    operation(task, proved('package --sign, pull --verify'));
  });

  test('a signature of other bytes is refused', async () => {
    const name = fresh();
    const { prov } = await signed(name);
    const chart = makeChart({ name, version: '0.1.0' });
    const refused = await admin.ask('POST', `${BASE}/api/charts`, chartForm({ chart, prov }));
    expect([refused.status, jsonOf<{ error: string }>(refused).error]).toEqual([
      400,
      expect.stringContaining(`the provenance file is not of this ${name}-0.1.0.tgz`),
    ]);
  });
});

describeWith(['helm', 'helm-cm-push'], 'the push plugin of ChartMuseum', () => {
  beforeAll(async () => {
    registry = await startRegistry();
    admin = await adminAt(registry);
    helm = openHelm();
    ok(await run('repo', 'add', 'sr', registry.url + BASE, ...login()));
  });
  afterAll(async () => {
    await helm?.close();
    await registry?.stop();
  });

  test('pushes, again, and by force only where versions may be replaced', async ({ task }) => {
    let name = '';
    const push = (text: string, ...flags: string[]) => {
      writeFileSync(join(helm.home, 'chart.tgz'), makeChart({ name, version: '1.0.0', text }));
      return run('cm-push', 'chart.tgz', 'sr', ...flags);
    };
    // the plugin packs the chart anew and writes the time into it, in seconds: only in one second is it the same file
    const second = () => Math.floor(Date.now() / 1000);
    let began: number;
    let repeated: Ran;
    do {
      name = fresh();
      began = second();
      ok(await push('one'));
      repeated = await push('one');
    } while (second() !== began);
    ok(repeated);
    for (const flags of [[], ['--force']]) {
      const refused = await push('two', ...flags);
      expect(refused.code).not.toBe(0);
      expect(refused.out).toContain('409: This version exists already with other content');
    }
    await registry.api('PATCH', '/projects/main/repositories/helm', { immutableVersions: false });
    expect((await push('two')).out).toContain('409');
    ok(await push('two', '--force'));
    ok(await run('repo', 'update'));
    expect(ok(await run('template', 'one', `sr/${name}`))).toContain('text: "two"');
    operation(task, proved('cm-push', 'helm-cm-push'), proved('cm-push --force', 'helm-cm-push'));
  });

  test('pushes the sources of a chart, and shows why a policy forbids it', async ({ task }) => {
    const name = fresh();
    ok(await run('create', name));
    ok(await run('cm-push', name, 'sr', '--version', '3.0.0'));
    await registry.api('POST', '/attachments', {
      ...PLACE,
      ...{ set: 'name_and_version_pattern', level: 'hard', params: { version: '3\\..*' } },
    });
    const refused = await run('cm-push', name, 'sr', '--version', '4.0.0');
    expect(refused.code).not.toBe(0);
    expect(refused.out).toMatch(/403: A policy forbids this: .+/);
    operation(task, proved('a push that a policy forbids says why', 'helm-cm-push'));
  });
});

/** What helm asks a cluster before a dry run: its version and what it can do. */
async function standInCluster(): Promise<Server> {
  const answers: Readonly<Record<string, object>> = {
    '/version': { major: '1', minor: '34', gitVersion: 'v1.34.0' },
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
    '/api/v1': {
      ...{ kind: 'APIResourceList', groupVersion: 'v1' },
      resources: [{ name: 'configmaps', kind: 'ConfigMap', namespaced: true, verbs: ['get', 'create'] }],
    },
  };
  const server = createServer((request, response) => {
    const answer = answers[request.url?.split('?', 1)[0] ?? ''];
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(answer ?? { kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404 }),
    );
  });
  server.listen(0, '127.0.0.1');
  await new Promise(done => server.once('listening', done));
  return server;
}
