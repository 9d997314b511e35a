/** What a NuGet repository answers over HTTP; also the requests of the dotnet client, as they are documented. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type Actor, type Answer, actor, adminAt, anonymousAt, jsonOf } from '../../conformance/client.ts';
import { type InProcess, startInProcess } from '../../conformance/server.ts';
import { operation } from '../../support/compatibility.ts';
import { makeFullNupkg, makeNupkg, makeSnupkg, type NupkgOptions, pushForm } from '../../support/nupkgs.ts';

const PLACE = { project: 'main', repository: 'nuget' };
const BASE = '/pkg/main/nuget/nuget';

let server: InProcess;
let admin: Actor;
let token: string;
beforeAll(async () => {
  server = await startInProcess();
  admin = await adminAt(server);
  const asked = { label: 'dotnet' };
  token = (await server.api<{ token: string }>('POST', `/principals/${admin.id}/tokens`, asked)).token;
});
afterAll(() => server?.stop());

const fresh = () => `Acme.Lib${randomBytes(4).toString('hex')}`;
const put = (path: string, bytes: Uint8Array, by = admin) =>
  by.ask('PUT', `${BASE}/${path}`, pushForm(bytes));
const get = (path: string) => admin.ask('GET', `${BASE}/${path}`);
async function published(options: NupkgOptions): Promise<void> {
  const { status, text } = await put('package/', makeNupkg(options).bytes);
  expect([status, text]).toEqual([201, '']);
}
async function refused(answer: Promise<Answer>, status: number, message: RegExp): Promise<Answer> {
  const got = await answer;
  expect([got.status, got.text]).toEqual([status, expect.stringMatching(message)]);
  return got;
}
const nameOf = (id: string, version: string) => ({ ...PLACE, package: id.toLowerCase(), version });
const hold = (id: string, version: string, more: object = {}) =>
  admin.api('POST', '/holds', { ...nameOf(id, version), reason: 'malware', ...more });

interface Entry {
  readonly version: string;
  readonly listed: boolean;
  readonly deprecation?: { readonly message: string };
  readonly dependencyGroups: readonly object[];
}
async function entries(id: string, hive = 'registration-semver2'): Promise<Entry[]> {
  const index = jsonOf<{ items: { items: { catalogEntry: Entry }[] }[] }>(
    await get(`${hive}/${id.toLowerCase()}/index.json`),
  );
  return index.items.flatMap(page => page.items.map(({ catalogEntry }) => catalogEntry));
}
const versionsOf = async (id: string, hive?: string) =>
  (await entries(id, hive)).map(({ version }) => version);
interface Found {
  readonly totalHits: number;
  readonly data: readonly { readonly id: string; readonly version: string }[];
}
const search = async (query: string) => jsonOf<Found>(await get(`query?${query}`));

describe('pushes', () => {
  it('need an API key that is a token, wherever it stands', async () => {
    const nobody = anonymousAt(server.url);
    const { bytes } = makeNupkg({ id: fresh(), version: '1.0.0' });
    const { body, headers } = pushForm(bytes);
    const withKey = (key: string) =>
      nobody.ask('PUT', `${BASE}/package/`, { body, headers: { ...headers, 'x-nuget-apikey': key } });
    const without = await refused(nobody.ask('PUT', `${BASE}/package/`, { body, headers }), 401, /Log in/);
    expect(without.headers.get('www-authenticate')).toMatch(/^Basic /);
    await refused(withKey('wrong'), 401, /token is wrong/);
    expect((await withKey(token)).status).toBe(201);
    // credentials beside a key that is there only because clients ask for one
    const both = { ...headers, 'x-nuget-apikey': 'anything' };
    expect((await admin.ask('PUT', `${BASE}/package/`, { body, headers: both })).status).toBe(200);
  });

  it('say by their .nuspec what they are; ids are the same whatever their case', async () => {
    const id = fresh();
    await published({ id, version: '1.0' });
    const other = makeNupkg({ id: id.toUpperCase(), version: '1.0.0.0+build', description: 'another' });
    await refused(put('package/', other.bytes), 409, /exists already with other content/);
    await published({ id: id.toUpperCase(), version: '2.0.0' });
    expect(await versionsOf(id)).toEqual(['1.0.0', '2.0.0']);
    expect((await search(`q=${id}`)).data).toMatchObject([{ id: id.toUpperCase(), version: '2.0.0' }]);
  });

  it('are refused for what is no package, and for forms that are none', async () => {
    await refused(put('package/', Buffer.from('no archive')), 400, /package is not valid/);
    await refused(put('package/', makeSnupkg({ id: fresh(), version: '1.0.0' })), 400, /symbols/);
    await refused(put('package/', makeNupkg({ id: 'e vil', version: '1.0.0' }).bytes), 400, /an id has/);
    await refused(put('package/', makeNupkg({ id: fresh(), version: 'one' }).bytes), 400, /version/);
    await refused(admin.ask('PUT', `${BASE}/package/`, { body: 'plain' }), 400, /multipart/);
    await refused(admin.ask('POST', `${BASE}/package/`, { body: 'plain' }), 405, /PUT/);
  });

  it('of symbols follow the package, and are held apart from it', async () => {
    const id = fresh();
    const of = { id, version: '1.0.0' };
    await refused(put('symbols/', makeSnupkg(of)), 404, /before its symbols/);
    await published(of);
    expect((await put('symbols/', makeSnupkg(of))).status).toBe(201);
    await refused(put('symbols/', makeNupkg(of).bytes), 400, /no symbols package/);
    const name = id.toLowerCase();
    const at = `flatcontainer/${name}/1.0.0/${name}.1.0.0`;
    const status = async () => [(await get(`${at}.nupkg`)).status, (await get(`${at}.snupkg`)).status];
    expect(await status()).toEqual([200, 200]);
    const { id: symbolsHeld } = jsonOf<{ id: string }>(
      await hold(id, '1.0.0', { file: `${name}.1.0.0.snupkg` }),
    );
    expect(await status()).toEqual([200, 403]);
    expect(await versionsOf(id)).toEqual(['1.0.0']);
    await admin.api('POST', `/holds/${symbolsHeld}/release`, nameOf(id, '1.0.0'));
    await hold(id, '1.0.0', { file: `${name}.1.0.0.nupkg` });
    expect(await status()).toEqual([403, 200]);
    await refused(get(`registration/${name}/index.json`), 403, /malware/);
  });
});

describe('indexes', () => {
  it('leave out what is held; what is asked for by name says why, in the header that clients print', async () => {
    const id = fresh();
    for (const version of ['1.0.0', '1.1.0']) await published({ id, version });
    await hold(id, '1.1.0');
    const name = id.toLowerCase();
    expect(await versionsOf(id)).toEqual(['1.0.0']);
    expect(jsonOf(await get(`flatcontainer/${name}/index.json`))).toEqual({ versions: ['1.0.0'] });
    expect((await search(`q=${id}`)).data).toMatchObject([{ version: '1.0.0' }]);
    expect(jsonOf(await get(`autocomplete?id=${id}`))).toEqual({ data: ['1.0.0'] });
    for (const file of [`${name}.1.1.0.nupkg`, `${name}.nuspec`]) {
      const answer = await refused(get(`flatcontainer/${name}/1.1.0/${file}`), 403, /on hold: malware/);
      expect(answer.headers.get('x-nuget-warning')).toBe('This artifact is on hold: malware');
    }
  });

  it('warn of what is held, for clients that find a version missing there and nowhere else', async () => {
    const id = fresh();
    const name = id.toLowerCase();
    for (const version of ['1.0.0', '1.1.0', '1.2.0', '2.0.0']) await published({ id, version });
    const warned = async (path: string) => (await get(path)).headers.get('x-nuget-warning');
    const both = async () => [
      await warned(`registration-semver2/${name}/index.json`),
      await warned(`flatcontainer/${name}/index.json`),
    ];
    expect(await both()).toEqual([null, null]);
    await hold(id, '1.1.0');
    // restoring is not to be told of each old version again and again
    expect(await both()).toEqual([`${id} 1.1.0 is on hold: malware`, null]);
    await hold(id, '2.0.0', { reason: 'bad\r\nx: y' });
    expect(await both()).toEqual([
      `${id} 2.0.0 is on hold: bad x: y; ${id} 1.1.0 is on hold: malware`,
      `${id} 2.0.0 is on hold: bad x: y`,
    ]);
    await hold(id, '1.2.0');
    await hold(id, '1.0.0');
    await published({ id, version: '0.9.0' });
    expect((await both())[0]).toMatch(/2\.0\.0.*1\.2\.0.*1\.1\.0.*; and 1 more$/);
    expect(await warned(`registration-semver2/${name}/page/0.9.0/2.0.0.json`)).toBeNull();
  });

  it('spare clients from before SemVer 2.0.0 what they cannot read', async () => {
    const id = fresh();
    const on = '<dependencies><dependency id="A" version="[1.0.0-beta.1,)" /></dependencies>';
    await published({ id, version: '1.0.0' });
    await published({ id, version: '1.1.0-beta.1' });
    await published({ id, version: '1.2.0+build', description: 'built' });
    await published({ id, version: '1.3.0', metadata: on });
    expect(await versionsOf(id)).toEqual(['1.0.0', '1.1.0-beta.1', '1.2.0+build', '1.3.0']);
    expect(await versionsOf(id, 'registration')).toEqual(['1.0.0']);
    expect((await search(`q=${id}`)).data).toMatchObject([{ version: '1.0.0' }]);
    expect((await search(`q=${id}&semVerLevel=2.0.0`)).data).toMatchObject([{ version: '1.3.0' }]);
    expect(jsonOf(await get(`autocomplete?id=${id}&semVerLevel=2.0.0&prerelease=true`))).toEqual({
      data: ['1.0.0', '1.1.0-beta.1', '1.2.0+build', '1.3.0'],
    });
  });

  it('find by id, description and tags, in pages; the id that was named comes first', async () => {
    const word = `w${randomBytes(5).toString('hex')}`;
    const ids = ['A', 'B', 'C'].map(letter => `${letter}.${word}`);
    for (const id of ids) await published({ id, version: '1.0.0' });
    await published({ id: fresh(), version: '1.0.0', description: `Uses ${word}` });
    const tool = '<packageTypes><packageType name="DotnetTool" /></packageTypes>';
    await published({ id: word, version: '1.0.0-rc', metadata: `<tags>x ${word}</tags>${tool}` });
    const all = await search(`q=${word}&prerelease=true`);
    expect([all.totalHits, all.data[0]?.id, all.data.length]).toEqual([5, word, 5]);
    expect((await search(`q=${word}`)).totalHits).toBe(4);
    const page = await search(`q=${word}&skip=1&take=2`);
    expect([page.totalHits, page.data.map(({ id }) => id)]).toEqual([
      4,
      all.data.slice(2, 4).map(({ id }) => id),
    ]);
    expect((await search(`q=${word}&take=0`)).data).toEqual([]);
    expect((await search(`q=${word}&prerelease=true&packageType=dotnettool`)).data).toMatchObject([
      { id: word },
    ]);
    const completed = jsonOf<{ data: string[] }>(await get(`autocomplete?q=${word}`));
    expect(completed.data).toEqual(ids);
    await refused(get('query?skip=-1'), 400, /skip is not a number/);
  });

  it('find by fields and quotes, as people search elsewhere', async () => {
    const word = `w${randomBytes(5).toString('hex')}`;
    const [id, longer] = [`Acme.${word}`, `Acme.${word}.More`];
    await published({ id, version: '1.0.0' });
    await published({ id: longer, version: '1.0.0', metadata: `<tags>tag${word}</tags>` });
    await published({ id: fresh(), version: '1.0.0', description: `Uses ${id}` });
    const found = async (query: string) =>
      (await search(`q=${encodeURIComponent(query)}`)).data.map(one => one.id);
    expect(await found(`packageid:${id.toUpperCase()}`)).toEqual([id]);
    expect(await found(`PackageId:"${id}"`)).toEqual([id]);
    expect(await found(`packageid:${word}`)).toEqual([]);
    expect(await found(`id:${word}`)).toEqual([id, longer]);
    expect(await found(`id:"${word}" more`)).toEqual([longer]);
    expect(await found(`tags:tag${word}`)).toEqual([longer]);
    expect(await found(`"${longer}"`)).toEqual([longer]);
    expect(await found(`packageid:${id} id:nothing`)).toEqual([]);
    const total = (await search(`q=packageid:${id}&take=0`)).totalHits;
    expect(total).toBe(1);
  });

  it('are unchanged for who asks again, and compressed', async () => {
    const id = fresh();
    await published({ id, version: '1.0.0' });
    const path = `${BASE}/registration-semver2/${id.toLowerCase()}/index.json`;
    const etag = (await admin.ask('GET', path)).headers.get('etag') ?? '';
    expect((await admin.ask('GET', path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    await published({ id, version: '1.0.1' });
    expect((await admin.ask('GET', path, { headers: { 'if-none-match': etag } })).status).toBe(200);
  });

  it('bind an id in every spelling when it is held everywhere, also in other repositories and what comes later', async () => {
    await server.api('POST', '/projects/main/repositories', { name: 'second', format: 'nuget' });
    const id = fresh();
    const elsewhere = BASE.replace('/nuget/', '/second/');
    const name = id.toLowerCase();
    const status = async () =>
      (await admin.ask('GET', `${elsewhere}/flatcontainer/${name}/1.0.0-rc/${name}.1.0.0-rc.nupkg`)).status;
    await published({ id, version: '1.0.0-RC' });
    const held = jsonOf<{ id: string }>(await hold(id, '1.0.0-rc', { everywhere: true }));
    const other = makeNupkg({ id: id.toUpperCase(), version: '1.0.0-rc', description: 'other bytes' });
    const pushed = await admin.ask('PUT', `${elsewhere}/package/`, pushForm(other.bytes));
    expect(pushed.status).toBe(201);
    expect(await status()).toBe(403);
    expect((await admin.ask('GET', `${elsewhere}/flatcontainer/${name}/index.json`)).status).toBe(403);
    const released = await admin.api('POST', `/holds/${held.id}/release`, {});
    expect([released.status, await status()]).toEqual([200, 200]);
  });

  it('say what is deprecated', async () => {
    const id = fresh();
    await published({ id, version: '1.0.0' });
    await admin.api('POST', '/artifact/deprecate', { ...nameOf(id, '1.0.0'), message: 'use another' });
    expect((await entries(id))[0]?.deprecation).toEqual({ reasons: ['Other'], message: 'use another' });
  });
});

describe('the dotnet client, replayed', () => {
  const replayed = (done: string) => ({
    ...{ format: 'nuget', operation: done },
    ...{ client: 'dotnet-requests-replayed', version: '8' },
  });
  /** What every request of it says of itself. */
  const CLIENT = {
    'user-agent': 'NuGet .NET Core MSBuild Task/6.8.0 (Linux)',
    'x-nuget-session-id': '0f8fad5b-d9cb-469f-a165-70867728950e',
    'x-nuget-client-version': '6.8.0',
    'accept-encoding': 'gzip, deflate',
  };
  const dotnet = (): Actor => actor(server.url, { name: 'dotnet', id: admin.id });
  const resource = async (type: string) => {
    const { resources } = jsonOf<{ resources: { '@id': string; '@type': string }[] }>(
      await get('index.json'),
    );
    const found = resources.find(one => one['@type'] === type)?.['@id'] ?? '';
    return found.slice(server.url.length);
  };

  test('every resource that the service index names answers as its documentation says', async ({ task }) => {
    const id = fresh();
    const name = id.toLowerCase();
    await put('package/', makeFullNupkg({ id, version: '1.0.0' }).bytes);
    const { version, resources } = jsonOf<{
      version: string;
      resources: { '@id': string; '@type': string }[];
    }>(
      await dotnet().ask('GET', `${BASE}/index.json`, {
        headers: { ...CLIENT, authorization: admin.authorization ?? '' },
      }),
    );
    expect(version).toBe('3.0.0');
    const asked: Record<string, [string, string, number]> = {
      PackageBaseAddress: ['GET', `${name}/index.json`, 200],
      RegistrationsBaseUrl: ['GET', `${name}/index.json`, 200],
      SearchQueryService: ['GET', `?q=${name}&skip=0&take=20&prerelease=true&semVerLevel=2.0.0`, 200],
      SearchAutocompleteService: ['GET', `?id=${name}&prerelease=true&semVerLevel=2.0.0`, 200],
      PackagePublish: ['DELETE', `/${id}/1.0.0`, 204],
      SymbolPackagePublish: ['PUT', '', 400],
      ReadmeUriTemplate: ['GET', '', 200],
    };
    for (const { '@id': url, '@type': type } of resources) {
      const [method, more, status] = asked[type.split('/')[0] ?? ''] ?? ['GET', '', 0];
      const path = url
        .replace('{lower_id}', name)
        .replace('{lower_version}', '1.0.0')
        .slice(server.url.length);
      const answer = await admin.ask(method, `${path}${more}`, { headers: CLIENT });
      expect([type, answer.status]).toEqual([type, status]);
    }
    operation(task, replayed('every resource of the service index'));
  });

  test('nuget push, delete', async ({ task }) => {
    const id = fresh();
    const key = { ...CLIENT, 'x-nuget-apikey': token, 'x-nuget-protocol-version': '4.1.0' };
    const { body, headers } = pushForm(makeFullNupkg({ id, version: '1.0.0' }).bytes);
    const address = await resource('PackagePublish/2.0.0');
    const pushed = await dotnet().ask('PUT', `${address}/`, { body, headers: { ...headers, ...key } });
    expect([pushed.status, pushed.text]).toEqual([201, '']);
    const symbols = pushForm(makeSnupkg({ id, version: '1.0.0' }));
    const beside = await resource('SymbolPackagePublish/4.9.0');
    const sent = await dotnet().ask('PUT', `${beside}/`, {
      ...symbols,
      headers: { ...symbols.headers, ...key },
    });
    expect(sent.status).toBe(201);
    expect((await dotnet().ask('DELETE', `${address}/${id}/1.0.0`, { headers: key })).status).toBe(204);
    expect((await entries(id)).map(({ listed }) => listed)).toEqual([false]);
    expect((await search(`q=${id}`)).data).toEqual([]);
    expect((await dotnet().ask('POST', `${address}/${id}/1.0.0`, { headers: key })).status).toBe(200);
    expect((await entries(id)).map(({ listed }) => listed)).toEqual([true]);
    expect((await search(`q=${id}`)).data).toMatchObject([{ id, version: '1.0.0' }]);
    operation(task, replayed('push, with symbols'), replayed('delete (unlist) and relist'));
  });

  test('restore: versions, then the package', async ({ task }) => {
    const id = fresh();
    await published({ id, version: '1.0.0-Beta' });
    const flat = await resource('PackageBaseAddress/3.0.0');
    const mine = { headers: { ...CLIENT, authorization: admin.authorization ?? '' } };
    const name = id.toLowerCase();
    const listed = await dotnet().ask('GET', `${flat}${name}/index.json`, mine);
    expect(jsonOf(listed)).toEqual({ versions: ['1.0.0-beta'] });
    const path = `${flat}${name}/1.0.0-beta/${name}.1.0.0-beta.nupkg`;
    const { bytes } = makeNupkg({ id, version: '1.0.0-Beta' });
    expect((await dotnet().ask('GET', path, mine)).body.equals(bytes)).toBe(true);
    expect((await dotnet().ask('GET', `${flat}absent.package/index.json`, mine)).status).toBe(404);
    operation(task, replayed('restore'));
  });

  test('list package --outdated, package search, and the readme that IDEs show', async ({ task }) => {
    const id = fresh();
    const dependencies =
      '<dependencies><group targetFramework="net8.0"><dependency id="B" version="[1.0,2.0)" /></group></dependencies>';
    await put('package/', makeFullNupkg({ id, version: '1.0.0', metadata: dependencies }).bytes);
    const hive = await resource('RegistrationsBaseUrl/3.6.0');
    const index = jsonOf(
      await admin.ask('GET', `${hive}${id.toLowerCase()}/index.json`, { headers: CLIENT }),
    );
    expect(index).toMatchObject({ count: 1, items: [{ count: 1, lower: '1.0.0', upper: '1.0.0' }] });
    expect((await entries(id))[0]?.dependencyGroups).toMatchObject([
      { targetFramework: 'net8.0', dependencies: [{ id: 'B', range: '[1.0,2.0)' }] },
    ]);
    const query = await resource('SearchQueryService/3.5.0');
    const found = await admin.ask('GET', `${query}?q=${id}&skip=0&take=20&prerelease=true&semVerLevel=2.0.0`);
    expect(jsonOf<Found>(found)).toMatchObject({ totalHits: 1, data: [{ id, version: '1.0.0' }] });
    const template = await resource('ReadmeUriTemplate/6.13.0');
    const readme = template.replace('{lower_id}', id.toLowerCase()).replace('{lower_version}', '1.0.0');
    expect((await admin.ask('GET', readme)).text).toContain(`# ${id}`);
    operation(task, replayed('list package --outdated'), replayed('package search'), replayed('readme'));
  });
});
