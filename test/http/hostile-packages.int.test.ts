/**
 * Packages that say odd things, and requests that try to get around a hold: for every format, whatever comes is refused
 * in its own way, and nobody is told what there is.
 */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../../src/protocols/index.ts';
import { type Actor, adminAt, anonymousAt, person } from '../conformance/client.ts';
import type { PublishedFile, PublishedVersion } from '../conformance/fixture.ts';
import { FIXTURES } from '../conformance/fixtures.ts';
import { npmDocument } from '../conformance/npm-fixture.ts';
import { type InProcess, startInProcess } from '../conformance/server.ts';
import { makeTar } from '../support/tar.ts';
import { makeZip } from '../support/zip-maker.ts';
import { open } from './raw.ts';

const PROJECT = 'p';
const FORMATS = PROTOCOLS.map(({ format }) => format).filter(format => format !== 'oci');

let server: InProcess;
let [admin, pusher, viewer, stranger, nobody] = [] as unknown as Actor[] &
  [Actor, Actor, Actor, Actor, Actor];

beforeAll(async () => {
  server = await startInProcess();
  admin = await adminAt(server);
  await server.api('POST', '/projects', { name: PROJECT });
  for (const format of FORMATS)
    for (const name of [format, `other-${format}`])
      await server.api('POST', `/projects/${PROJECT}/repositories`, { name, format });
  pusher = await person(server, 'pusher', [{ role: 'contributor', project: PROJECT }]);
  viewer = await person(server, 'viewer', [{ role: 'viewer', project: PROJECT }]);
  stranger = await person(server, 'stranger', []);
  nobody = anonymousAt(server.url);
});
afterAll(() => server?.stop());

const fresh = () => `n${randomBytes(5).toString('hex')}`;

/** A request as it is, whatever is wrong with it; the whole answer. */
async function raw(method: string, path: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const connection = await open(server.port);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  connection.write(
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines.join('')}\r\n`,
  );
  return connection.end();
}

async function held(format: (typeof FORMATS)[number], reason: string) {
  const place = { project: PROJECT, repository: format };
  const fixture = FIXTURES[format];
  const what = { package: fixture.packageName(fresh()), label: 'v1', seed: fresh() };
  const { version } = await fixture.publish(pusher, place, what);
  const etags = new Map<PublishedFile, string>();
  for (const file of version.files)
    etags.set(
      file,
      (await viewer.ask('GET', file.path, { headers: file.headers ?? {} })).headers.get('etag') ?? '',
    );
  await server.api('POST', '/holds', {
    ...place,
    package: version.package,
    version: version.version,
    reason,
  });
  return { version, etags };
}

/** The same file, in ways that might be another one to whoever checks. */
function spellings(path: string): readonly string[] {
  const at = path.lastIndexOf('/');
  const [folder, file] = [path.slice(0, at), path.slice(at + 1)];
  const code = file.charCodeAt(0).toString(16);
  const below = (prefix: string) => path.replace(/^\/pkg\/[^/]+\/[^/]+\/[^/]+/, prefix);
  return [
    ...['/', '.', '%20', '%00', '%2e', ';x', '%3b', '?a=b', '%23', '%3f', '%e2%80%8b'].map(end => path + end),
    ...['//', '/./', '/x/../', '/x%2f..%2f', '%2f', '%252f', '\\'].map(between => folder + between + file),
    `${folder}/%${code}${file.slice(1)}`,
    `${folder}/%25${code}${file.slice(1)}`,
    `${folder}/${file.toUpperCase()}`,
    `/${path}`,
    `/x/..${path}`,
    `http://localhost${path}`,
    path.replace('/pkg/', '/PKG/'),
    path.replace('/pkg/', '/%70kg/'),
    path.replace(/^\/pkg\/p\//, '/pkg/P/'),
    below(`/maven/${PROJECT}/maven`),
    below(`/pkg/${PROJECT}/generic/generic`),
  ];
}

