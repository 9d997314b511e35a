/**
 * Bad input: each request gets the error of the protocol it was sent to, changes nothing, and leaves the server well.
 */
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Actor,
  type Answer,
  adminAt,
  changes,
  eventsAfter,
  head,
  jsonOf,
  person,
} from '../conformance/client.ts';
import type { Place } from '../conformance/fixture.ts';
import {
  base,
  IMAGE,
  image,
  type Manifest,
  pushBlob,
  pushImage,
  putManifest,
  sha256,
} from '../conformance/oci-images.ts';
import { type InProcess, startInProcess } from '../conformance/server.ts';
import { open, type RawAnswer, send } from './raw.ts';

const PLACE: Place = { project: 'main', repository: 'oci' };
const APP = base(PLACE, 'app');

let server: InProcess;
let admin: Actor;
let manifest: Manifest;
let before: string;

beforeAll(async () => {
  server = await startInProcess();
  admin = await adminAt(server);
  manifest = image();
  expect((await pushImage(admin, { place: PLACE, name: 'app', reference: 'v1' }, manifest)).status).toBe(201);
});
afterAll(() => server?.stop());

beforeEach(async () => {
  before = await head(server);
});

/** Whatever was sent: nothing was changed, and the server still works. */
afterEach(async () => {
  expect(changes(await eventsAfter(server, before)).map(({ type }) => type)).toEqual([]);
  expect((await admin.ask('GET', '/healthz')).status).toBe(200);
  expect((await admin.ask('GET', `${APP}/manifests/v1`)).body.equals(manifest.bytes)).toBe(true);
});

type Reply = Answer | RawAnswer;
const headerOf = ({ headers }: Reply, name: string) =>
  (headers instanceof Headers ? headers.get(name) : headers[name]) ?? '';
const textOf = (reply: Reply) => ('text' in reply ? reply.text : reply.body);

