/** What clients of npm repositories are answered where their own tests do not look: conditions, rights, limits, races. */
import { request } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, type Answer, castAt, jsonOf } from '../../conformance/client.ts';
import { npmDocument, npmTarball } from '../../conformance/npm-fixture.ts';
import { type InProcess, startInProcess } from '../../conformance/server.ts';

const BASE = '/pkg/main/npm/npm';
const JSON_TYPE = { 'content-type': 'application/json' };
const SHORT = 'application/vnd.npm.install-v1+json';

interface Packument {
  readonly _rev: string;
  readonly 'dist-tags': Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, { readonly deprecated?: string; readonly main?: string }>>;
}

let server: InProcess;
let [admin, pusher, viewer, nobody] = [] as unknown as [Actor, Actor, Actor, Actor];
let count = 0;

beforeAll(async () => {
  server = await startInProcess();
  [admin, pusher, viewer, nobody] = await castAt(server);
});
afterAll(() => server?.stop());

const fresh = () => `pkg${++count}`;
const send = (actor: Actor, method: string, path: string, body: unknown) =>
  actor.ask(method, `${BASE}${path}`, { body: JSON.stringify(body), headers: JSON_TYPE });
const get = (path: string, headers: Record<string, string> = {}) =>
  viewer.ask('GET', `${BASE}${path}`, { headers });
const seen = async (name: string) => jsonOf<Packument>(await get(`/${name}`));

const documentOf = (name: string, version: string, more: { tag?: string; content?: string } = {}) => {
  const manifest = { name, version };
  return npmDocument(manifest, npmTarball(manifest, { 'package/a.js': more.content ?? version }), more);
};

async function published(...versions: readonly string[]): Promise<string> {
  const name = fresh();
  for (const version of versions) {
    const answer = await send(pusher, 'PUT', `/${name}`, documentOf(name, version));
    expect(answer.status, answer.text).toBe(201);
  }
  return name;
}

const refusal = ({ status, text }: Answer) => ({
  status,
  error: (JSON.parse(text) as { error: string }).error,
});

describe('packuments over HTTP', () => {
  it('come in two forms, compressed, and not again to who has them', async () => {
    const name = await published('1.0.0');
    const full = await get(`/${name}`);
    const short = await get(`/${name}`, { accept: SHORT });
    expect(full.headers.get('content-type')).toBe('application/json');
    expect(short.headers.get('content-type')).toBe(SHORT);
    expect(short.headers.get('etag')).not.toBe(full.headers.get('etag'));
    expect(full.headers.get('vary')).toContain('Accept');
    for (const { headers } of [full, short]) {
      const known = { 'if-none-match': headers.get('etag') ?? '', accept: headers.get('content-type') ?? '' };
      expect((await get(`/${name}`, known)).status).toBe(304);
    }
    const before = { 'if-none-match': full.headers.get('etag') ?? '' };
    await send(pusher, 'PUT', `/${name}`, documentOf(name, '1.1.0'));
    expect((await get(`/${name}`, before)).status).toBe(200);
  });

  it('name the origin that the client used, and are kept apart by it', async () => {
    const name = await published('1.0.0');
    const asked = (host: string) =>
      new Promise<string>((resolve, reject) => {
        const headers = { host, authorization: viewer.authorization ?? '', 'accept-encoding': 'gzip' };
        const options = { port: server.port, host: '127.0.0.1', path: `${BASE}/${name}`, headers };
        const outgoing = request(options, async response => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk as Buffer);
          const bytes = Buffer.concat(chunks);
          resolve((response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString());
        });
        outgoing.on('error', reject).end();
      });
    for (const host of ['one.example:1', 'two.example:2'])
      expect(JSON.parse(await asked(host)).versions['1.0.0'].dist.tarball).toBe(
        `http://${host}${BASE}/${name}/-/${name}-1.0.0.tgz`,
      );
  });

  it('of names that nobody can publish are not there', async () => {
    for (const name of ['Widget', '.hidden', '@A/b', 'constructor', '__proto__'])
      expect((await get(`/${name}`)).status, name).toBe(404);
  });
});