describe.each(FORMATS)('a held version of %s', format => {
  const REASON = 'for a reason';
  let version: PublishedVersion;
  let etags: ReadonlyMap<PublishedFile, string>;
  beforeAll(async () => {
    ({ version, etags } = await held(format, REASON));
  });

  const expectNothing = (answer: string, { bytes }: PublishedFile, what: string) => {
    expect(answer, what).toMatch(/^HTTP\/1\.1 40[0345] /);
    if (bytes.length >= 32) expect(answer.includes(bytes.toString('latin1', 0, 32)), what).toBe(false);
  };

  it('is refused whatever the client has already', async () => {
    for (const file of version.files) {
      const etag = etags.get(file) ?? '';
      const conditions = [
        { 'if-none-match': '*' },
        { 'if-none-match': etag },
        { 'if-modified-since': 'Tue, 01 Jan 2999 00:00:00 GMT' },
        { range: 'bytes=0-0' },
        { range: 'bytes=999999999-' },
        { range: 'bytes=0-1', 'if-range': etag },
      ];
      for (const method of ['GET', 'HEAD'])
        for (const condition of conditions) {
          const headers = { authorization: viewer.authorization ?? '', ...file.headers, ...condition };
          const answer = await raw(method, file.path, headers);
          expect(answer, JSON.stringify(condition)).toMatch(/^HTTP\/1\.1 403 /);
          expectNothing(answer, file, `${method} ${file.path} ${JSON.stringify(condition)}`);
        }
    }
  });

  it('is refused however its path is spelled', async () => {
    for (const file of version.files)
      for (const path of spellings(file.path)) {
        const headers = { authorization: viewer.authorization ?? '', ...file.headers };
        expectNothing(await raw('GET', path, headers), file, path);
      }
  });

  it('is not in another repository, and strangers learn neither of it nor of its place', async () => {
    for (const { path, headers = {} } of version.files) {
      const elsewhere = path.replace(`/${format}/`, `/other-${format}/`);
      expect((await viewer.ask('GET', elsewhere, { headers })).status, elsewhere).toBe(404);
      for (const actor of [stranger, nobody]) {
        const there = await actor.ask('GET', path, { headers });
        expect(there.text).not.toContain(REASON);
        for (const other of [
          elsewhere,
          path.replace(`/${format}/`, '/none/'),
          path.replace('/p/', '/none/'),
        ]) {
          const answer = await actor.ask('GET', other, { headers });
          expect([answer.status, answer.text], other).toEqual([there.status, there.text]);
        }
      }
    }
  });
});

/** What stands for a pattern's `{…}` in a path that can be asked for. */
const NAMES: Readonly<Record<string, string>> = {
  ...{
    project: PROJECT,
    package: 'widget',
    revision: '1-a',
    version: '1.0.0',
    id: 'a',
    tag: 'beta',
    user: 'x',
  },
  ...{
    file: 'widget-1.0.0.tgz',
    group: 'com/acme',
    artifact: 'widget',
    algorithm: 'sha1',
    path: 'a',
    name: 'a',
  },
};
/** Logging in takes a body from whoever comes: a small one. */
const OPEN_TO_ALL = /\/-\/user\/|\/-\/npm\/v1\/tokens/;
/** Answered to who may pull. */
const QUESTIONS = /\/security\//;

describe.each(PROTOCOLS.filter(({ format }) => format !== 'oci'))(
  'changes by $format',
  ({ format, routes }) => {
    const changing = routes.filter(({ method }) => method !== 'GET' && method !== 'HEAD');
    const paths = changing.map(({ method, pattern }) => ({
      method,
      path: pattern.replaceAll(/\{(\w+)\}/g, (_, key: string) =>
        key === 'repository' ? format : (NAMES[key] ?? 'a'),
      ),
    }));

    it('are refused before anything of a body is asked for', async () => {
      for (const change of paths.filter(one => !OPEN_TO_ALL.test(one.path)))
        for (const actor of [nobody, stranger, viewer]) await expectRefused(actor, change);
    });
  },
);