/** The refusal as the protocol has it: `{errors: [{code, message}]}`. */
function expectNative(reply: Reply, status: number | readonly number[], code?: string): void {
  expect([status].flat(), textOf(reply)).toContain(reply.status);
  expect(headerOf(reply, 'content-type')).toMatch(/^application\/json/);
  const { errors } = JSON.parse(textOf(reply)) as { errors: { code: string; message: string }[] };
  expect(errors[0]?.code).toMatch(/^[A-Z_]+$/);
  expect(errors[0]?.message).not.toBe('');
  expect(errors[0]?.message).not.toMatch(/ at .*\.ts|node:|\/src\//);
  if (code) expect(errors[0]?.code).toBe(code);
}

/** The refusal as the management API has it. https://www.rfc-editor.org/rfc/rfc9457 */
function expectProblem(reply: Reply, status: number, code?: string): void {
  expect([reply.status, textOf(reply)]).toEqual([status, expect.any(String)]);
  expect(headerOf(reply, 'content-type')).toMatch(/^application\/problem\+json/);
  const problem = JSON.parse(textOf(reply)) as { status: number; code: string; title: string };
  expect(problem).toMatchObject({ status, title: expect.any(String) });
  if (code) expect(problem.code).toBe(code);
}

const request = (line: string, headers: readonly string[] = [], body = '') =>
  [`${line} HTTP/1.1`, 'Host: registry', `Authorization: ${admin.authorization}`, ...headers, '', body].join(
    '\r\n',
  );

async function startUpload(who = admin, place = PLACE): Promise<string> {
  const started = await who.ask('POST', `${base(place, 'app')}/blobs/uploads/`);
  expect(started.status).toBe(202);
  return started.headers.get('location') ?? '';
}

describe('names and digests', () => {
  const hash = 'a'.repeat(64);
  it.each([
    ['sha256:short', 400],
    [`sha256:${hash.toUpperCase()}`, 400],
    [`sha256:${hash}0`, 400],
    [`md5:${'a'.repeat(32)}`, 400],
    [`sha512:${hash}`, 400],
    [`sha256:${'g'.repeat(64)}`, 400],
    ['sha256:', 400],
    [':', 400],
    [`sha256%3A${hash}%00`, 400],
    [`sha256:${hash}%2f..`, 400],
    [`sha256:${'a'.repeat(5000)}`, 400],
    [`sha256:${hash}`, 404],
  ])('%s', async (digest, status) => {
    for (const path of [
      `${APP}/blobs/${digest}`,
      `${APP}/manifests/${digest}`,
      `${APP}/referrers/${digest}`,
    ]) {
      const answer = await admin.ask('GET', path);
      if (!(status === 404 && path.includes('referrers'))) expectNative(answer, status);
      expect((await admin.ask('HEAD', path)).status).toBe(answer.status);
    }
    const upload = await startUpload();
    if (status === 400)
      expectNative(await admin.ask('PUT', `${upload}?digest=${digest}`, { body: 'x' }), 400);
    await admin.ask('DELETE', upload);
  });

  it.each([
    '/v2/main/oci/../../api/v1/whoami/manifests/v1',
    '/v2/main/oci/app/../app/manifests/v1',
    '/v2/main/oci/%2e%2e/app/manifests/v1',
    '/v2/main/oci/app%2fx/manifests/v1',
    '/v2/main/oci/app%5cx/manifests/v1',
    '/v2/main%2foci/app/manifests/v1',
    '/v2/main/oci/app%00/manifests/v1',
    '/v2/main/oci/app%0d%0aX-Evil:1/manifests/v1',
    '/v2/main/oci/app%2500/manifests/v1',
    '/v2/main/oci/%252e%252e/manifests/v1',
    '/v2/main/oci//app/manifests/v1',
    '/v2//main/oci/app/manifests/v1',
    '/v2/main/oci/app/manifests//v1',
    '/v2/main/oci/app/manifests/',
    '/v2/main/oci/APP/manifests/v1',
    '/v2/main/oci/app%c3/manifests/v1',
    '/v2/main/oci/app%c0%ae/manifests/v1',
    '/v2/main/oci/app%zz/manifests/v1',
    '/v2/main/oci/app%/manifests/v1',
    '/v2/main/oci/%EF%BC%8E%EF%BC%8E/manifests/v1',
    '/v2/main/oci/app/manifests/v1%20',
    '/v2/main/oci/app/manifests/-v1',
    `/v2/main/oci/app/manifests/${'v'.repeat(129)}`,
    `/v2/main/oci/${'a'.repeat(300)}/manifests/v1`,
    `/v2/main/oci/${'a/'.repeat(2500)}a/manifests/v1`,
    '/v2/main/oci/app/manifests/v1/extra',
    '/v2/main/oci/app/unknown/v1',
    '/v2/main/manifests/v1',
    '/v2/..',
    '/v2/%2e%2e/api/v1/whoami',
    '/v2/_catalog?n=-1',
    '/v2/_catalog?n=1e9',
    '/v2/_catalog?n=99999999999999999999',
    '/v2/_catalog?n=1&n=2',
    `/v2/_catalog?last=${'a'.repeat(300)}`,
    '/v2/_catalog?last=%ff',
    `/v2/_catalog?${'a=1&'.repeat(400)}`,
    '/v2/main/oci/app/tags/list?last=%00',
    '/v2/main/oci/app/tags/list?n=x',
  ])('%s', async path => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      // raw, because clients tidy paths up
      const answer = await send(server.port, request(`${method} ${path}`, ['Content-Length: 0']));
      expectNative(answer, [400, 404, 405]);
    }
  });

  it('of another form of the request line', async () => {
    for (const target of ['http://registry/v2/main/oci/app/manifests/v1', 'v2/', '*', '\\v2\\', '/V2/']) {
      const answer = await send(server.port, request(`GET ${target}`));
      expect([target, answer.status >= 400 && answer.status < 500]).toEqual([target, true]);
      expect(() => JSON.parse(answer.body)).not.toThrow();
    }
  });
});

/** Sends these bytes for a body that is announced to be longer, and cuts the connection when some have been kept. */
async function cutOff(line: string, id: string, bytes: Buffer): Promise<void> {
  const raw = await open(server.port);
  raw.write(request(line, [`Content-Length: ${bytes.length + 1}`, 'Expect: 100-continue']));
  await raw.until(/^HTTP\/1\.1 100 /);
  raw.write(bytes);
  const file = join(server.system.config.data, 'staging', `${id}.data`);
  await expect.poll(async () => (await stat(file)).size).toBeGreaterThan(1024 * 1024);
  raw.socket.destroy();
}

