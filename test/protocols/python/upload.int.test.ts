/** What a Python repository takes, refuses, lists and gives out, asked over HTTP. */
import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, type Answer, adminAt, anonymousAt, jsonOf } from '../../conformance/client.ts';
import { attestationOf } from '../../conformance/python-fixture.ts';
import { type InProcess, startInProcess } from '../../conformance/server.ts';
import { type Dist, type DistOptions, makeSdist, makeWheel, uploadForm } from '../../support/python-dists.ts';
import { makeZip } from '../../support/zip-maker.ts';

const BASE = '/pkg/main/python/python';
const JSON_INDEX = { accept: 'application/vnd.pypi.simple.v1+json' };

let server: InProcess;
let admin: Actor;
beforeAll(async () => {
  server = await startInProcess();
  admin = await adminAt(server);
});
afterAll(() => server?.stop());

const fresh = () => `n${randomBytes(5).toString('hex')}`;
const send = (dist: Dist, fields: Readonly<Record<string, string>> = {}, actor = admin) =>
  actor.ask('POST', `${BASE}/`, uploadForm(dist, fields));
const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  admin.ask('GET', `${BASE}/${path}`, { headers });

interface Index {
  readonly name: string;
  readonly 'project-status': object;
  readonly versions: readonly string[];
  readonly files: readonly (Readonly<Record<string, unknown>> & {
    readonly filename: string;
    readonly url: string;
  })[];
}
const indexOf = async (name: string) => jsonOf<Index>(await get(`simple/${name}/`, JSON_INDEX));

async function accepted(answer: Promise<Answer>): Promise<void> {
  const { status, text } = await answer;
  expect([status, text]).toEqual([200, expect.any(String)]);
}
async function refused(answer: Promise<Answer>, status: number, message: RegExp): Promise<void> {
  const { status: was, text } = await answer;
  expect([was, text]).toEqual([status, expect.stringMatching(message)]);
}

const wheel = (options: Partial<DistOptions> = {}) =>
  makeWheel({ name: fresh(), version: '1.0', ...options });
const of = (dist: Dist, bytes: Buffer): Dist => ({ ...dist, bytes });