describe('publishing', () => {
  it('refuses who may not before the body is sent, and what is too large', async () => {
    const status = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = { port: server.port, host: '127.0.0.1', method: 'PUT', path: `${BASE}/${fresh()}` };
        const outgoing = request({ ...options, headers: { ...headers, expect: '100-continue' } });
        // the answer comes although nothing is ever sent
        outgoing.on('response', response => {
          resolve(response.statusCode);
          outgoing.destroy();
        });
        outgoing.on('continue', () => reject(new Error('the body was asked for')));
        outgoing.on('error', reject);
        outgoing.flushHeaders();
      });
    const as = (actor: Actor) => ({ authorization: actor.authorization ?? '', 'content-length': '1000000' });
    expect(await status({ 'content-length': '1000000' })).toBe(401);
    expect(await status(as(viewer))).toBe(403);
    expect(await status({ ...as(pusher), 'content-length': '900000000' })).toBe(413);
  });

  it.each([
    [
      'a tarball of another package',
      () => npmDocument({ name: 'a', version: '1.0.0' }, npmTarball({ name: 'b', version: '1.0.0' }, {})),
    ],
    [
      'another digest',
      () => ({
        ...documentOf('a', '1.0.0'),
        versions: { '1.0.0': { name: 'a', version: '1.0.0', dist: { shasum: '0' } } },
      }),
    ],
    ['a range for a tag', () => documentOf('a', '1.0.0', { tag: '^1' })],
    ['no version', () => documentOf('a', 'one')],
    ['no tarball', () => npmDocument({ name: 'a', version: '1.0.0' }, Buffer.from('hello'))],
    ['another name than the address', () => documentOf('b', '1.0.0')],
  ])('refuses %s, and nothing is left of it', async (_, document) => {
    expect(refusal(await send(pusher, 'PUT', '/a', document()))).toMatchObject({ status: 400 });
    expect((await get('/a')).status).toBe(404);
  });

  it('takes what the tarball says for true, whatever the document says', async () => {
    const name = fresh();
    const document = documentOf(name, '1.0.0');
    const said = { ...document.versions['1.0.0'], main: 'evil.js', dependencies: { evil: '1' } };
    await send(pusher, 'PUT', `/${name}`, { ...document, versions: { '1.0.0': said } });
    const { versions } = await seen(name);
    expect(versions['1.0.0']).not.toHaveProperty('dependencies');
    expect(versions['1.0.0']).not.toHaveProperty('main');
  });

  it('takes versions at the same time, and one of two tarballs under one version', async () => {
    const name = fresh();
    const versions = Array.from({ length: 8 }, (_, index) => `1.0.${index}`);
    const answers = await Promise.all(
      versions.map(one => send(pusher, 'PUT', `/${name}`, documentOf(name, one))),
    );
    expect(answers.map(({ status }) => status)).toEqual(versions.map(() => 201));
    expect(Object.keys((await seen(name)).versions)).toEqual(versions);
    const rivals = await Promise.all(
      ['x', 'y'].map(content => send(pusher, 'PUT', `/${name}`, documentOf(name, '2.0.0', { content }))),
    );
    expect(rivals.map(({ status }) => status).sort()).toEqual([201, 409]);
  });
});

