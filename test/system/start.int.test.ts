/** Starting and stopping, as the owner of a fresh machine sees it. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../../src/protocols/index.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const CLI = join(import.meta.dirname, '../../bin/strongroom.js');

let data: string;
let running: TestRegistry[];
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'strongroom-start-'));
  running = [];
});
afterEach(async () => {
  for (const registry of running) await registry.stop({ keep: true });
  await rm(data, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}): Promise<TestRegistry> {
  const registry = await startRegistry({ data, env });
  running.push(registry);
  return registry;
}

/** Runs a program to its end. */
function run(
  file: string,
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: data, STRONGROOM_DATA: data, STRONGROOM_PORT: '0', ...env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (text += chunk));
  return new Promise(done => child.once('close', code => done({ code, text })));
}

const whoami = (registry: TestRegistry, password: string) =>
  fetch(`${registry.url}/api/v1/whoami`, {
    headers: { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` },
  });

describe('the first start', () => {
  it('writes the password it made up to a file for its user alone, and never prints it', async () => {
    const registry = await start({ STRONGROOM_ADMIN_PASSWORD: '' }).catch(() => undefined);
    // an empty password is refused; without one, a password is made up
    expect(registry).toBeUndefined();
    const { STRONGROOM_ADMIN_PASSWORD: _none, ...env } = process.env as Record<string, string>;
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN], {
      env: { ...env, STRONGROOM_DATA: data, STRONGROOM_PORT: '0' },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (text += chunk));
    await expect.poll(() => text, { timeout: 20_000 }).toContain('initial-admin-password');
    const file = join(data, 'initial-admin-password');
    const password = (await readFile(file, 'utf8')).trim();
    const url = /listens on (\S+)/.exec(text)?.[1] ?? '';
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(text).not.toContain(password);
    expect((await whoami({ url } as TestRegistry, password)).status).toBe(200);
    child.kill();
    await new Promise(done => child.once('close', done));
  });

  it('makes project main with a repository for each format; the second one changes nothing', async () => {
    const first = await start();
    const { items } = await first.api<{ items: { project: string; name: string; visibility: string }[] }>(
      'GET',
      '/repositories',
    );
    const wanted = PROTOCOLS.map(({ format }) => ({ project: 'main', name: format, visibility: 'private' }));
    wanted.sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(items).toMatchObject(wanted);
    const { next } = await first.api<{ next: string }>('GET', '/events');
    await first.stop({ keep: true });
    const second = await start();
    expect((await second.api<{ next: string }>('GET', '/events')).next).toBe(next);
  });
});

it('starts in a folder whose path is too long for a socket; host commands then ask to stop it first', async () => {
  const deep = join(data, 'x'.repeat(120));
  const registry = await startRegistry({ data: deep });
  running.push(registry);
  await expect.poll(() => registry.output()).toContain('too long for a socket');
  const reset = await run(CLI, ['admin', 'reset-password'], { STRONGROOM_DATA: deep });
  expect(reset.code).not.toBe(0);
  expect(reset.text).toContain('stop it first');
});

describe('what cannot start says why, and ends with 1', () => {
  it('a second process on the same folder', async () => {
    await start();
    const { code, text } = await run(MAIN, [], {});
    expect(code).toBe(1);
    expect(text).toContain('another Strongroom uses this data folder');
  });

  it('a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise(done => other.once('listening', done));
    const { port } = other.address() as { port: number };
    const { code, text } = await run(MAIN, [], { STRONGROOM_PORT: String(port) });
    other.close();
    expect(code).toBe(1);
    expect(text).toContain('EADDRINUSE');
  });

  it('a configuration with several problems: all of them, none with a secret', async () => {
    const { code, text } = await run(MAIN, [], {
      STRONGROOM_PORT: 'ninety',
      STRONGROOM_TLS_CERT: 'cert.pem',
      STRONGROOM_ADMIN_PASSWORD: 'hush',
      STRONGROOM_COLOUR: 'blue',
    });
    expect(code).toBe(1);
    for (const name of ['PORT', 'TLS_CERT', 'ADMIN_PASSWORD', 'COLOUR'])
      expect(text).toContain(`STRONGROOM_${name}`);
    expect(text).not.toContain('hush');
  });
});

describe('a lost password', () => {
  it('is replaced on the host, while the server runs and while it does not', async () => {
    const registry = await start();
    const password = async () => {
      const { code, text } = await run(CLI, ['admin', 'reset-password', '--quiet'], {});
      expect(code, text).toBe(0);
      return text.trim().split('\n').at(-1) ?? '';
    };
    const first = await password();
    expect((await whoami(registry, first)).status).toBe(200);
    expect((await whoami(registry, registry.adminPassword)).status).toBe(401);
    await registry.stop({ keep: true });
    const second = await password();
    const again = await start();
    expect((await whoami(again, second)).status).toBe(200);
    expect((await whoami(again, first)).status).toBe(401);
  });
});

describe('views', () => {
  it.each([
    ['missing', async () => rm(join(data, 'views.db'))],
    ['cut short', async () => truncate(join(data, 'views.db'), 5000)],
    ['not a database', async () => writeFile(join(data, 'views.db'), randomBytes(20_000))],
  ])('that are %s are built again', async (_what, damage) => {
    const registry = await start();
    await registry.api('POST', '/projects', { name: 'kept' });
    await registry.stop({ keep: true });
    for (const suffix of ['-wal', '-shm']) await rm(join(data, `views.db${suffix}`), { force: true });
    await damage();
    const again = await start();
    const { items } = await again.api<{ items: { name: string }[] }>('GET', '/projects');
    expect(items.map(({ name }) => name)).toEqual(['kept', 'main']);
  });
});

describe('the end', () => {
  const authorization = (registry: TestRegistry) =>
    `Basic ${Buffer.from(`admin:${registry.adminPassword}`).toString('base64')}`;
  /** Tells it to stop and waits until it has begun to. */
  const terminate = async (registry: TestRegistry) => {
    registry.process.kill('SIGTERM');
    await expect.poll(() => registry.output(), { timeout: 20_000 }).toContain('finishing what runs');
  };
  const ended = async ({ process: child }: TestRegistry) => {
    if (child.exitCode === null) await new Promise(done => child.once('exit', done));
    return child.exitCode;
  };

  it('waits for an upload that runs', async () => {
    const registry = await start();
    const auth = { authorization: authorization(registry) };
    const begun = await fetch(`${registry.url}/v2/main/oci/app/blobs/uploads/`, {
      method: 'POST',
      headers: auth,
    });
    const upload = httpRequest(`${registry.url}${begun.headers.get('location')}`, {
      method: 'PATCH',
      headers: { ...auth, 'content-length': 8, expect: '100-continue', connection: 'close' },
    });
    const answer = new Promise<number>((done, failed) => {
      upload.once('response', response => done(response.statusCode ?? 0));
      upload.once('error', failed);
    });
    // the body is asked for by whoever stores it: from then on the request runs
    const runs = new Promise(done => upload.once('continue', done));
    upload.flushHeaders();
    await runs;
    upload.write('half');
    await terminate(registry);
    upload.end('full');
    expect(await answer).toBe(202);
    expect(await ended(registry)).toBe(0);
  });

  it('answers a request that it hears of when it stops already, and closes that connection', async () => {
    const registry = await start();
    const socket = connect(registry.port, '127.0.0.1');
    let heard = '';
    socket.on('data', chunk => (heard += chunk));
    const closed = new Promise(done => socket.once('close', done));
    const head = `Host: test\r\nAuthorization: ${authorization(registry)}\r\n`;
    const location = '/v2/main/oci/app/blobs/uploads/';
    socket.write(`GET /v2/ HTTP/1.1\r\n${head}\r\n`);
    await expect.poll(() => heard, { timeout: 20_000 }).toContain('HTTP/1.1 200');
    // its first line is there, so that the connection is not idle
    socket.write(`POST ${location} HTTP/1.1\r\n`);
    await fetch(`${registry.url}/healthz`);
    await terminate(registry);
    socket.write(`${head}Content-Length: 0\r\n\r\n`);
    await closed;
    expect(heard).toMatch(/HTTP\/1\.1 202 .*connection: close/is);
    expect(await ended(registry)).toBe(0);
  });

  it('waits neither for clients that hung up or wait, nor for connections that nobody uses', async () => {
    const registry = await start();
    const auth = { authorization: authorization(registry) };
    const following = fetch(`${registry.url}/api/v1/events?after=head&wait=60`, { headers: auth });
    const bytes = randomBytes(20_000_000);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const blobs = `${registry.url}/v2/main/oci/app/blobs`;
    await fetch(`${blobs}/uploads/?digest=${digest}`, { method: 'POST', headers: auth, body: bytes });
    const download = () =>
      new Promise<IncomingMessage>((done, failed) => {
        const agent = new Agent({ keepAlive: true });
        httpRequest(`${blobs}/${digest}`, { headers: auth, agent }, done).once('error', failed).end();
      });
    const [gone, goingOn] = await Promise.all([download(), download()]);
    const preconnected = connect(registry.port, '127.0.0.1');
    await new Promise(done => preconnected.once('connect', done));
    preconnected.once('error', () => undefined);
    const began = performance.now();
    await terminate(registry);
    gone.once('error', () => undefined).destroy();
    let size = 0;
    for await (const chunk of goingOn) size += (chunk as Buffer).length;
    expect(size).toBe(bytes.length);
    expect((await following).status).toBe(200);
    expect(await ended(registry)).toBe(0);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

describe('TLS', () => {
  it('serves with the configured certificate', async () => {
    const [cert, key] = [join(data, 'cert.pem'), join(data, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', key, '-out', cert];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files],
      {
        stdio: 'ignore',
      },
    );
    const registry = await start({ STRONGROOM_TLS_CERT: cert, STRONGROOM_TLS_KEY: key });
    expect(registry.url).toMatch(/^https:/);
    const ca = await readFile(cert);
    const realm = await new Promise<string>((done, failed) => {
      const asked = httpsRequest(`${registry.url}/v2/`, { ca }, response => {
        response.resume();
        done(response.headers['www-authenticate'] ?? '');
      });
      asked.once('error', failed);
      asked.end();
    });
    expect(realm).toContain('realm="https://');
  });
});