describe('uploads', () => {
  it('are listed with what their metadata says, wheels and source distributions side by side', async () => {
    const name = `My.${fresh()}`;
    const normal = name.toLowerCase().replaceAll('.', '-');
    const headers = ['Summary: <b>a & b</b>', 'Requires-Python: >=3.8,<4'];
    const built = makeWheel({ name, version: '1.0', headers });
    const source = await makeSdist({ name, version: '1.0', headers, metadataVersion: '2.2' });
    const old = await makeSdist({ name, version: '0.9rc1' });
    for (const dist of [source, built, old]) await accepted(send(dist));
    const index = await indexOf(normal);
    expect(index).toMatchObject({
      name: normal,
      versions: ['0.9rc1', '1.0'],
      'project-status': { status: 'active' },
    });
    expect(index.files.map(({ filename }) => filename)).toEqual([
      old.filename,
      built.filename,
      source.filename,
    ]);
    for (const [position, dist] of [old, built, source].entries()) {
      const file = index.files[position];
      const sha256 = createHash('sha256').update(dist.bytes).digest('hex');
      expect(file).toMatchObject({ hashes: { sha256 }, size: dist.bytes.length, yanked: false });
      expect(file?.['upload-time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const metadata = { sha256: createHash('sha256').update(dist.metadata).digest('hex') };
      const final = dist === old ? false : metadata;
      expect([file?.['core-metadata'], file?.['data-dist-info-metadata']]).toEqual([final, final]);
      const url = new URL(file?.url ?? '', `http://x${BASE}/simple/${normal}/`).pathname;
      const content = await admin.ask('GET', url);
      expect(content.body.equals(dist.bytes)).toBe(true);
      const side = await admin.ask('GET', `${url}.metadata`);
      expect([side.status, side.status === 200 && side.text]).toEqual(
        final ? [200, dist.metadata] : [404, false],
      );
    }
    const shown = await server.api<{ displayName?: string }>(
      'GET',
      `/artifact?project=main&repository=python&package=${normal}&version=1.0`,
    );
    expect(shown).toMatchObject({ purl: `pkg:pypi/${normal}@1.0` });
  });

  it('come again without a change, with other bytes never', async () => {
    const dist = wheel();
    await accepted(send(dist));
    expect((await send(dist)).text).toMatch(/already/);
    await refused(send(makeWheel({ ...dist, value: 'other' })), 409, /already exist/);
  });

  it('never take the name of a file that was deleted, however it is spelled', async () => {
    const dist = wheel({ name: `a-${fresh()}` });
    await accepted(send(dist));
    const place = { project: 'main', repository: 'python', package: dist.name, version: '1.0' };
    await server.api('POST', '/artifact/delete', place);
    expect((await get(`simple/${dist.name}/`)).status).toBe(404);
    await refused(send(dist), 409, /was deleted and cannot be published again/);
    const other = dist.filename.replace('a_', 'A.');
    await refused(send({ ...dist, filename: other }), 409, /was deleted and cannot be published again/);
    await server.api('POST', '/artifact/restore', place);
    expect((await indexOf(dist.name)).files).toHaveLength(1);
  });

  it('never take such a name, whether or not installers may go by the metadata', async () => {
    const name = `c-${fresh()}`;
    const final = await makeSdist({ name, version: '1.0', metadataVersion: '2.2' });
    await accepted(send(makeWheel({ name, version: '1.0' })));
    await accepted(send(final));
    const place = { project: 'main', repository: 'python', package: name, version: '1.0' };
    await server.api('POST', '/artifact/file/delete', { ...place, file: final.filename });
    const old = await makeSdist({ name, version: '1.0' });
    const spelled = { ...old, filename: old.filename.replace('c_', 'C.') };
    // a file is not restored by itself
    await refused(send(spelled), 409, /was deleted and cannot be published again: choose another version$/m);
  });

  it('of what is held are no refused downloads', async () => {
    const dist = wheel();
    await accepted(send(dist));
    const place = { project: 'main', repository: 'python', package: dist.name, version: '1.0' };
    await server.api('POST', '/holds', { ...place, reason: 'looks bad' });
    const target = `${dist.name}@1.0`;
    const denials = async () => {
      const { items } = await server.api<{ items: readonly { target: string }[] }>(
        'GET',
        '/denials?limit=100',
      );
      return items.filter(item => item.target.endsWith(target));
    };
    await accepted(send(dist));
    await refused(send(makeWheel({ ...dist, value: 'other' })), 409, /already exist/);
    await refused(send(makeWheel({ name: dist.name, version: '1.0.0' })), 409, /already exists here as 1\.0/);
    expect(await denials()).toEqual([]);
    expect((await get(`files/${dist.name}/1.0/${dist.filename}`)).status).toBe(403);
    expect(await denials()).toHaveLength(1);
  });

  it('have one spelling of a version and of a file', async () => {
    const name = `b-${fresh()}`;
    await accepted(send(makeWheel({ name, version: '1.0' })));
    for (const version of ['1', '1.0.0', '1.0.0.0'])
      await refused(send(makeWheel({ name, version })), 409, /already exists here as 1\.0/);
    const spelled = makeWheel({ name, version: '1.0', filename: `B.${name.slice(2)}-1.0-py3-none-any.whl` });
    await refused(send(spelled), 409, /already exists here as b_/);
    await accepted(send(makeWheel({ name, version: '1!1' })));
    await refused(send(makeWheel({ name, version: '1!1.0' })), 409, /already exists here as 1!1/);
    await accepted(send(makeWheel({ name, version: '1.0.1' })));
    await accepted(send(makeWheel({ name, version: '1.0+local.1' })));
    expect((await indexOf(name)).versions).toEqual(['1.0', '1.0+local.1', '1.0.1', '1!1']);
  });

  it('are refused when who unpacks them as they come would find more in them', async () => {
    const streamed = { path: 'x.py', content: 'x', flags: 0x808 };
    const name = `s-${fresh()}`;
    const hiding = makeWheel({ name, version: '1.0', extra: [{ ...streamed, behind: Buffer.alloc(40) }] });
    await refused(send(hiding), 400, /two things/);
    await accepted(send(makeWheel({ name, version: '1.0', extra: [streamed] })));
  });

  it('are refused when what arrived is not what was sent', async () => {
    const dist = wheel();
    await refused(send(dist, { sha256_digest: '0'.repeat(64) }), 400, /digest/);
    await refused(send(dist, { md5_digest: '0'.repeat(32) }), 400, /digest/);
    await refused(send(dist, { name: 'other' }), 400, /as the form says/);
    await refused(send(dist, { version: '2.0' }), 400, /as the form says/);
    await refused(send(dist, { requires_python: '>=2' }), 400, /requires_python/);
    await refused(send(dist, { ':action': 'doc_upload' }), 400, /file_upload/);
    await refused(
      send({ ...dist, filename: `${dist.name}-2.0-py3-none-any.whl` }, { version: '2.0' }),
      400,
      /another/,
    );
    await refused(send({ ...dist, filename: '../../etc/passwd' }), 400, /a file is named/);
    await refused(send({ ...dist, filename: `${dist.name}-1.0.tar.gz` }), 400, /archive/);
    const form = uploadForm(dist);
    const cut = { ...form, body: form.body.subarray(0, form.body.length - 60) };
    await refused(admin.ask('POST', `${BASE}/`, cut), 400, /cut short/);
    await refused(admin.ask('POST', `${BASE}/`, { body: '{}' }), 400, /multipart/);
    expect((await get(`simple/${dist.name}/`)).status).toBe(404);
  });

  it('are refused before the body is read where there is no right', async () => {
    const dist = wheel();
    const answer = await send(dist, {}, anonymousAt(server.url));
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Basic/),
    ]);
  });
});