describe('changes against a revision', () => {
  it('are refused when somebody else was faster', async () => {
    const name = await published('1.0.0', '1.1.0');
    const before = await seen(name);
    await send(pusher, 'PUT', `/${name}`, documentOf(name, '1.2.0'));
    const { '1.1.0': _, ...left } = before.versions;
    const late = await send(pusher, 'PUT', `/${name}/-rev/${before._rev}`, { ...before, versions: left });
    expect(refusal(late).status).toBe(409);
    expect((await send(pusher, 'PUT', `/${name}`, before)).status).toBe(409);
    expect((await pusher.ask('DELETE', `${BASE}/${name}/-rev/${before._rev}`)).status).toBe(409);
    expect(Object.keys((await seen(name)).versions)).toEqual(['1.0.0', '1.1.0', '1.2.0']);
  });

  it('let one of several at the same time through', async () => {
    const name = await published('1.0.0', '1.1.0', '1.2.0');
    const before = await seen(name);
    const without = (version: string) => {
      const versions = Object.fromEntries(Object.entries(before.versions).filter(([one]) => one !== version));
      return send(pusher, 'PUT', `/${name}/-rev/${before._rev}`, { ...before, versions });
    };
    const answers = await Promise.all(['1.0.0', '1.1.0', '1.2.0'].map(without));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect(Object.keys((await seen(name)).versions)).toHaveLength(2);
  });

  it('leave alone what the client did not see: held versions stay', async () => {
    const name = await published('1.0.0', '1.1.0', '1.2.0');
    const of = { project: 'main', repository: 'npm', package: name, version: '1.1.0' };
    const { id } = jsonOf<{ id: string }>(await admin.api('POST', '/holds', { ...of, reason: 'not now' }));
    const before = await seen(name);
    const { '1.2.0': _, ...left } = before.versions;
    expect(
      (await send(pusher, 'PUT', `/${name}/-rev/${before._rev}`, { ...before, versions: left })).status,
    ).toBe(201);
    await admin.api('POST', `/holds/${id}/release`, of);
    expect(Object.keys((await seen(name)).versions)).toEqual(['1.0.0', '1.1.0']);
  });

  it('believe nothing but the advice', async () => {
    const name = await published('1.0.0', '1.1.0');
    const before = await seen(name);
    const versions = { '1.0.0': { deprecated: 'old', main: 'evil.js' }, '9.9.9': { name, version: '9.9.9' } };
    const edited = { ...before, versions, 'dist-tags': { latest: '1.0.0' }, maintainers: [{ name: 'me' }] };
    expect((await send(pusher, 'PUT', `/${name}`, edited)).status).toBe(201);
    const after = await seen(name);
    expect(after['dist-tags']).toEqual({ latest: '1.1.0' });
    expect(Object.keys(after.versions)).toEqual(['1.0.0', '1.1.0']);
    expect(after.versions['1.0.0']).toMatchObject({ deprecated: 'old' });
    expect(after.versions['1.0.0']?.main).toBeUndefined();
  });

  it('take the right to them', async () => {
    const name = await published('1.0.0');
    const before = await seen(name);
    for (const answer of [
      await send(viewer, 'PUT', `/${name}`, before),
      await send(viewer, 'PUT', `/${name}/-rev/${before._rev}`, before),
      await viewer.ask('DELETE', `${BASE}/${name}/-rev/${before._rev}`),
      await viewer.ask('DELETE', `${BASE}/${name}/-/${name}-1.0.0.tgz/-rev/${before._rev}`),
      await send(viewer, 'PUT', `/-/package/${name}/dist-tags/next`, '1.0.0'),
      await viewer.ask('DELETE', `${BASE}/-/package/${name}/dist-tags/latest`),
      await send(viewer, 'POST', `/-/stage/package/${name}`, documentOf(name, '2.0.0')),
      await send(viewer, 'POST', `/-/package/${name}/access`, { access: 'public' }),
    ])
      expect(refusal(answer).status).toBe(403);
    expect(await seen(name)).toEqual(before);
  });

  it('give no tag to what is held', async () => {
    const name = await published('1.0.0', '1.1.0');
    const of = { project: 'main', repository: 'npm', package: name, version: '1.0.0' };
    await admin.api('POST', '/holds', { ...of, reason: 'not now' });
    const tagged = await send(pusher, 'PUT', `/-/package/${name}/dist-tags/next`, '1.0.0');
    expect(refusal(tagged)).toEqual({ status: 403, error: expect.stringContaining('not now') });
    expect((await send(pusher, 'PUT', `/-/package/${name}/dist-tags/next`, '7.0.0')).status).toBe(404);
    expect((await pusher.ask('DELETE', `${BASE}/-/package/${name}/dist-tags/latest`)).status).toBe(400);
  });
});

describe('staging', () => {
  it('shows what waits to who pushes or approves, and gives it to who approves alone', async () => {
    const name = await published('1.0.0');
    const staged = await send(
      pusher,
      'POST',
      `/-/stage/package/${name}`,
      documentOf(name, '2.0.0', { tag: 'next' }),
    );
    const { stageId } = jsonOf<{ stageId: string }>(staged);
    const at = `${BASE}/-/stage/${stageId}`;
    for (const path of [`${BASE}/-/stage`, at, `${at}/tarball`])
      expect((await viewer.ask('GET', path)).status, path).toBe(403);
    expect(jsonOf(await pusher.ask('GET', at))).toMatchObject({
      id: stageId,
      packageName: name,
      version: '2.0.0',
      tag: 'next',
    });
    expect((await pusher.ask('GET', `${at}/tarball`)).status).toBe(403);
    expect((await pusher.ask('POST', `${at}/approve`)).status).toBe(403);
    expect((await admin.ask('GET', `${at}/tarball`)).status).toBe(200);
    for (const actor of [viewer, pusher, admin])
      expect((await actor.ask('GET', `${BASE}/${name}/-/${name}-2.0.0.tgz`)).status).toBe(403);
    for (const headers of [{}, { accept: SHORT }]) {
      const shown = await get(`/${name}`, headers);
      expect(JSON.stringify([shown.text, ...shown.headers])).not.toContain('2.0.0');
    }
    expect((await admin.ask('POST', `${at}/approve`)).status).toBe(200);
    expect((await seen(name))['dist-tags']).toEqual({ latest: '1.0.0', next: '2.0.0' });
    expect((await admin.ask('POST', `${at}/approve`)).status).toBe(404);
  });

  it('does not give what something else holds, and keeps what waits when the package is taken away', async () => {
    const name = await published('1.0.0');
    const staged = await send(pusher, 'POST', `/-/stage/package/${name}`, documentOf(name, '2.0.0'));
    const { stageId } = jsonOf<{ stageId: string }>(staged);
    const of = { project: 'main', repository: 'npm', package: name, version: '2.0.0' };
    await admin.api('POST', '/holds', { ...of, reason: 'malware' });
    const tarball = await admin.ask('GET', `${BASE}/-/stage/${stageId}/tarball`);
    expect(refusal(tarball)).toEqual({ status: 403, error: expect.stringContaining('malware') });
    const { _rev } = await seen(name);
    expect((await pusher.ask('DELETE', `${BASE}/${name}/-rev/${_rev}`)).status).toBe(200);
    expect((await pusher.ask('GET', `${BASE}/-/stage/${stageId}`)).status).toBe(200);
  });
});

