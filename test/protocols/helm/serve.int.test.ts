/** What clients of chart repositories are answered where helm's own tests do not look: pages, conditions, replacing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, castAt, jsonOf } from '../../conformance/client.ts';
import { chartForm } from '../../conformance/helm-fixture.ts';
import { type InProcess, startInProcess } from '../../conformance/server.ts';
import { type ChartParts, fakeProvenance, makeChart } from '../../support/charts.ts';

let server: InProcess;
let [admin, pusher, viewer, nobody] = [] as unknown as [Actor, Actor, Actor, Actor];
let count = 0;

beforeAll(async () => {
  server = await startInProcess();
  [admin, pusher, viewer, nobody] = await castAt(server);
});
afterAll(() => server?.stop());

async function repository(settings?: object) {
  const name = `charts${++count}`;
  await server.api('POST', '/projects/main/repositories', { name, format: 'helm' });
  if (settings) await server.api('PATCH', `/projects/main/repositories/${name}`, settings);
  const base = `/pkg/main/${name}/helm`;
  return {
    place: { project: 'main', repository: name },
    base,
    get: (path: string, headers: Record<string, string> = {}) =>
      viewer.ask('GET', `${base}/${path}`, { headers }),
    push: (parts: ChartParts, query = '') =>
      pusher.ask('POST', `${base}/api/charts${query}`, { body: makeChart(parts) }),
  };
}

interface Index {
  readonly entries: Readonly<Record<string, { version: string; digest: string }[]>>;
  readonly generated: string;
}
const offered = ({ entries }: Index) =>
  Object.fromEntries(Object.entries(entries).map(([name, all]) => [name, all.map(one => one.version)]));

describe('an index', () => {
  it('is there for an empty repository, too', async () => {
    const { get } = await repository();
    const answer = await get('index.yaml');
    expect(answer.headers.get('content-type')).toBe('application/x-yaml');
    expect(jsonOf(answer)).toMatchObject({ apiVersion: 'v1', entries: {} });
  });

  it('changes with what can be had, and only then', async () => {
    const { get, push, place } = await repository();
    for (const version of ['1.0.0', '1.1.0']) await push({ name: 'app', version });
    await push({ name: 'other', version: '0.1.0' });
    const first = await get('index.yaml');
    expect(offered(jsonOf<Index>(first))).toEqual({ app: ['1.1.0', '1.0.0'], other: ['0.1.0'] });
    const etag = first.headers.get('etag') ?? '';
    expect((await get('index.yaml', { 'if-none-match': etag })).status).toBe(304);
    const version = { ...place, package: 'app', version: '1.1.0' };
    await admin.api('POST', '/artifact/yank', { ...version, reason: 'broken' });
    const yanked = await get('index.yaml', { 'if-none-match': etag });
    expect(offered(jsonOf<Index>(yanked))).toEqual({ app: ['1.0.0'], other: ['0.1.0'] });
    expect((await get('charts/app-1.1.0.tgz')).status).toBe(200);
    await pusher.api('POST', '/artifact/delete', { ...place, package: 'other', version: '0.1.0' });
    expect(offered(jsonOf<Index>(await get('index.yaml')))).toEqual({ app: ['1.0.0'] });
  });

  it('has nothing in it that YAML would read otherwise', async () => {
    const { get, push } = await repository();
    const description = '"\\u0085\\u2028 \\u007f: {a} # \\t"';
    const answer = await push({ name: 'odd', version: '1.0.0', more: `description: ${description}\n` });
    expect(answer.status, answer.text).toBe(201);
    const { text } = await get('index.yaml');
    expect(text).not.toMatch(/[\u007f-\u009f\u2028\u2029]/);
    expect(JSON.parse(text).entries.odd[0].description).toBe(JSON.parse(description));
  });
});

describe("ChartMuseum's API", () => {
  it('pages through charts', async () => {
    const { get, push } = await repository();
    for (const name of ['a', 'b', 'c', 'd']) await push({ name, version: '1.0.0' });
    const names = async (query: string) => Object.keys(jsonOf(await get(`api/charts${query}`)));
    expect(await names('')).toEqual(['a', 'b', 'c', 'd']);
    expect(await names('?limit=2')).toEqual(['a', 'b']);
    expect(await names('?offset=1&limit=2')).toEqual(['b', 'c']);
    expect(await names('?offset=3')).toEqual(['d']);
    expect(await names('?offset=9&limit=9')).toEqual([]);
    for (const query of ['?offset=-1', '?limit=x', '?limit=1&limit=2'])
      expect((await get(`api/charts${query}`)).status, query).toBe(400);
  });

  it('shows a chart, a version, and the latest release', async () => {
    const { get, push } = await repository();
    for (const version of ['1.0.0', '1.2.0', '2.0.0-rc.1']) await push({ name: 'app', version });
    expect(jsonOf<{ version: string }[]>(await get('api/charts/app')).map(one => one.version)).toEqual([
      '2.0.0-rc.1',
      '1.2.0',
      '1.0.0',
    ]);
    expect(jsonOf(await get('api/charts/app/latest'))).toMatchObject({
      version: '1.2.0',
      urls: ['charts/app-1.2.0.tgz'],
    });
    expect(jsonOf(await get('api/charts/app/9.9.9'))).toEqual({ error: expect.stringContaining('no such') });
    expect((await get('api/charts/none/latest')).status).toBe(404);
  });

  it('answers HEAD as GET, without a body', async () => {
    const { base, push, get } = await repository();
    await push({ name: 'app', version: '1.0.0' });
    for (const path of ['index.yaml', 'api/charts/app', 'charts/app-1.0.0.tgz', 'health']) {
      const [got, head] = [await get(path), await viewer.ask('HEAD', `${base}/${path}`)];
      expect([head.status, head.text, head.headers.get('content-length')], path).toEqual([
        200,
        '',
        got.headers.get('content-length'),
      ]);
    }
  });

  it('says that it is well to anybody, about any repository', async () => {
    for (const repository_ of ['helm', 'none']) {
      const answer = await nobody.ask('GET', `/pkg/main/${repository_}/helm/health`);
      expect(jsonOf(answer)).toEqual({ healthy: true });
    }
  });

  it('refuses methods that a resource has not, and parts that a form has not', async () => {
    const { base } = await repository();
    for (const [method, path] of [
      ['PUT', 'api/charts'],
      ['POST', 'index.yaml'],
      ['DELETE', 'api/charts/app'],
      ['GET', 'api/prov'],
      ['POST', 'health'],
    ] as const)
      expect((await admin.ask(method, `${base}/${path}`)).status, `${method} ${path}`).toBe(405);
    const chart = makeChart({ name: 'app', version: '1.0.0' });
    const form = chartForm({ archive: chart });
    expect((await pusher.ask('POST', `${base}/api/charts`, form)).status).toBe(400);
  });
});

describe('what stands under a name', () => {
  it('cannot be there in two spellings of a version', async () => {
    const { push } = await repository();
    await push({ name: 'app', version: 'v1.0.0' });
    const refused = await push({ name: 'app', version: '1.0.0' });
    expect([refused.status, refused.text]).toEqual([409, expect.stringContaining('as v1.0.0')]);
  });

  it('is replaced by force where the repository allows it, and loses the signature of what it was', async () => {
    const { base, get, push } = await repository({ immutableVersions: false });
    const named = { name: 'app', version: '1.0.0' };
    const chart = makeChart(named);
    const prov = fakeProvenance(named, chart);
    await pusher.ask('POST', `${base}/api/charts`, chartForm({ chart, prov }));
    expect((await get('charts/app-1.0.0.tgz.prov')).status).toBe(200);
    expect((await push({ ...named, text: 'new' })).status).toBe(409);
    expect((await push({ ...named, text: 'new', more: 'description: New\n' }, '?force')).status).toBe(201);
    expect(jsonOf(await get('api/charts/app/1.0.0'))).toMatchObject({ description: 'New' });
    expect((await get('charts/app-1.0.0.tgz.prov')).status).toBe(404);
    const late = await pusher.ask('POST', `${base}/api/prov`, { body: prov });
    expect([late.status, late.text]).toEqual([400, expect.stringContaining('not of this')]);
  });

  it('is not replaced by force where it does not', async () => {
    const { push } = await repository();
    await push({ name: 'app', version: '1.0.0' });
    expect((await push({ name: 'app', version: '1.0.0', text: 'new' }, '?force')).status).toBe(409);
  });

  it('takes a provenance file from who may push only, and for a chart that is there', async () => {
    const { base, push } = await repository();
    const named = { name: 'app', version: '1.0.0' };
    const prov = fakeProvenance(named, makeChart(named));
    const send = (actor: Actor) => actor.ask('POST', `${base}/api/prov`, { body: prov });
    expect((await send(pusher)).status).toBe(404);
    await push(named);
    expect((await send(viewer)).status).toBe(403);
    expect((await send(nobody)).status).toBe(401);
    for (let again = 0; again < 2; again++) expect((await send(pusher)).status).toBe(201);
  });
});