describe('uploads', () => {
  it('of the wrong content are refused, and begin anew', async () => {
    const upload = await startUpload();
    expectNative(
      await admin.ask('PUT', `${upload}?digest=${sha256('right')}`, { body: 'wrong' }),
      400,
      'DIGEST_INVALID',
    );
    expectNative(await admin.ask('GET', upload), 404, 'BLOB_UPLOAD_UNKNOWN');
    expectNative(await admin.ask('PUT', upload), 400, 'DIGEST_INVALID');
    expectNative(
      await admin.ask('POST', `${APP}/blobs/uploads/?digest=${sha256('right')}`, { body: 'wrong' }),
      400,
      'DIGEST_INVALID',
    );
  });

  it('in chunks that do not fit are refused and stay as they were', async () => {
    const upload = await startUpload();
    expect((await admin.ask('PATCH', upload, { body: '12345' })).status).toBe(202);
    for (const [range, status] of [
      ['9-13', 416],
      ['0-4', 416],
      ['5-4', 416],
      ['five-nine', 416],
      ['5-100', 400],
      ['5-', 416],
      ['-5', 416],
      [`5-${'9'.repeat(30)}`, 416],
    ] as const)
      expectNative(
        await admin.ask('PATCH', upload, { body: 'abcde', headers: { 'content-range': range } }),
        status,
      );
    expect((await admin.ask('GET', upload)).headers.get('range')).toBe('0-4');
    expect((await admin.ask('DELETE', upload)).status).toBe(204);
  });

  it('that are cut off can be resumed, and expire with their bytes', async () => {
    const [upload, bytes] = [await startUpload(), randomBytes(2.5 * 1024 * 1024)];
    const id = upload.split('/').at(-1) ?? '';
    await cutOff(`PATCH ${upload}`, id, bytes);
    const kept = () =>
      admin.ask('GET', upload).then(({ headers }) => Number(headers.get('range')?.slice(2)) + 1);
    // as a client does: until the server has noticed the cut, it may still move on
    const resume = async () => {
      const size = await kept();
      if (size === bytes.length) return size;
      const headers = { 'content-range': `${size}-${bytes.length - 1}` };
      await admin.ask('PATCH', upload, { body: bytes.subarray(size), headers });
      return kept();
    };
    expect(await kept()).toBeGreaterThan(1024 * 1024);
    await expect.poll(resume).toBe(bytes.length);
    expect(await kept()).toBe(bytes.length);
    expect(await server.system.core.blobs.expireUploads(Date.now() + 1000)).toContain(id);
    expectNative(await admin.ask('GET', upload), 404, 'BLOB_UPLOAD_UNKNOWN');
    expect(
      (await readdir(join(server.system.config.data, 'staging'))).filter(file => file.startsWith(id)),
    ).toEqual([]);
  });

  it('by PUT that are cut off are not committed', async () => {
    const [upload, bytes] = [await startUpload(), randomBytes(2.5 * 1024 * 1024)];
    const id = upload.split('/').at(-1) ?? '';
    await cutOff(`PUT ${upload}?digest=${sha256(bytes)}`, id, bytes);
    expect((await admin.ask('HEAD', `${APP}/blobs/${sha256(bytes)}`)).status).toBe(404);
    await expect.poll(async () => (await admin.ask('DELETE', upload)).status).toBe(204);
  });

  it('of another person or another repository are unknown', async () => {
    const other = await person(server, 'other', [{ role: 'admin' }]);
    await server.api('POST', '/projects/main/repositories', {
      name: `r${randomBytes(4).toString('hex')}`,
      format: 'oci',
    });
    const { items } = await server.api<{ items: { name: string; format: string }[] }>(
      'GET',
      '/repositories?project=main',
    );
    const name = items.find(item => item.name !== 'oci' && item.format === 'oci')?.name ?? '';
    before = await head(server);
    const upload = await startUpload();
    const elsewhere = upload.replace('/oci/', `/${name}/`);
    for (const [who, path] of [
      [other, upload],
      [admin, elsewhere],
    ] as const) {
      expectNative(await who.ask('GET', path), 404, 'BLOB_UPLOAD_UNKNOWN');
      expectNative(await who.ask('PATCH', path, { body: 'x' }), 404, 'BLOB_UPLOAD_UNKNOWN');
      expectNative(
        await who.ask('PUT', `${path}?digest=${sha256('x')}`, { body: 'x' }),
        404,
        'BLOB_UPLOAD_UNKNOWN',
      );
      expectNative(await who.ask('DELETE', path), 404, 'BLOB_UPLOAD_UNKNOWN');
    }
    expect((await admin.ask('GET', upload)).status).toBe(204);
    for (const id of ['../../log.db', '..%2f..%2flog.db', 'x'.repeat(200), '%00', 'unknown'])
      expectNative(await admin.ask('PATCH', `${APP}/blobs/uploads/${id}`, { body: 'x' }), [400, 404]);
  });
});

