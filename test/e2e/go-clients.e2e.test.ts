/** The go command against the real server: what was uploaded builds, a hold stops it with its reason. */
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, adminAt, jsonOf } from '../conformance/client.ts';
import { operation } from '../support/compatibility.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith, program } from '../support/services.ts';
import { makeZip } from '../support/zip-maker.ts';

interface Ran {
  readonly code: number;
  readonly out: string;
}

let registry: TestRegistry;
let admin: Actor;
let home: string;
let version: string;

const PLACE = { project: 'main', repository: 'go' };
const BASE = '/pkg/main/go/go';

describeWith(['go'], 'the go command', () => {
  beforeAll(async () => {
    registry = await startRegistry();
    admin = await adminAt(registry);
    // go sends credentials over TLS only: here everybody may read
    await registry.api('PATCH', '/projects/main/repositories/go', { visibility: 'public' });
    home = mkdtempSync(join(tmpdir(), 'strongroom-go-'));
    version = execFileSync(program('go'), ['env', 'GOVERSION']).toString().trim().replace(/^go/, '');
  });
  afterAll(async () => {
    if (home) await go(home, ['clean', '-modcache']);
    rmSync(home, { recursive: true, force: true });
    await registry?.stop();
  });

  const proved = (name: string) => ({ format: 'go', operation: name, client: 'go', version });

  test('downloads, lists and builds against what was uploaded', async ({ task }) => {
    const module = fresh();
    await upload(module, 'v1.0.0', 'first');
    await upload(module, 'v1.1.0', 'second');
    const listed = await go(home, ['list', '-m', '-versions', '-json', `${module}@latest`]);
    expect(JSON.parse(listed.out)).toMatchObject({ Version: 'v1.1.0', Versions: ['v1.0.0', 'v1.1.0'] });
    const folder = consumer(module);
    expect(await go(folder, ['get', `${module}@v1.0.0`])).toMatchObject({ code: 0 });
    expect((await go(folder, ['run', '.'])).out).toContain('first');
    expect(await go(folder, ['get', '-u', module])).toMatchObject({ code: 0 });
    expect((await go(folder, ['run', '.'])).out).toContain('second');
    expect(await go(folder, ['mod', 'verify'])).toMatchObject({ code: 0 });
    operation(task, proved('list versions'), proved('get and build'), proved('upgrade to the latest'));
  });

  test('downloads a module whose path has capitals and a major version', async ({ task }) => {
    const module = `example.com/Acme/Lib${randomBytes(4).toString('hex')}/v2`;
    await upload(module, 'v2.3.0', 'capital');
    const got = await go(home, ['mod', 'download', '-json', `${module}@v2.3.0`]);
    expect(got.code, got.out).toBe(0);
    const { Zip } = JSON.parse(got.out) as { Zip: string };
    expect(readFileSync(Zip).equals(moduleZip(module, 'v2.3.0', 'capital'))).toBe(true);
    operation(task, proved('mod download'));
  });

  test('a held version is refused with its reason, and the latest is a safe one', async ({ task }) => {
    const module = fresh();
    await upload(module, 'v1.0.0', 'safe');
    await upload(module, 'v1.1.0', 'unsafe');
    const reason = `malware ${randomBytes(4).toString('hex')}`;
    const name = { ...PLACE, package: module, version: 'v1.1.0' };
    const { id } = jsonOf<{ id: string }>(await admin.api('POST', '/holds', { ...name, reason }));
    const refused = await go(home, ['mod', 'download', `${module}@v1.1.0`]);
    expect(refused.code).not.toBe(0);
    expect(refused.out).toContain('403');
    expect(refused.out).toContain(reason);
    const folder = consumer(module);
    expect(await go(folder, ['get', `${module}@latest`])).toMatchObject({ code: 0 });
    expect((await go(folder, ['run', '.'])).out).toContain('safe');
    await admin.api('POST', `/holds/${id}/release`, name);
    expect(await go(home, ['mod', 'download', `${module}@v1.1.0`])).toMatchObject({ code: 0 });
    operation(
      task,
      proved('a held version is refused with its reason'),
      proved('ranges resolve to a safe version'),
    );
  });

  test('a yanked version is chosen by name only', async ({ task }) => {
    const module = fresh();
    await upload(module, 'v1.0.0', 'kept');
    await upload(module, 'v1.1.0', 'yanked');
    await admin.api('POST', '/artifact/yank', {
      ...PLACE,
      package: module,
      version: 'v1.1.0',
      reason: 'broken',
    });
    const latest = await go(home, ['list', '-m', '-json', `${module}@latest`]);
    expect(JSON.parse(latest.out)).toMatchObject({ Version: 'v1.0.0' });
    expect(await go(home, ['mod', 'download', `${module}@v1.1.0`])).toMatchObject({ code: 0 });
    operation(task, proved('a yanked version is chosen by name only'));
  });

  test('a larger module of the ecosystem goes through unchanged', async ({ task, skip }) => {
    const wanted = 'golang.org/x/text@v0.14.0';
    const fetched = await go(home, ['mod', 'download', '-json', wanted], {});
    if (fetched.code !== 0) skip('[without the Go module proxy] a larger module');
    const { Zip, Sum } = JSON.parse(fetched.out) as { Zip: string; Sum: string };
    const sent = await admin.ask('PUT', `${BASE}/upload`, { body: readFileSync(Zip) });
    expect(sent.status, sent.text).toBe(201);
    await go(home, ['clean', '-modcache']);
    const again = await go(home, ['mod', 'download', '-json', wanted], { GOPROXY: registry.url + BASE });
    expect(again.code, again.out).toBe(0);
    expect(JSON.parse(again.out)).toMatchObject({ Sum });
    operation(task, proved('a larger real module (golang.org/x/text)'));
  });
});

