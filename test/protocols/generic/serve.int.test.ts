/** What clients of generic files are answered: folders, pages, conditions, checksums, replacing, deleting. */
import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, castAt, jsonOf } from '../../conformance/client.ts';
import { type InProcess, startInProcess } from '../../conformance/server.ts';

let server: InProcess;
let [admin, pusher, viewer, nobody] = [] as unknown as [Actor, Actor, Actor, Actor];
let count = 0;

beforeAll(async () => {
  server = await startInProcess();
  [admin, pusher, viewer, nobody] = await castAt(server);
});
afterAll(() => server?.stop());

type Said = Record<string, string>;

async function repository(settings?: object) {
  const name = `files${++count}`;
  await server.api('POST', '/projects/main/repositories', { name, format: 'generic' });
  if (settings) await server.api('PATCH', `/projects/main/repositories/${name}`, settings);
  const base = `/pkg/main/${name}/generic`;
  return {
    place: { project: 'main', repository: name },
    base,
    get: (path: string, headers: Said = {}) => viewer.ask('GET', `${base}/${path}`, { headers }),
    head: (path: string, headers: Said = {}) => viewer.ask('HEAD', `${base}/${path}`, { headers }),
    put: (path: string, body: string, headers: Said = {}) =>
      pusher.ask('PUT', `${base}/${path}`, { body, headers }),
    remove: (path: string, headers: Said = {}) => pusher.ask('DELETE', `${base}/${path}`, { headers }),
  };
}

interface Listing {
  readonly versions: readonly {
    readonly version: string;
    readonly deprecated?: string;
    readonly yanked?: string;
    readonly files: readonly { readonly path: string }[];
  }[];
}
type Repository = Awaited<ReturnType<typeof repository>>;
const pathsIn = async ({ get }: Repository, path: string) =>
  jsonOf<Listing>(await get(path)).versions.flatMap(({ files }) => files.map(file => file.path));
const linksIn = (html: string) => [...html.matchAll(/<a href="([^"]*)">/g)].map(([, href]) => href);
const base64 = (algorithm: string, text: string) => hash(algorithm, text, 'base64');

