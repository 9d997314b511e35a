/** Generic files with curl and wget against the real server: both ways, parts, conditions, checksums, folders, refusals. */
import { createHash, hash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import { setupSteps } from '../../src/cli/setup.ts';
import { type Actor, adminAt, jsonOf, person } from '../conformance/client.ts';
import { operation } from '../support/compatibility.ts';
import { type GenericClients, openGenericClients, type Ran } from '../support/generic-clients.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith } from '../support/services.ts';

const PLACE = { project: 'main', repository: 'generic' };
const MIB = 1024 * 1024;

let registry: TestRegistry;
let admin: Actor;
let clients: GenericClients;
let base: string;
const versions = { curl: '', wget: '' };

const fresh = () => `app-${randomBytes(4).toString('hex')}`;
const proved = (task: TestContext['task'], client: 'curl' | 'wget', ...done: readonly string[]) =>
  operation(
    task,
    ...done.map(one => ({ format: 'generic', operation: one, client, version: versions[client] })),
  );
const put = (name: string, content: string | Buffer) => writeFileSync(join(clients.home, name), content);
const got = (name: string) => readFileSync(join(clients.home, name));
const curl = (...args: string[]) => clients.curl(...args);

function ok(ran: Ran): string {
  expect(ran.code, ran.stderr).toBe(0);
  return ran.stdout;
}
/** Status and, on a line before it, what else curl was asked to print. */
const STATUS = ['--write-out', '\n%{http_code}'];
const statusOf = (ran: Ran) => Number(ok(ran).slice(-3));

async function upload(path: string, content: string | Buffer, ...args: string[]): Promise<number> {
  put('up', content);
  return statusOf(await curl('-T', 'up', ...args, ...STATUS, `${base}/${path}`));
}
async function hold(name: string, reason: string, more: object = {}): Promise<string> {
  const held = await admin.api('POST', '/holds', {
    ...PLACE,
    package: name,
    version: '1.0',
    reason,
    ...more,
  });
  expect(held.status, held.text).toBe(201);
  return jsonOf<{ id: string }>(held).id;
}

describeWith(['curl', 'wget'], 'curl and wget', () => {
  beforeAll(async () => {
    registry = await startRegistry({ env: { STRONGROOM_MAX_BLOB_BYTES: String(256 * MIB) } });
    admin = await adminAt(registry);
    clients = openGenericClients(registry.adminPassword);
    base = `${registry.url}/pkg/main/generic/generic`;
    versions.curl = await clients.version('curl');
    versions.wget = await clients.version('wget');
  });
  afterAll(async () => {
    clients?.close();
    await registry?.stop();
  });

  test('uploads files, several at once and from a pipe, and gives them back', async ({ task }) => {
    const at = `${base}/${fresh()}/1.0`;
    const content = randomBytes(300_000);
    put('one.bin', content);
    put('two.txt', 'two\n');
    put('empty', '');
    expect(statusOf(await curl('-T', 'one.bin', ...STATUS, `${at}/bin/one.bin`))).toBe(201);
    expect(statusOf(await curl('-T', 'one.bin', ...STATUS, `${at}/bin/one.bin`))).toBe(200);
    ok(await curl('--fail', '-T', '{two.txt,empty}', `${at}/`));
    ok(await curl('--fail', '-T', '-', `${at}/piped`));
    ok(await curl('--fail', '--output', 'back', `${at}/bin/one.bin`));
    expect(got('back').equals(content)).toBe(true);
    expect(ok(await curl('--fail', `${at}/two.txt`))).toBe('two\n');
    expect(ok(await curl('--fail', `${at}/empty`))).toBe('');
    expect(ok(await curl('--fail', `${at}/piped`))).toBe('from a pipe\n');
    const head = ok(await curl('--fail', '--head', `${at}/bin/one.bin`));
    expect(head).toMatch(/^content-length: 300000\r$/m);
    expect(head).toContain(`etag: "sha256:${hash('sha256', content)}"`);
    put('wrong.netrc', 'machine 127.0.0.1 login admin password wrong\n');
    const refused = await curl('--disable', '-sS', '--netrc-file', 'wrong.netrc', `${at}/two.txt`);
    expect(ok(refused)).toBe('The user name, password or token is wrong or expired\n');
    proved(task, 'curl', 'upload', 'upload several files', 'upload from a pipe', 'download', 'HEAD');
  });

  test('does what strongroom setup says', async ({ task }) => {
    const whoami = await registry.api<{ id: string }>('GET', '/whoami');
    const path = `/principals/${whoami.id}/tokens`;
    const { token } = await registry.api<{ token: string }>('POST', path, { label: 'setup' });
    const target = { url: registry.url, ...PLACE, user: 'anything', token };
    put('README.txt', 'read me\n');
    const name = fresh();
    const lines = (setupSteps('generic', target) ?? []).flatMap(({ text }) => text.split('\n'));
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      const known = line.replace('<package>/<version>/<path>', `${name}/1.0/notes.txt`);
      ok(await clients.shell(known.replace('<file>', 'README.txt')));
    }
    expect(ok(await clients.shell('sha256sum -c notes.txt.sha256'))).toBe('notes.txt: OK\n');
    // wget keeps what curl got before
    for (const copy of ['notes.txt', 'notes.txt.1']) expect(got(copy).toString()).toBe('read me\n');
    const upload = lines[0]?.replace('<package>/<version>/<path>', `${name}/-/x`) ?? '';
    const refused = await clients.shell(upload.replace('<file>', 'README.txt'));
    expect([refused.code, refused.stdout]).toEqual([22, expect.stringContaining('a version has 1 to 128')]);
    for (const client of ['curl', 'wget'] as const) proved(task, client, 'the lines of strongroom setup');
  });

  test('what may not be uploaded is refused before it is sent', async ({ task }) => {
    const name = fresh();
    const viewer = await person(registry, 'viewer', [{ role: 'viewer', project: 'main' }]);
    put('big', Buffer.alloc(2 * MIB));
    const expecting = ['-v', '-T', 'big', '-H', 'Expect: 100-continue', '--expect100-timeout', '30'];
    const said = ['--write-out', '%{http_code} after %{size_upload} bytes'];
    const asViewer = ['--disable', '-sS', '-H', `Authorization: ${viewer.authorization}`];
    const refused = await curl(...asViewer, ...expecting, ...said, `${base}/${name}/1.0/x`);
    expect(refused.stdout).toMatch(/^You are not allowed to do this.*\n403 after 0 bytes$/);
    expect(refused.stderr).not.toContain('100 Continue');
    const file = await open(join(clients.home, 'huge'), 'w');
    await file.truncate(256 * MIB + 1);
    await file.close();
    const huge = expecting.map(arg => (arg === 'big' ? 'huge' : arg));
    const tooLarge = await curl(...huge, ...said, `${base}/${name}/1.0/x`);
    expect(tooLarge.stdout).toBe(
      `The content is larger than is allowed here: at most ${256 * MIB} bytes are taken here\n413 after 0 bytes`,
    );
    const allowed = await curl(...expecting, ...said, `${base}/${name}/1.0/x`);
    expect(allowed.stdout).toMatch(new RegExp(`201 after ${2 * MIB} bytes$`));
    expect(allowed.stderr).toContain('100 Continue');
    proved(task, 'curl', 'upload refused before the body (Expect: 100-continue): rights, size');
  });

  test('who sends all before reading the answer sees it, too', async ({ task }) => {
    const name = fresh();
    put('big', randomBytes(32 * MIB));
    const nobody = ['--disable', '-sS', '-H', 'Expect:', '-T', 'big', ...STATUS];
    for (let again = 0; again < 3; again++)
      expect(ok(await curl(...nobody, `${base}/${name}/1.0/x`))).toBe('Log in to do this\n\n401');
    // wget does, and logs in only when it was asked to
    const sending = ['-q', '-O', '-', '--method=PUT', '--body-file=big'];
    ok(await clients.wget(...sending, `${base}/${name}/1.0/x`));
    expect(statusOf(await curl('--head', ...STATUS, `${base}/${name}/1.0/x`))).toBe(200);
    proved(task, 'wget', 'upload (--method=PUT)');
  });

  test('a part of a file is not taken for the file', async ({ task }) => {
    const name = fresh();
    expect(await upload(`${name}/1.0/x`, 'the whole file', '-C', '4')).toBe(400);
    expect(statusOf(await curl(...STATUS, `${base}/${name}/1.0/x`))).toBe(404);
    expect(await upload(`${name}/1.0/x`, 'the whole file', '-C', '-')).toBe(201);
    proved(task, 'curl', 'a resumed upload is refused');
  });

  test('gives parts, and what is missing of a download', async ({ task }) => {
    const content = randomBytes(100_000);
    const url = `${base}/${fresh()}/1.0/x`;
    put('up', content);
    ok(await curl('--fail', '-T', 'up', url));
    const part = async (range: string) => {
      const status = statusOf(await curl('-r', range, '--output', 'part', ...STATUS, url));
      return [status, got('part')];
    };
    expect(await part('10-19')).toEqual([206, content.subarray(10, 20)]);
    expect(await part('-7')).toEqual([206, content.subarray(-7)]);
    expect(await part('99990-200000')).toEqual([206, content.subarray(99_990)]);
    // several ranges may be answered with the whole
    expect(await part('0-1,5-6')).toEqual([200, content]);
    expect(await part('100000-')).toEqual([
      416,
      Buffer.from('The range cannot be satisfied: the content has 100000 bytes\n'),
    ]);
    for (const [client, resume] of [
      ['curl', ['--fail', '-C', '-', '--output', 'rest', url]],
      ['wget', ['-q', '-c', '-O', 'rest', url]],
    ] as const) {
      put('rest', content.subarray(0, 40_000));
      ok(await clients[client](...resume));
      expect(got('rest').equals(content)).toBe(true);
      // there is nothing left to be had
      ok(await clients[client](...resume.filter(arg => arg !== '--fail')));
      expect(got('rest').equals(content)).toBe(true);
      proved(task, client, 'resume a download');
    }
    proved(task, 'curl', 'ranges: from to, suffix, unsatisfiable');
  });

  test('what is known is not sent again', async ({ task }) => {
    const name = fresh();
    const url = `${base}/${name}/1.0/x`;
    await upload(`${name}/1.0/x`, 'content');
    ok(await curl('--etag-save', 'tag', '--output', 'copy', url));
    expect(statusOf(await curl('--etag-compare', 'tag', ...STATUS, url))).toBe(304);
    ok(await curl('--remote-time', '--output', 'copy', url));
    expect(statusOf(await curl('--time-cond', 'copy', ...STATUS, url))).toBe(304);
    expect(statusOf(await curl('--time-cond', '1 Jan 2020', ...STATUS, url))).toBe(200);
    ok(await clients.wget('-N', url));
    const again = await clients.wget('-N', url);
    expect(ok(again) + again.stderr).toContain('304 Not Modified');
    proved(task, 'curl', 'If-None-Match, If-Modified-Since');
    proved(task, 'wget', 'timestamping (-N)');
  });

  test('replaces only where it is allowed, and only what the client knows', async ({ task }) => {
    const name = fresh();
    const path = `${name}/1.0/x`;
    const unless = ['-H', 'If-None-Match: *'];
    expect(await upload(path, 'one', ...unless)).toBe(201);
    expect(await upload(path, 'one', ...unless)).toBe(412);
    const refused = await curl('--fail-with-body', '-T', '-', `${base}/${path}`);
    expect([refused.code, refused.stdout]).toEqual([
      22,
      `This version exists already with other content: x already exists in ${name} 1.0 with other content: choose another version\n`,
    ]);
    const elsewhere = `${registry.url}/pkg/main/mutable/generic`;
    await registry.api('POST', '/projects/main/repositories', { name: 'mutable', format: 'generic' });
    await registry.api('PATCH', '/projects/main/repositories/mutable', { immutableVersions: false });
    const replace = async (content: string, ...args: string[]) => {
      put('up', content);
      return statusOf(await curl('-T', 'up', ...args, ...STATUS, `${elsewhere}/${path}`));
    };
    expect(await replace('one')).toBe(201);
    expect(await replace('two')).toBe(201);
    expect(await replace('three', '-H', `If-Match: "sha256:${hash('sha256', 'one')}"`)).toBe(412);
    expect(await replace('three', '-H', `If-Match: "sha256:${hash('sha256', 'two')}"`)).toBe(201);
    expect(ok(await curl(`${elsewhere}/${path}`))).toBe('three');
    proved(task, 'curl', 'If-Match, If-None-Match: * on upload', 'other content under a name is refused');
  });

  test('checksums are compared on the way in, and are there on the way out', async ({ task }) => {
    const name = fresh();
    const sum = (text: string) => ['-H', `X-Checksum-Sha256: ${hash('sha256', text)}`];
    const wrong = await curl('-T', '-', ...sum('other'), `${base}/${name}/1.0/x`);
    expect(ok(wrong)).toContain('does not match the content: the content has sha256 ');
    expect(await upload(`${name}/1.0/x`, 'content', ...sum('other'))).toBe(400);
    expect(await upload(`${name}/1.0/x`, 'content', ...sum('content'))).toBe(201);
    for (const [client, save] of [
      ['curl', ['--fail', '-O']],
      ['wget', ['-q', '-N']],
    ] as const) {
      for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'])
        ok(await clients[client](...save, `${base}/${name}/1.0/x.${algorithm}`));
      expect(got('x.sha256').toString()).toBe(`${hash('sha256', 'content')}  x\n`);
      expect(got('x.md5').toString()).toBe(`${hash('md5', 'content')}  x\n`);
      proved(task, client, 'download checksum files');
    }
    expect(ok(await curl('--head', `${base}/${name}/1.0/x`))).toContain(
      `x-checksum-sha1: ${hash('sha1', 'content')}`,
    );
    proved(task, 'curl', 'a checksum that does not match is refused');
  });

  test('lists packages in pages, versions and folders', async ({ task }) => {
    const at = `${registry.url}/pkg/main/listed/generic`;
    await registry.api('POST', '/projects/main/repositories', { name: 'listed', format: 'generic' });
    put('up', 'content');
    for (const path of ['a/1.0/bin/x', 'a/1.0/y', 'a/2.0/y', 'b/1/x', 'c/1/x'])
      ok(await curl('--fail', '-T', 'up', `${at}/${path}`));
    const json = async (path: string) => JSON.parse(ok(await curl('--fail', '--compressed', at + path)));
    expect(await json('/?limit=2')).toEqual({ packages: [{ name: 'a' }, { name: 'b' }], next: 'b' });
    expect(await json('/?limit=2&after=b')).toEqual({ packages: [{ name: 'c' }] });
    const pathsIn = async (path: string) =>
      (await json(path)).versions.map((one: { version: string; files: { path: string }[] }) => [
        one.version,
        ...one.files.map(file => file.path),
      ]);
    expect(await pathsIn('/a/')).toEqual([
      ['1.0', 'bin/x', 'y'],
      ['2.0', 'y'],
    ]);
    expect(await pathsIn('/a/1.0/bin/')).toEqual([['1.0', 'bin/x']]);
    const mirror = ['-q', '-r', '-np', '-nH', '--cut-dirs=4', '-R', 'index.html*', '-P', 'mirror'];
    ok(await clients.wget(...mirror, '--header', 'Accept: text/html', `${at}/?limit=2`));
    for (const path of ['a/1.0/bin/x', 'a/1.0/y', 'a/2.0/y', 'b/1/x', 'c/1/x'])
      expect(got(`mirror/${path}`).toString()).toBe('content');
    proved(task, 'curl', 'list packages (in pages), versions, folders');
    proved(task, 'wget', 'mirror a repository (-r)');
  });

  test('deletes a file, a folder, a version', async ({ task }) => {
    const name = fresh();
    for (const path of ['a', 'bin/a', 'bin/b', 'lib/a']) await upload(`${name}/1.0/${path}`, path);
    const remove = async (path: string) =>
      statusOf(await curl('-X', 'DELETE', ...STATUS, `${base}/${name}/${path}`));
    const there = async () => JSON.parse(ok(await curl(`${base}/${name}/`))).versions[0].files.length;
    expect(await remove('1.0/a')).toBe(204);
    expect(await remove('1.0/a')).toBe(404);
    expect([await remove('1.0/bin/'), await there()]).toEqual([204, 1]);
    expect([await remove('1.0/bin/'), await there()]).toEqual([404, 1]);
    expect(await remove('1.0')).toBe(204);
    expect(statusOf(await curl(...STATUS, `${base}/${name}/`))).toBe(404);
    proved(task, 'curl', 'delete a file, a folder, a version');
  });

  test('says why what is held, or forbidden by a policy, is refused', async ({ task }) => {
    const name = fresh();
    for (const path of ['x', 'y']) await upload(`${name}/1.0/${path}`, path);
    const url = `${base}/${name}/1.0/x`;
    const id = await hold(name, 'CVE-2026-1 is being looked at', { file: 'x' });
    const said = 'This artifact is on hold: CVE-2026-1 is being looked at';
    expect(ok(await curl(url))).toBe(`${said}\n`);
    const failing = await curl('--fail-with-body', url);
    expect([failing.code, failing.stdout]).toEqual([22, `${said}\n`]);
    expect(ok(await curl('--head', url))).toContain(`HTTP/1.1 403 ${said}\r\n`);
    expect(ok(await curl('-r', '0-0', `${url}.sha256`))).toBe(`${said}\n`);
    const wget = await clients.wget('-O', '-', url);
    expect([wget.code, wget.stderr]).toEqual([8, expect.stringContaining(`ERROR 403: ${said}.`)]);
    expect(ok(await curl(`${base}/${name}/1.0/y`))).toBe('y');
    await admin.api('POST', `/holds/${id}/release`, { ...PLACE, package: name, version: '1.0' });
    expect(ok(await curl(url))).toBe('x');
    const policy = { set: 'name_and_version_pattern', level: 'hard', params: { version: '[0-9].*' } };
    await registry.api('POST', '/attachments', { ...PLACE, ...policy });
    expect(ok(await curl('-T', '-', `${base}/${name}/nightly/x`))).toMatch(/^A policy forbids this: .+\n$/);
    for (const client of ['curl', 'wget'] as const)
      proved(task, client, 'a held file is refused with its reason');
    proved(task, 'curl', 'an upload that a policy forbids says why');
  });

  test('names are what they seem to be', async ({ task }) => {
    const name = fresh();
    put('up', 'hostile');
    const hostile = ['%2e%2e/x', 'a%2f..%2fx', 'a/../x', 'a%00', 'a%0d%0aX:y', 'a%5cb', '%ff', 'a//b'];
    for (const path of [...hostile, 'x%E2%80%AEgpj.exe', 'x'.repeat(300), 'x/'.repeat(501)])
      expect([
        path,
        statusOf(await curl('--path-as-is', '-T', 'up', ...STATUS, `${base}/${name}/1.0/${path}`)),
      ]).toEqual([path, 400]);
    // composed and decomposed are one name, letters of either case are two
    expect(await upload(`${name}/1.0/caf%C3%A9`, 'composed')).toBe(201);
    expect(await upload(`${name}/1.0/cafe%CC%81`, 'decomposed')).toBe(409);
    expect(await upload(`${name}/1.0/CAF%C3%89`, 'upper case')).toBe(201);
    expect(ok(await curl(`${base}/${name}/1.0/cafe%CC%81`))).toBe('composed');
    ok(await clients.wget('-q', `${base}/${name}/1.0/caf%C3%A9`));
    expect(existsSync(join(clients.home, 'café'))).toBe(true);
    proved(task, 'curl', 'hostile paths are refused', 'names in any script');
  });

  test('a large file goes both ways, also interrupted, in bounded memory', async ({ task }) => {
    const url = `${base}/${fresh()}/1.0/large`;
    const size = 200 * MIB;
    const file = await open(join(clients.home, 'large'), 'w');
    for (let block = 0; block < 50; block++) await file.write(randomBytes(4 * MIB));
    await file.close();
    const before = memory().VmRSS;
    ok(await curl('--fail', '-T', 'large', url));
    const cut = await curl('--fail', '--limit-rate', '60M', '--max-time', '1', '--output', 'back', url);
    expect(cut.code).toBe(28);
    expect(statSync(join(clients.home, 'back')).size).toBeLessThan(size);
    ok(await curl('--fail', '-C', '-', '--output', 'back', url));
    expect(statSync(join(clients.home, 'back')).size).toBe(size);
    expect(await sha256(join(clients.home, 'back'))).toBe(await sha256(join(clients.home, 'large')));
    // measured: 72 MiB more than before; all of it at once would be 200 and more
    expect(memory().VmHWM - before).toBeLessThan(150);
    proved(task, 'curl', 'a file of 200 MB, up, down, interrupted');
  }, 60_000);
});

/** MiB that the server has now and had at most; only Linux tells. */
function memory(): { readonly VmRSS: number; readonly VmHWM: number } {
  const path = `/proc/${registry.process.pid}/status`;
  if (!existsSync(path)) return { VmRSS: 0, VmHWM: 0 };
  const status = readFileSync(path, 'utf8');
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024;
  return { VmRSS: of('VmRSS'), VmHWM: of('VmHWM') };
}

async function sha256(path: string): Promise<string> {
  const sum = createHash('sha256');
  for await (const block of createReadStream(path)) sum.update(block);
  return sum.digest('hex');
}