describe('manifests', () => {
  const put = (bytes: Buffer, mediaType = IMAGE, reference = 'bad') =>
    putManifest(admin, { place: PLACE, name: 'app', reference }, { bytes, mediaType });
  const text = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

  it('too large are refused before they are read', async () => {
    expectNative(await put(Buffer.alloc(4 * 1024 * 1024 + 1, 0x20)), 413, 'SIZE_INVALID');
    const announced = await send(
      server.port,
      request(`PUT ${APP}/manifests/bad`, [`Content-Type: ${IMAGE}`, 'Content-Length: 999999999999']),
    );
    expectNative(announced, 413, 'SIZE_INVALID');
    const raw = await open(server.port);
    raw.write(request(`PUT ${APP}/manifests/bad`, [`Content-Type: ${IMAGE}`, 'Transfer-Encoding: chunked']));
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    for (let number = 0; number < 66; number++) raw.write(chunk);
    expect(await raw.until(/SIZE_INVALID/)).toMatch(/^HTTP\/1\.1 413 /);
    raw.socket.destroy();
  });

  it('that were cut short are not stored', async () => {
    const other = image();
    for (const part of other.blobs) await pushBlob(admin, PLACE, 'app', part);
    before = await head(server);
    const raw = await open(server.port);
    raw.write(
      `${request(`PUT ${APP}/manifests/cut`, [`Content-Type: ${IMAGE}`, `Content-Length: ${other.bytes.length + 5}`])}${other.bytes}`,
    );
    raw.socket.end();
    await raw.end().catch(() => undefined);
    expectNative(await admin.ask('GET', `${APP}/manifests/cut`), 404, 'MANIFEST_UNKNOWN');
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '12'],
    ['deep lists', '['.repeat(100_000)],
    ['deep objects', '{"a":'.repeat(50_000)],
    ['deep and closed', `{"a":${'['.repeat(50)}${']'.repeat(50)}}`],
    ['many values', `{"a":[${'0,'.repeat(200_000)}0]}`],
    ['many keys', `{${Array.from({ length: 150_000 }, (_, key) => `"k${key}":0`).join()}}`],
    ['a key twice', '{"schemaVersion":2,"schemaVersion":2}'],
    ['a key twice, escaped', '{"layers":[],"l\\u0061yers":[]}'],
    ['a prototype', '{"__proto__":{"schemaVersion":2}}'],
    ['a byte order mark', '\uFEFF{"schemaVersion":2}'],
    ['a half surrogate', '{"schemaVersion":2,"annotations":{"a":"\\ud800"}}'],
    ['an enormous number', '{"schemaVersion":2e999}'],
    ['an unknown version', '{"schemaVersion":3}'],
  ])('of %s are refused', async (_what, content) => {
    expectNative(await put(text(content)), 400, 'MANIFEST_INVALID');
  });

  it('that are not UTF-8 are refused', async () => {
    expectNative(
      await put(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])),
      400,
      'MANIFEST_INVALID',
    );
    expectNative(await put(Buffer.from(manifest.bytes.toString(), 'utf16le')), 400, 'MANIFEST_INVALID');
  });

  it('that name what is not here, or lie about it, are refused', async () => {
    const parsed = JSON.parse(manifest.bytes.toString()) as { layers: { size: number; digest: string }[] };
    const [layer, ...rest] = parsed.layers;
    const with_ = (changed: object) => text({ ...parsed, layers: [{ ...layer, ...changed }, ...rest] });
    expectNative(await put(with_({ digest: sha256('absent') })), 400, 'MANIFEST_BLOB_UNKNOWN');
    for (const changed of [
      { size: -1 },
      { size: 1.5 },
      { size: 1e30 },
      { size: '12' },
      { size: 7 },
      { digest: 'x' },
      { digest: null },
      { urls: ['file:///etc/passwd'] },
      { data: 'AAAA' },
      { mediaType: 'a b' },
      { mediaType: '\r\nX: y' },
    ])
      expectNative(await put(with_(changed)), 400);
    expectNative(await put(manifest.bytes, 'text/html'), 400);
    expectNative(await put(manifest.bytes, `${IMAGE}, text/html`), 400);
    expectNative(await put(manifest.bytes, IMAGE, sha256('other bytes')), 400, 'DIGEST_INVALID');
  });
});