describe('archives of strangers', () => {
  const info = (dist: Dist) => `${dist.name}-1.0.dist-info`;
  const good = (dist: Dist) => [
    { path: `${info(dist)}/METADATA`, content: dist.metadata },
    { path: `${info(dist)}/WHEEL`, content: 'Wheel-Version: 1.0' },
  ];

  it.each<[string, RegExp, (dist: Dist) => Buffer]>([
    ['no archive', /damaged/, () => Buffer.from('not a zip')],
    ['no metadata', /no .*METADATA/, dist => makeZip(good(dist).slice(1))],
    ['no WHEEL', /no .*WHEEL/, dist => makeZip(good(dist).slice(0, 1))],
    ['nothing', /no a .dist-info|no .*dist-info/, () => makeZip([])],
    [
      'two .dist-info folders',
      /more than once/,
      dist => makeZip([...good(dist), { path: 'other-1.0.dist-info/METADATA', content: dist.metadata }]),
    ],
    [
      'the .dist-info folder of another project',
      /of another project/,
      dist => makeZip(good(dist).map(part => ({ ...part, path: part.path.replace(dist.name, 'other') }))),
    ],
    [
      'the metadata of another project',
      /as its metadata says/,
      dist =>
        makeZip([
          { path: `${info(dist)}/METADATA`, content: dist.metadata.replace(dist.name, 'x') },
          ...good(dist).slice(1),
        ]),
    ],
    [
      'a path that leads out',
      /leads out|damaged/,
      dist => makeZip([...good(dist), { path: '../../x', content: 'x' }]),
    ],
    [
      'metadata of 5 MB',
      /more than/,
      dist =>
        makeZip([
          { path: `${info(dist)}/METADATA`, content: dist.metadata + 'x'.repeat(5 << 20) },
          ...good(dist).slice(1),
        ]),
    ],
    [
      'a bomb',
      /200 times/,
      dist => makeZip([...good(dist), { path: 'zeros', content: Buffer.alloc(30 << 20) }]),
    ],
  ])('wheel: %s', async (_name, message, make) => {
    const dist = wheel();
    await refused(send(of(dist, make(dist))), 400, message);
  });

  it.each<[string, RegExp, () => Promise<Dist>]>([
    [
      'no archive',
      /damaged/,
      async () => of(await makeSdist({ name: fresh(), version: '1.0' }), gzipSync('x'.repeat(2000))),
    ],
    [
      'two PKG-INFO',
      /more than once/,
      () => makeSdist({ name: fresh(), version: '1.0', extra: [{ path: 'other/PKG-INFO', content: 'x' }] }),
    ],
    [
      'a path that leads out',
      /leads out/,
      () => makeSdist({ name: fresh(), version: '1.0', extra: [{ path: '../x', content: 'x' }] }),
    ],
    [
      'the metadata of another version',
      /as its metadata says/,
      async () => {
        const name = fresh();
        return {
          ...(await makeSdist({ name, version: '1.0' })),
          filename: `${name}-2.0.tar.gz`,
          version: '2.0',
        };
      },
    ],
  ])('source distribution: %s', async (_name, message, make) => {
    await refused(send(await make()), 400, message);
  });

  it('a source distribution may be a zip', async () => {
    const name = fresh();
    const metadata = `Metadata-Version: 1.1\nName: ${name}\nVersion: 1.0\n`;
    const bytes = makeZip([{ path: `${name}-1.0/PKG-INFO`, content: metadata }]);
    await accepted(send({ name, version: '1.0', filename: `${name}-1.0.zip`, metadata, bytes }));
  });
});