describe('folders', () => {
  async function filled() {
    const files = await repository();
    for (const path of ['lib/b.so', 'bin/tool', 'bin/a/x', 'binary', 'README'])
      expect((await files.put(`app/1.0/${path}`, path)).status).toBe(201);
    return files;
  }

  it('are listed by themselves, by path', async () => {
    const files = await filled();
    expect(await pathsIn(files, 'app/')).toEqual(['README', 'bin/a/x', 'bin/tool', 'binary', 'lib/b.so']);
    expect(await pathsIn(files, 'app/1.0/bin/')).toEqual(['bin/a/x', 'bin/tool']);
    expect(await pathsIn(files, 'app/1.0/bin/a/')).toEqual(['bin/a/x']);
    for (const none of ['app/1.0/nothing/', 'app/1.0/README/', 'app/2.0/'])
      expect((await files.get(none)).status).toBe(404);
  });

  it('are deleted with what is in them, and with nothing else', async () => {
    const files = await filled();
    expect((await files.remove('app/1.0/bin/')).status).toBe(204);
    expect(await pathsIn(files, 'app/')).toEqual(['README', 'binary', 'lib/b.so']);
    for (const none of ['app/1.0/bin/', 'app/1.0/nothing/', 'app/1.0/README/', 'app/1.0/lib'])
      expect((await files.remove(none)).status).toBe(404);
    expect(await pathsIn(files, 'app/')).toEqual(['README', 'binary', 'lib/b.so']);
    expect((await files.remove('app/1.0/')).status).toBe(204);
    expect((await files.get('app/')).status).toBe(404);
    expect((await files.remove('app/')).status).toBe(405);
  });

  it('are pages of relative links for browsers and wget', async () => {
    const files = await filled();
    await files.put('app/1.0/a%20%3C%22b%22%3E&c:d', 'x');
    const page = async (path: string) => files.get(path, { accept: 'text/html,*/*;q=0.8' });
    const top = await page('');
    expect(top.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(top.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    expect(linksIn(top.text)).toEqual(['app/']);
    expect(linksIn((await page('app/')).text)).toEqual(['../', '1.0/']);
    expect(linksIn((await page('app')).text)).toEqual(['./', 'app/1.0/']);
    const version = await page('app/1.0/');
    expect(linksIn(version.text)).toEqual([
      '../',
      ...['bin/', 'lib/', 'README', 'a%20%3C%22b%22%3E%26c%3Ad', 'binary'],
    ]);
    expect(version.text).toContain('a &lt;&quot;b&quot;&gt;&amp;c:d');
    expect(linksIn((await page('app/1.0/bin/')).text)).toEqual(['../', 'a/', 'tool']);
    expect((await files.get('app/', { accept: '*/*' })).headers.get('content-type')).toBe('application/json');
  });

  it('of the repository come in pages, without packages that were deleted', async () => {
    const files = await repository();
    for (const name of ['a', 'b', 'c', 'd']) await files.put(`${name}/1/x`, name);
    await files.remove('b/1/');
    const page = async (query: string) =>
      jsonOf<{ next?: string; packages: object[] }>(await files.get(query));
    expect(await page('?limit=2')).toEqual({ packages: [{ name: 'a' }, { name: 'c' }], next: 'c' });
    expect(await page('?limit=2&after=c')).toEqual({ packages: [{ name: 'd' }] });
    const html = await files.get('?limit=2', { accept: 'text/html' });
    expect(linksIn(html.text)).toEqual(['a/', 'c/', '?after=c&amp;limit=2']);
    for (const odd of ['?limit=x', '?limit=0', '?limit=1.5', '?limit=-1', '?limit=1&limit=2'])
      expect([odd, (await files.get(odd)).status]).toEqual([odd, 400]);
  });

  it('show what was advised', async () => {
    const files = await repository();
    await files.put('app/1.0/x', 'x');
    const version = { ...files.place, package: 'app', version: '1.0' };
    await admin.api('POST', '/artifact/deprecate', { ...version, message: 'use <2.0>' });
    await admin.api('POST', '/artifact/yank', { ...version, reason: 'broken' });
    expect(jsonOf<Listing>(await files.get('app/')).versions[0]).toMatchObject({
      deprecated: 'use <2.0>',
      yanked: 'broken',
    });
    const html = await files.get('app/', { accept: 'text/html' });
    expect(html.text).toContain('use &lt;2.0&gt;');
  });
});

describe('uploads', () => {
  it('of a part are refused: the rest would pass for the whole', async () => {
    const files = await repository();
    for (const range of ['bytes 3-5/6', 'bytes 0-2/6', 'bytes 0-2/*', 'bytes */6', 'rubbish'])
      expect([range, (await files.put('app/1.0/x', 'abc', { 'content-range': range })).status]).toEqual([
        range,
        400,
      ]);
    expect((await files.get('app/1.0/x')).status).toBe(404);
    expect((await files.put('app/1.0/x', 'abc', { 'content-range': 'bytes 0-2/3' })).status).toBe(201);
  });

  it('are compared with every checksum that is said', async () => {
    const files = await repository();
    const right: readonly Said[] = [
      ...['md5', 'sha1', 'sha256', 'sha512'].map(name => ({ [`x-checksum-${name}`]: hash(name, 'abc') })),
      { 'x-checksum-sha256': hash('sha256', 'abc').toUpperCase() },
      { 'content-md5': base64('md5', 'abc') },
      { 'content-digest': `sha-256=:${base64('sha256', 'abc')}:` },
      { 'repr-digest': `unknown=:AAAA:, sha-512=:${base64('sha512', 'abc')}:` },
      { digest: `SHA-256=${base64('sha256', 'abc')}` },
    ];
    for (const [index, said] of right.entries())
      expect([said, (await files.put(`app/1.0/right${index}`, 'abc', said)).status]).toEqual([said, 201]);
    const wrong: readonly Said[] = [
      ...['md5', 'sha1', 'sha256', 'sha512'].map(name => ({ [`x-checksum-${name}`]: hash(name, 'other') })),
      { 'x-checksum-sha256': 'rubbish' },
      { 'content-md5': base64('md5', 'other') },
      { 'content-digest': `sha-256=:${base64('sha256', 'other')}:` },
      { 'repr-digest': `sha-256=:${base64('sha256', 'abc')}:, sha-512=:${base64('sha512', 'other')}:` },
      { 'repr-digest': 'sha-256=rubbish' },
      { digest: `sha-256=${base64('sha256', 'other')}` },
    ];
    for (const said of wrong)
      expect([said, (await files.put('app/1.0/wrong', 'abc', said)).status]).toEqual([said, 400]);
    expect((await files.get('app/1.0/wrong')).status).toBe(404);
  });

  it('without content never stand for a file that was named by its checksum', async () => {
    const files = await repository();
    await files.put('app/1.0/x', 'abc');
    const said = { 'x-checksum-deploy': 'true', 'x-checksum-sha1': hash('sha1', '') };
    expect((await files.put('app/1.0/y', '', said)).status).toBe(404);
    expect(await pathsIn(files, 'app/')).toEqual(['x']);
  });

  it('warn of what a policy warns of', async () => {
    const files = await repository();
    const at = { ...files.place, set: 'name_and_version_pattern', level: 'advisory' };
    await server.api('POST', '/attachments', { ...at, params: { version: '9\\..*' } });
    const answer = await files.put('app/1.0/x', 'abc');
    expect([answer.status, answer.headers.get('warning')]).toEqual([201, expect.stringContaining('299 - "')]);
  });

  it('of many files of one version at once all arrive', async () => {
    const files = await repository();
    const names = Array.from({ length: 24 }, (_, index) => `f${String(index).padStart(2, '0')}`);
    const answers = await Promise.all(names.map(name => files.put(`app/1.0/${name}`, name)));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
    expect(await pathsIn(files, 'app/')).toEqual(names);
  });

  it('are named as they are: letters count, compositions do not', async () => {
    const files = await repository();
    await files.put('app/1.0/caf%C3%A9', 'composed');
    expect((await files.put('app/1.0/cafe%CC%81', 'decomposed')).status).toBe(409);
    expect((await files.get('app/1.0/cafe%CC%81')).text).toBe('composed');
    expect((await files.put('app/1.0/CAF%C3%89', 'upper')).status).toBe(201);
    expect((await files.get('App/')).status).toBe(404);
  });

  it('say which methods there are', async () => {
    const { base } = await repository();
    const answer = await pusher.ask('POST', `${base}/app/1.0/x`, { body: 'x' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT, DELETE']);
  });
});

describe('conditions', () => {
  it('If-None-Match: * never replaces, also when two come at once', async () => {
    const files = await repository({ immutableVersions: false });
    const only = { 'if-none-match': '*' };
    const all = ['one', 'two', 'three', 'four', 'five'];
    const answers = await Promise.all(all.map(text => files.put('app/1.0/x', text, only)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 412, 412, 412, 412]);
    const { text } = await files.get('app/1.0/x');
    expect(text).toBe(all[answers.findIndex(({ status }) => status === 201)]);
    expect((await files.put('app/1.0/x', text, only)).status).toBe(412);
    // a name that is free again is free
    await files.remove('app/1.0/x');
    expect((await files.put('app/1.0/x', 'other', only)).status).toBe(201);
  });

  it('If-Match replaces and deletes only what the client knows', async () => {
    const files = await repository({ immutableVersions: false });
    const none = await files.put('app/1.0/x', 'one', { 'if-match': '*' });
    expect(none.status).toBe(412);
    const first = (await files.put('app/1.0/x', 'one')).headers.get('etag') ?? '';
    expect((await files.put('app/1.0/x', 'two', { 'if-match': `"other", ${first}` })).status).toBe(201);
    for (const stale of [first, `W/${first}`, '"other"'])
      expect((await files.put('app/1.0/x', 'three', { 'if-match': stale })).status).toBe(412);
    expect((await files.remove('app/1.0/x', { 'if-match': first })).status).toBe(412);
    expect((await files.get('app/1.0/x', { 'if-match': first })).status).toBe(412);
    const now = (await files.head('app/1.0/x')).headers.get('etag') ?? '';
    expect((await files.get('app/1.0/x', { 'if-match': now })).text).toBe('two');
    expect((await files.put('app/1.0/x', 'three', { 'if-none-match': now })).status).toBe(412);
    expect((await files.remove('app/1.0/x', { 'if-match': now })).status).toBe(204);
  });

  it('a copy that is known is not sent again', async () => {
    const files = await repository();
    await files.put('app/1.0/x', 'abc');
    const { headers } = await files.head('app/1.0/x');
    const [etag, modified] = [headers.get('etag') ?? '', headers.get('last-modified') ?? ''];
    expect(new Date(modified).toUTCString()).toBe(modified);
    const before = new Date(Date.parse(modified) - 1000).toUTCString();
    const ask = async (said: Said) => (await files.get('app/1.0/x', said)).status;
    expect(await ask({ 'if-none-match': etag })).toBe(304);
    expect(await ask({ 'if-modified-since': modified })).toBe(304);
    expect(await ask({ 'if-modified-since': before })).toBe(200);
    expect(await ask({ 'if-modified-since': 'rubbish' })).toBe(200);
    // the tag is the stronger one
    expect(await ask({ 'if-modified-since': modified, 'if-none-match': '"other"' })).toBe(200);
  });
});

describe('checksums', () => {
  it('are there for every file, as the sum tools write them', async () => {
    const files = await repository();
    await files.put('app/1.0/bin/my%20tool', 'abc');
    for (const name of ['md5', 'sha1', 'sha256', 'sha512']) {
      const answer = await files.get(`app/1.0/bin/my%20tool.${name}`);
      expect([answer.status, answer.text]).toEqual([200, `${hash(name, 'abc')}  my tool\n`]);
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      const head = await files.head(`app/1.0/bin/my%20tool.${name}`);
      expect([head.status, head.text]).toEqual([200, '']);
    }
    for (const none of ['bin/my%20tool.sha256.md5', 'bin/my%20tool.sha3', 'other.sha256', '.sha256'])
      expect((await files.get(`app/1.0/${none}`)).status).toBe(404);
  });

  it('give way to a file of that name', async () => {
    const files = await repository();
    await files.put('app/1.0/x', 'abc');
    await files.put('app/1.0/x.sha256', 'what its publisher says');
    expect((await files.get('app/1.0/x.sha256')).text).toBe('what its publisher says');
  });

  it('are as secret as the file', async () => {
    const files = await repository();
    for (const name of ['x', 'y']) await files.put(`app/1.0/${name}`, name);
    const held = { ...files.place, package: 'app', version: '1.0', file: 'x', reason: 'not this one' };
    expect((await admin.api('POST', '/holds', held)).status).toBe(201);
    for (const path of ['app/1.0/x', 'app/1.0/x.sha256', 'app/1.0/x.md5']) {
      const answer = await files.get(path);
      expect([answer.status, answer.text]).toEqual([403, 'This artifact is on hold: not this one\n']);
      expect((await files.head(path)).status).toBe(403);
    }
    expect((await files.get('app/1.0/y.sha256')).status).toBe(200);
    expect(await pathsIn(files, 'app/1.0/')).toEqual(['y']);
    expect((await nobody.ask('GET', `${files.base}/app/1.0/y.sha256`)).status).toBe(401);
  });
});