describe('the management API', () => {
  const post = (body: string | Buffer, type = 'application/json') =>
    admin.ask('POST', '/api/v1/projects', { body, headers: { 'content-type': type } });

  it('refuses bodies that it cannot use', async () => {
    expectProblem(await post('{'), 400, 'REQUEST_INVALID');
    expectProblem(await post('['.repeat(100_000)), 400, 'REQUEST_INVALID');
    expectProblem(await post('{"a":'.repeat(100_000)), 400, 'REQUEST_INVALID');
    expectProblem(await post('null'), 400, 'REQUEST_INVALID');
    expectProblem(await post('{"name":5}'), 400, 'REQUEST_INVALID');
    expectProblem(await post('{"name":"../etc"}'), 400, 'NAME_INVALID');
    expectProblem(await post('{"name":"a\\u0000b"}'), 400, 'NAME_INVALID');
    expectProblem(await post('{"__proto__":{"name":"x"}}'), 400, 'REQUEST_INVALID');
    expectProblem(await post('{"constructor":{"prototype":{"name":"x"}}}'), 400, 'REQUEST_INVALID');
    expectProblem(await post(Buffer.from([0x22, 0xff, 0x22])), 400);
    expectProblem(await post('name=x', 'application/x-www-form-urlencoded'), 400, 'REQUEST_INVALID');
    expectProblem(await post(`{"name":"${'x'.repeat(2 * 1024 * 1024)}"}`), 413, 'CONTENT_TOO_LARGE');
  });

  it('refuses what is not where it should be', async () => {
    for (const path of [
      '/api/v1/unknown',
      '/api/v2/projects',
      '/api/v1/projects/../whoami',
      '/api',
      '/%00',
      '//api/v1/whoami',
    ])
      expectProblem(await send(server.port, request(`GET ${path}`)), 404, 'ROUTE_UNKNOWN');
    for (const path of ['/api/v1/projects/%', '/api/v1/projects/%c3%28/repositories/x', '/api/v1/%ff'])
      expectProblem(await send(server.port, request(`GET ${path}`)), 400);
    for (const path of [
      '/projects?limit=0',
      '/projects?limit=1e9',
      '/projects?cursor=x',
      '/projects?cursor=eyJhIjoxfQ',
      `/projects?cursor=${'a'.repeat(5000)}`,
      '/events?after=nonsense',
      '/events?wait=1000',
      '/events?limit=1&limit=2',
    ])
      expectProblem(await admin.api('GET', path), 400);
    for (const path of ['/projects/a%00b', '/projects/..%2f..', `/projects/${'a'.repeat(1000)}`])
      expect([400, 404, 414]).toContain((await admin.api('DELETE', path)).status);
  });

  it('refuses credentials that are none', async () => {
    for (const authorization of [
      'Basic',
      'Basic !!!',
      'Basic YWRtaW4=',
      'Bearer',
      'Digest x',
      `Basic ${'A'.repeat(9000)}`,
      'Basic /////w==',
      'basic  ',
    ])
      for (const path of ['/api/v1/whoami', '/v2/']) {
        const answer = await send(
          server.port,
          `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`,
        );
        if (path === '/v2/') expectNative(answer, 401, 'UNAUTHORIZED');
        else expectProblem(answer, 401, 'CREDENTIALS_INVALID');
      }
  });
});