describe('the index', () => {
  it('comes in the form that is asked for, under one address', async () => {
    const dist = wheel({ name: `c-${fresh()}`, headers: ['Requires-Python: >=3.8'] });
    await accepted(send(dist, { attestations: JSON.stringify([attestationOf(dist)]) }));
    const html = await get(`simple/${dist.name}/`);
    expect(html.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(html.headers.get('vary')).toMatch(/Accept/);
    expect(html.text).toContain('data-requires-python="&gt;=3.8"');
    expect(html.text).toMatch(/data-core-metadata="sha256=[0-9a-f]{64}" data-dist-info-metadata="sha256=/);
    const file = (await indexOf(dist.name)).files[0];
    expect(file?.provenance).toBe(`${server.url}${BASE}/files/${dist.name}/1.0/${dist.filename}.provenance`);
    expect(html.text).toContain(`data-provenance="${file?.provenance}"`);
    const latest = await get(`simple/${dist.name}/`, { accept: 'application/vnd.pypi.simple.latest+html' });
    expect(latest.headers.get('content-type')).toBe('application/vnd.pypi.simple.v1+html');
    const again = await get(`simple/${dist.name}/`, { 'if-none-match': html.headers.get('etag') ?? '' });
    expect([again.status, again.text]).toEqual([304, '']);
    const redirected = await get(`simple/${dist.name.toUpperCase()}?format=x`);
    expect([redirected.status, redirected.headers.get('location')]).toEqual([
      301,
      `${BASE}/simple/${dist.name}/?format=x`,
    ]);
    expect((await get('simple')).headers.get('location')).toBe(`${BASE}/simple/`);
    expect((await admin.ask('PUT', `${BASE}/simple/`)).status).toBe(405);
    expect((await get('')).status).toBe(405);
  });

  it('escapes what people wrote', async () => {
    const dist = wheel();
    await accepted(send(dist));
    const place = { project: 'main', repository: 'python', package: dist.name, version: '1.0' };
    await server.api('POST', '/artifact/yank', { ...place, reason: '"><script>alert(1)</script>' });
    const html = await get(`simple/${dist.name}/`);
    expect(html.text).not.toContain('<script>');
    expect((await indexOf(dist.name)).files[0]?.yanked).toBe('"><script>alert(1)</script>');
    await server.api('POST', '/artifact/yank', { ...place, reason: '' });
    expect((await indexOf(dist.name)).files[0]?.yanked).toBe(true);
    expect((await get(`simple/${dist.name}/`)).text).toContain('data-yanked=""');
    await server.api('POST', '/artifact/yank', { ...place, undo: true });
    expect((await indexOf(dist.name)).files[0]?.yanked).toBe(false);
  });

  it('keeps what is held listed as yanked, each file by itself', async () => {
    const name = fresh();
    const built = makeWheel({ name, version: '1.0' });
    const source = await makeSdist({ name, version: '1.0' });
    for (const dist of [built, source]) await accepted(send(dist));
    const place = { project: 'main', repository: 'python', package: name, version: '1.0' };
    await server.api('POST', '/holds', { ...place, file: built.filename, reason: 'malware' });
    const yanked = (await indexOf(name)).files.map(file => file.yanked);
    expect(yanked).toEqual(['on hold: malware', false]);
    expect((await get(`files/${name}/1.0/${built.filename}`)).status).toBe(403);
    expect((await get(`files/${name}/1.0/${built.filename}.metadata`)).status).toBe(403);
    expect((await get(`files/${name}/1.0/${source.filename}`)).status).toBe(200);
  });

  it('says when a project is deprecated', async () => {
    const name = fresh();
    for (const version of ['1.0', '2.0']) await accepted(send(makeWheel({ name, version })));
    const place = { project: 'main', repository: 'python', package: name };
    await server.api('POST', '/artifact/deprecate', { ...place, version: '1.0', message: 'old' });
    expect(await indexOf(name)).toMatchObject({ 'project-status': { status: 'active' } });
    await server.api('POST', '/artifact/deprecate', { ...place, version: '2.0', message: 'use "other"' });
    expect(await indexOf(name)).toMatchObject({
      'project-status': { status: 'deprecated', reason: 'use "other"' },
    });
    expect((await get(`simple/${name}/`)).text).toContain(
      '<meta name="pypi:project-status-reason" content="use &quot;other&quot;">',
    );
  });

  it('lists all projects that have something', async () => {
    const [one, gone] = [wheel(), wheel()];
    for (const dist of [one, gone]) await accepted(send(dist));
    const place = { project: 'main', repository: 'python', package: gone.name, version: '1.0' };
    await server.api('POST', '/artifact/delete', place);
    const root = jsonOf<{ projects: { name: string }[] }>(await get('simple/', JSON_INDEX));
    const names = root.projects.map(({ name }) => name);
    expect(names).toContain(one.name);
    expect(names).not.toContain(gone.name);
    expect(new Set(names).size).toBe(names.length);
    expect((await get('simple/')).text).toContain(`<a href="${one.name}/">${one.name}</a>`);
  });
});

describe('attestations', () => {
  it('may come later, and are about the file they come with', async () => {
    const dist = wheel({ name: `d-${fresh()}` });
    await accepted(send(dist));
    const path = `files/${dist.name}/1.0/${dist.filename}.provenance`;
    expect((await get(path)).status).toBe(404);
    await refused(
      send(dist, { attestations: JSON.stringify([attestationOf(wheel())]) }),
      400,
      /another file/,
    );
    await refused(send(dist, { attestations: '[{}]' }), 400, /PEP 740/);
    await refused(send(dist, { attestations: '[' }), 400, /cannot be read/);
    await refused(send(dist, { attestations: '['.repeat(10_000) }), 400, /nested/);
    await accepted(send(dist, { attestations: JSON.stringify([attestationOf(dist)]) }));
    const provenance = await get(path);
    expect(provenance.headers.get('content-type')).toBe('application/vnd.pypi.integrity.v1+json');
    expect(jsonOf(provenance)).toMatchObject({
      version: 1,
      attestation_bundles: [{ attestations: [attestationOf(dist)] }],
    });
  });
});

describe('uploads at the same time', () => {
  it('of one new version all get in, and the same file twice is one', async () => {
    const name = fresh();
    const builds = Array.from({ length: 8 }, (_, index) =>
      makeWheel({
        name,
        version: '1.0',
        value: `${index}`,
        filename: `${name}-1.0-${index}-py3-none-any.whl`,
      }),
    );
    await Promise.all([...builds, ...builds].map(dist => accepted(send(dist))));
    expect((await indexOf(name)).files.map(({ filename }) => filename)).toEqual(
      builds.map(({ filename }) => filename),
    );
  });

  it('of two different files under one name exactly one gets in', async () => {
    const [name, contenders] = [fresh(), ['a', 'b', 'c', 'd']];
    const answers = await Promise.all(
      contenders.map(value => send(makeWheel({ name, version: '1.0', value }))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
  });
});