async function expectRefused(actor: Actor, { method, path }: { method: string; path: string }) {
  const answer = await raw(method, path, {
    ...(actor.authorization ? { authorization: actor.authorization } : {}),
    ...{ expect: '100-continue', 'content-type': 'application/json', 'content-length': '999999999999' },
  });
  const mayAsk = actor === viewer && QUESTIONS.test(path);
  const status = mayAsk ? 413 : actor === nobody ? 401 : 403;
  expect(answer, `${actor.name} ${method} ${path}`).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
}

describe('what a package says', () => {
  const npm = (packageJson: string, name: string, edit = (text: string) => text) => {
    const tarball = gzipSync(makeTar({ 'package/package.json': packageJson }));
    const document = JSON.stringify(npmDocument({ name, version: '1.0.0' }, tarball));
    const headers = { 'content-type': 'application/json' };
    return admin.ask('PUT', `/pkg/${PROJECT}/npm/npm/${name}`, { body: edit(document), headers });
  };

  it.each([
    ['a number beyond all', '"engines":{"node":1e999}'],
    ['a version that is an object', '"version":{"toString":"x"}'],
  ])('is refused where it cannot be kept: %s', async (_, more) => {
    const name = fresh();
    const version = more.includes('"version"') ? '' : '"version":"1.0.0",';
    const answer = await npm(`{"name":"${name}",${version}${more}}`, name);
    expect(answer.status, answer.text).toBe(400);
  });

  it('is refused where the document has a number beyond all', async () => {
    const name = fresh();
    const add = (text: string) => text.replace('"versions":{"1.0.0":{', '"versions":{"1.0.0":{"x":1e999,');
    const answer = await npm(`{"name":"${name}","version":"1.0.0"}`, name, add);
    expect(answer.status, answer.text).toBe(400);
  });

  it('is refused where a requirement is longer than any name', async () => {
    const path = `example.com/${fresh()}`;
    const content = `module ${path}\nrequire ${'a'.repeat(3000)} v1.0.0\n`;
    const body = makeZip([{ path: `${path}@v1.0.0/go.mod`, content }]);
    const answer = await admin.ask('PUT', `/pkg/${PROJECT}/go/go/upload`, { body });
    expect(answer.status, answer.text).toBe(400);
  });

  it('has keys that mean something to JavaScript', async () => {
    const name = fresh();
    const odd = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1';
    const answer = await npm(
      `{"name":"${name}","version":"1.0.0","dependencies":{"__proto__":"1"},${odd}}`,
      name,
    );
    expect(answer.status, answer.text).toBe(201);
    const shown = await admin.ask('GET', `/pkg/${PROJECT}/npm/npm/${name}/1.0.0`);
    expect(shown.text).not.toContain('"__proto__"');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('a hold on a file', () => {
  it('has a reason that stays in its line, whatever the file is called', async () => {
    const at = `/pkg/${PROJECT}/generic/generic/files/1`;
    for (const file of ['__proto__', 'constructor'])
      expect((await pusher.ask('PUT', `${at}/${file}`, { body: file })).status).toBe(201);
    const place = {
      project: PROJECT,
      repository: 'generic',
      package: 'files',
      version: '1',
      file: '__proto__',
    };
    const reason = 'a\r\nSet-Cookie: evil=1\r\n\r\n<script>\u202e';
    await server.api('POST', '/holds', { ...place, reason });
    const refused = await viewer.ask('GET', `${at}/__proto__`);
    expect([refused.status, refused.headers.get('set-cookie')]).toEqual([403, null]);
    expect(refused.text).toBe('This artifact is on hold: a Set-Cookie: evil=1 <script> \n');
    expect((await viewer.ask('GET', `${at}/constructor`)).text).toBe('constructor');
    expect((await viewer.ask('GET', `${at}/`)).text).not.toContain('__proto__');
  });
});