const fresh = () => `example.com/lib${randomBytes(5).toString('hex')}`;

function moduleZip(module: string, of: string, text: string): Buffer {
  const prefix = `${module}@${of}`;
  return makeZip([
    { path: `${prefix}/go.mod`, content: `module ${module}\n\ngo 1.19\n` },
    { path: `${prefix}/lib.go`, content: `package lib\n\nconst Text = ${JSON.stringify(text)}\n` },
  ]);
}

async function upload(module: string, of: string, text: string): Promise<void> {
  const sent = await admin.ask('PUT', `${BASE}/upload`, { body: moduleZip(module, of, text) });
  expect(sent.status, sent.text).toBe(201);
}

/** A program that prints the module's constant. */
function consumer(module: string): string {
  const folder = join(home, `consumer-${randomBytes(4).toString('hex')}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'go.mod'), 'module example.org/consumer\n\ngo 1.19\n');
  const program_ = `package main\n\nimport (\n\t"fmt"\n\n\tlib "${module}"\n)\n\nfunc main() { fmt.Println(lib.Text) }\n`;
  writeFileSync(join(folder, 'main.go'), program_);
  return folder;
}

/** With caches of its own. What the machine itself is told about proxies stays where `env` is given. */
function go(cwd: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran> {
  const { PATH = '', GOPROXY = '', GOSUMDB = '', HTTPS_PROXY = '', SSL_CERT_FILE = '' } = process.env;
  const machine = Object.fromEntries(
    Object.entries({ GOPROXY: GOPROXY || goEnv('GOPROXY'), HTTPS_PROXY, SSL_CERT_FILE, GOSUMDB }).filter(
      ([, v]) => v,
    ),
  );
  const ours = { GOPROXY: registry.url + BASE, GONOSUMDB: 'example.com/*' };
  const all = {
    ...{
      PATH,
      HOME: home,
      GOPATH: join(home, 'go'),
      GOCACHE: join(home, 'cache'),
      GOFLAGS: '-mod=mod -modcacherw',
    },
    ...{ GOTOOLCHAIN: 'local', GONOSUMDB: '*', CGO_ENABLED: '0' },
    ...(env ? { ...machine, ...env } : ours),
  };
  return new Promise(done => {
    execFile(program('go'), args, { cwd, env: all, timeout: 120_000 }, (error, stdout, stderr) => {
      const code = error ? Number(error.code ?? -1) : 0;
      done({ code, out: code === 0 ? stdout : `${stdout}\n${stderr}` });
    });
  });
}

const goEnv = (name: string) => execFileSync(program('go'), ['env', name]).toString().trim();