describe('accounts', () => {
  const login = (name: string, password: string) =>
    send(nobody, 'PUT', `/-/user/org.couchdb.user:${name}`, { name, password });

  it('log in with a password alone; the token does what its owner may', async () => {
    expect((await login('admin', 'wrong')).status).toBe(401);
    expect((await login('stranger', server.adminPassword)).status).toBe(401);
    const { token } = jsonOf<{ token: string }>(await login('admin', server.adminPassword));
    const bearer = { headers: { authorization: `Bearer ${token}` } };
    const who = () => nobody.ask('GET', `${BASE}/-/whoami`, bearer);
    expect(jsonOf(await who())).toEqual({ username: 'admin' });
    expect((await nobody.ask('DELETE', `${BASE}/-/user/token/${token}`, bearer)).status).toBe(200);
    expect((await who()).status).toBe(401);
  });

  it('make no token that may more than was asked for, and revoke only their own', async () => {
    const body = { password: server.adminPassword, readonly: true };
    expect(refusal(await send(admin, 'POST', '/-/npm/v1/tokens', body)).error).toContain('readonly');
    expect((await send(admin, 'POST', '/-/npm/v1/tokens', { password: 'wrong' })).status).toBe(401);
    const made = jsonOf<{ key: string; token: string }>(
      await send(admin, 'POST', '/-/npm/v1/tokens', { password: server.adminPassword }),
    );
    const revoke = `${BASE}/-/npm/v1/tokens/token/${made.key}`;
    expect((await viewer.ask('DELETE', revoke)).status).toBeGreaterThanOrEqual(400);
    expect((await admin.ask('DELETE', revoke)).status).toBe(200);
  });

  it('are asked to log in where it is needed, and only there', async () => {
    expect((await nobody.ask('GET', `${BASE}/-/ping`)).status).toBe(200);
    for (const path of ['/-/whoami', '/-/npm/v1/tokens', '/-/v1/search?text=a', '/widget', '/-/stage'])
      expect((await nobody.ask('GET', `${BASE}${path}`)).status, path).toBe(401);
    // npm takes the password when there is no such route
    expect((await send(nobody, 'POST', '/-/v1/login', {})).status).toBe(404);
  });
});

describe('audits and search', () => {
  const bulk = (body: Buffer | string, headers = {}) =>
    viewer.ask('POST', `${BASE}/-/npm/v1/security/advisories/bulk`, {
      body,
      headers: { ...JSON_TYPE, ...headers },
    });

  it('answers audits, compressed or not, within limits', async () => {
    const question = JSON.stringify({ widget: ['1.0.0'] });
    const packed = { 'content-encoding': 'gzip' };
    expect(jsonOf(await bulk(question))).toEqual({});
    expect(jsonOf(await bulk(gzipSync(question), packed))).toEqual({});
    expect((await bulk(gzipSync(Buffer.alloc(64 * 1024 * 1024)), packed)).status).toBe(413);
    const repeated = JSON.stringify({ widget: ['1'.repeat(1024 * 1024)] });
    expect((await bulk(gzipSync(repeated), packed)).status).toBe(413);
    expect((await bulk(repeated)).status).toBe(200);
    expect((await bulk('hello', packed)).status).toBe(400);
    expect((await bulk('{"widget":"1.0.0"}')).status).toBe(400);
    expect((await bulk('[]', { 'content-encoding': 'br' })).status).toBe(400);
  });

  it('finds by page, without what is held', async () => {
    const names: string[] = [];
    for (let index = 0; index < 3; index++) names.push(await published('1.0.0'));
    const of = { project: 'main', repository: 'npm', package: names[1], version: '1.0.0' };
    await admin.api('POST', '/holds', { ...of, reason: 'not now' });
    const found = async (query: string) => {
      const answer = await get(`/-/v1/search?${query}`);
      return jsonOf<{ objects: { package: { name: string } }[] }>(answer).objects.map(
        one => one.package.name,
      );
    };
    const all = await found('text=&size=250');
    expect(all).toEqual(expect.arrayContaining([names[0], names[2]]));
    expect(all).not.toContain(names[1]);
    expect(await found('text=&size=2&from=1')).toEqual(all.slice(1, 3));
    expect(await found(`text=${names[2]}`)).toEqual([names[2]]);
  });
});