describe('HTTP itself', () => {
  const path = `${APP}/manifests/v1`;

  it('with headers beyond all measure is refused', async () => {
    const many = Array.from({ length: 5000 }, (_, number) => `X-${number}: y`);
    expect([400, 431]).toContain((await send(server.port, request(`GET ${path}`, many))).status);
    expect((await send(server.port, request(`GET ${path}`, [`X-Huge: ${'x'.repeat(100_000)}`]))).status).toBe(
      431,
    );
    expect([400, 414, 431]).toContain(
      (await send(server.port, request(`GET /v2/${'a'.repeat(100_000)}`))).status,
    );
  });

  it.each([
    ['two lengths', ['Content-Length: 5', 'Content-Length: 6']],
    ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5']],
    ['an unknown coding', ['Transfer-Encoding: xchunked']],
    ['a coding after chunked', ['Transfer-Encoding: chunked, identity']],
    ['a spaced name', ['Transfer-Encoding : chunked']],
    ['a signed length', ['Content-Length: +5']],
    ['a negative length', ['Content-Length: -5']],
    ['a hexadecimal length', ['Content-Length: 0x5']],
    ['a list of lengths', ['Content-Length: 5, 5']],
    ['a folded header', ['Content-Length: 5\r\n 6']],
    ['a bare line feed', ['X: y\nContent-Length: 5']],
    ['a NUL', ['X: \0']],
  ])(
    'that is ambiguous (%s) is refused, and what follows is not taken for a request',
    async (_what, headers) => {
      const smuggled = request(`DELETE ${path}`, ['Content-Length: 0']);
      const raw = await open(server.port);
      raw.write(
        `${request(`PUT ${APP}/manifests/smuggled`, [`Content-Type: ${IMAGE}`, ...headers])}0\r\n\r\n${smuggled}`,
      );
      const all = await raw.end();
      expect(all).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(all.match(/HTTP\/1\.1 2\d\d/g)).toBeNull();
      expect(
        JSON.parse(all.slice(all.indexOf('\r\n\r\n') + 4).replace(/HTTP\/1\.1[\s\S]*$/, '')),
      ).toHaveProperty('errors');
    },
  );

  it('with broken chunks ends without a change', async () => {
    for (const body of ['zz\r\nhello\r\n0\r\n\r\n', '5\r\nhel', '5\r\nhelloX\r\n', `${'f'.repeat(20)}\r\n`]) {
      const raw = await open(server.port);
      raw.write(
        `${request(`PUT ${APP}/manifests/chunked`, [`Content-Type: ${IMAGE}`, 'Transfer-Encoding: chunked'])}${body}`,
      );
      raw.socket.end();
      const all = await raw.end();
      if (all !== '') expect(all).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
  });

  it('that asks before it sends a body is refused before the body, or told to go on', async () => {
    const viewer = await person(server, 'viewer', [{ role: 'viewer', ...PLACE }]);
    before = await head(server);
    const expecting = (authorization: string | undefined, line: string, length: number, type = IMAGE) =>
      [
        `${line} HTTP/1.1`,
        'Host: x',
        ...(authorization ? [`Authorization: ${authorization}`] : []),
        `Content-Type: ${type}`,
        `Content-Length: ${length}`,
        'Expect: 100-continue',
        '',
        '',
      ].join('\r\n');
    for (const [authorization, status] of [
      [undefined, 401],
      [viewer.authorization, 403],
    ] as const)
      for (const line of [`PUT ${APP}/manifests/v2`, `POST ${APP}/blobs/uploads/?digest=${sha256('x')}`]) {
        const raw = await open(server.port);
        raw.write(expecting(authorization, line, 1_000_000));
        const all = await raw.until(/\r\n\r\n/);
        expect([line, all.split('\r\n')[0]]).toEqual([line, expect.stringMatching(`^HTTP/1.1 ${status} `)]);
        expect(await raw.end(), 'the connection is closed: nobody reads the body').not.toContain(
          '100 Continue',
        );
      }
    const upload = await startUpload();
    const raw = await open(server.port);
    raw.write(expecting(admin.authorization, `PATCH ${upload}`, 5, 'application/octet-stream'));
    await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    raw.write('hello');
    expect(await raw.until(/HTTP\/1\.1 202 /)).toContain('ange: 0-4');
    raw.socket.destroy();
    const api = await open(server.port);
    api.write(expecting(admin.authorization, 'POST /api/v1/projects', 10, 'application/json'));
    await api.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    api.write('{"name":5}');
    await api.until(/HTTP\/1\.1 400 /);
    api.socket.destroy();
  });

  it('of other methods and versions is refused', async () => {
    for (const method of ['TRACE', 'CONNECT', 'PROPFIND', 'BREW', 'get']) {
      const answer = await send(server.port, request(`${method} ${path}`)).catch(error => error as Error);
      if (!(answer instanceof Error))
        expect([method, answer.status >= 400 && answer.status < 500]).toEqual([method, true]);
    }
    for (const method of ['POST', 'PATCH', 'OPTIONS']) {
      const answer = await send(server.port, request(`${method} ${path}`, ['Content-Length: 0']));
      expectNative(answer, 405, 'UNSUPPORTED');
      expect(answer.headers.allow).toBe('GET, HEAD, PUT, DELETE');
    }
    expect((await send(server.port, 'GET /v2/ HTTP/9.9\r\n\r\n')).status).toBe(400);
    expect((await send(server.port, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')).status).toBe(400);
    expect((await send(server.port, 'GET /v2/ HTTP/1.1\r\n\r\n')).status).toBe(400);
  });

  it('with hostile values in headers that are given back gives nothing of them back', async () => {
    for (const [name, value] of [
      ['Host', 'evil"\r'],
      ['Host', 'a b'],
      ['Host', '<script>'],
      ['X-Request-Id', '"><script>'],
      ['X-Forwarded-Host', 'evil.example'],
      ['X-Forwarded-Proto', 'javascript'],
    ]) {
      const answer = await send(
        server.port,
        `GET /v2/ HTTP/1.1\r\nHost: x\r\n${name}: ${value}\r\n\r\n`.replace(
          name === 'Host' ? 'Host: x\r\n' : '\0',
          '',
        ),
      );
      expect([400, 401]).toContain(answer.status);
      expect(answer.all).not.toMatch(/script|evil\.example|javascript|evil"/);
    }
  });

  it('with ranges that are not there is refused', async () => {
    const blob = manifest.blobs[1];
    for (const range of ['bytes=999999-', 'bytes=5-2', 'bytes=-0', `bytes=${'9'.repeat(19)}-`]) {
      const answer = await admin.ask('GET', `${APP}/blobs/${blob?.digest}`, { headers: { range } });
      expectNative(answer, 416);
      expect(answer.headers.get('content-range')).toBe(`bytes */${blob?.bytes.length}`);
    }
    for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'bytes=', 'bytes=a-b'])
      expect((await admin.ask('GET', `${APP}/blobs/${blob?.digest}`, { headers: { range } })).status).toBe(
        200,
      );
  });

  it('that comes slowly or never ends holds nobody up', async () => {
    const idle = await Promise.all(Array.from({ length: 50 }, () => open(server.port)));
    for (const raw of idle)
      raw.write(
        `PUT ${APP}/manifests/slow HTTP/1.1\r\nHost: x\r\nAuthorization: ${admin.authorization}\r\nContent-Type: ${IMAGE}\r\nContent-Length: 1000\r\n\r\n{`,
      );
    expect((await admin.ask('GET', path)).status).toBe(200);
    for (const raw of idle) raw.socket.destroy();
    expect(jsonOf(await admin.api('GET', '/whoami'))).toMatchObject({ id: admin.id });
  });
});
