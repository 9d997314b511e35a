/**
 * Nothing is served, by any route, that a hold or a policy forbids. Every route that can give out content or metadata
 * of artifacts has a way here to be asked for a given artifact; a route without one fails.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemCaller } from '../../src/application/caller.ts';
import { metadata } from '../../src/application/handle.ts';
import { INSTANCE } from '../../src/application/rights.ts';
import { policy } from '../../src/domain/policy/policy.ts';
import { ROUTES } from '../../src/http/api/routes/index.ts';
import { sha256 as policyDigest } from '../../src/policies/canonical.ts';
import { PROTOCOLS } from '../../src/protocols/index.ts';
import { type Actor, type Answer, adminAt, jsonOf, person } from './client.ts';
import type { Place } from './fixture.ts';
import {
  base,
  image,
  index,
  layerOf,
  type Manifest,
  pushBlob,
  pushImage,
  putManifest,
  sha512,
} from './oci-images.ts';
import { type InProcess, startInProcess } from './server.ts';

/** An image in the way a client would name it. */
interface Wanted {
  readonly place: Place;
  readonly name: string;
  readonly tag: string;
  readonly manifest: Manifest;
  /** another repository in which the asker may push */
  readonly elsewhere: Place;
}

interface Scene {
  readonly server: InProcess;
  readonly admin: Actor;
  readonly viewer: Actor;
  readonly pusher: Actor;
}

/** Asks a route for the image, in every way it can be asked; only the viewer's rights, but for what takes more. */
type Asker = (scene: Scene, wanted: Wanted) => Promise<readonly Answer[]>;

const each =
  (paths: readonly string[], method: string): Asker =>
  ({ viewer }) =>
    Promise.all(paths.map(path => viewer.ask(method, path)));

const manifests =
  (method: string): Asker =>
  (scene, { place, name, tag, manifest }) => {
    const references = [tag, manifest.digest, sha512(manifest.bytes)];
    return each(
      references.map(reference => `${base(place, name)}/manifests/${reference}`),
      method,
    )(scene, {} as Wanted);
  };
const blobs =
  (method: string): Asker =>
  (scene, { place, name, manifest }) => {
    const parts = [manifest, ...manifest.blobs].flatMap(({ digest, bytes }) => [digest, sha512(bytes)]);
    return each(
      parts.map(digest => `${base(place, name)}/blobs/${digest}`),
      method,
    )(scene, {} as Wanted);
  };
const at =
  (path: (wanted: Wanted) => string, method = 'GET'): Asker =>
  (scene, wanted) =>
    each([path(wanted)], method)(scene, wanted);

const named = ({ place, name }: Wanted) =>
  `project=${place.project}&repository=${place.repository}&package=${encodeURIComponent(name)}`;
const repositoryOf = ({ place }: Wanted) =>
  `/api/v1/projects/${place.project}/repositories/${place.repository}`;

const ASKERS: Readonly<Record<string, Asker>> = {
  'GET /v2/_catalog': at(() => '/v2/_catalog'),
  'HEAD /v2/_catalog': at(() => '/v2/_catalog', 'HEAD'),
  'GET /v2/{name}/tags/list': at(({ place, name }) => `${base(place, name)}/tags/list`),
  'HEAD /v2/{name}/tags/list': at(({ place, name }) => `${base(place, name)}/tags/list`, 'HEAD'),
  'GET /v2/{name}/manifests/{reference}': manifests('GET'),
  'HEAD /v2/{name}/manifests/{reference}': manifests('HEAD'),
  'GET /v2/{name}/blobs/{digest}': blobs('GET'),
  'HEAD /v2/{name}/blobs/{digest}': blobs('HEAD'),
  'POST /v2/{name}/blobs/uploads/': mounts,
  'GET /v2/{name}/referrers/{digest}': at(
    ({ place, name, manifest }) => `${base(place, name)}/referrers/${manifest.digest}`,
  ),
  'HEAD /v2/{name}/referrers/{digest}': at(
    ({ place, name, manifest }) => `${base(place, name)}/referrers/${manifest.digest}`,
    'HEAD',
  ),
  'GET /api/v1/projects/:project/repositories/:repository/packages': at(
    wanted => `${repositoryOf(wanted)}/packages`,
  ),
  'GET /api/v1/projects/:project/repositories/:repository/versions': at(
    wanted => `${repositoryOf(wanted)}/versions?package=${encodeURIComponent(wanted.name)}`,
  ),
  'GET /api/v1/artifact': at(wanted => `/api/v1/artifact?${named(wanted)}&version=${wanted.manifest.digest}`),
  'GET /api/v1/artifact/description': at(
    wanted => `/api/v1/artifact/description?${named(wanted)}&version=${wanted.manifest.digest}`,
  ),
  'GET /api/v1/search': at(wanted => `/api/v1/search?q=${encodeURIComponent(wanted.name)}`),
  'GET /api/v1/history': at(wanted => `/api/v1/history?${named(wanted)}`),
};

/** Takes every part of it into another repository by mounting, then asks for it there. */
async function mounts(
  { pusher }: Scene,
  { place, name, manifest, elsewhere }: Wanted,
): Promise<readonly Answer[]> {
  const from = encodeURIComponent(`${place.project}/${place.repository}/${name}`);
  const answers: Answer[] = [];
  for (const { digest, bytes } of [manifest, ...manifest.blobs])
    for (const mount of [digest, sha512(bytes)])
      answers.push(
        await pusher.ask('POST', `${base(elsewhere, 'copy')}/blobs/uploads/?mount=${mount}&from=${from}`),
      );
  return answers;
}

const serving = [
  // packages have a matrix of their own
  ...PROTOCOLS.filter(({ format }) => format === 'oci')
    .flatMap(({ routes }) => routes)
    .filter(({ serves }) => serves)
    .map(({ method, pattern }) => `${method} ${pattern}`),
  ...ROUTES.filter(({ serves }) => serves).map(({ method, path }) => `${method} /api/v1${path}`),
];

/** What a manifest says of itself: what a list may not name either. */
const marks = ({ tag, manifest }: Wanted) => [
  tag,
  ...[manifest, ...manifest.blobs].map(({ digest }) => digest),
];

/** The management API tells who may pull here that something is held; content it never gives out. */
function expectNothing(route: string, answers: readonly Answer[], wanted: Wanted): void {
  expect(answers.length, route).toBeGreaterThan(0);
  const contents = [wanted.manifest, ...wanted.manifest.blobs].map(({ bytes }) => bytes);
  for (const answer of answers) {
    for (const bytes of contents)
      expect(answer.body.includes(bytes), `${route} gives out content`).toBe(false);
    if (/\/(manifests|blobs|referrers)\/\{/.test(route))
      expect([403, 404], `${route} ${answer.text}`).toContain(answer.status);
    if (route.startsWith('POST')) expect([route, answer.status]).toEqual([route, 202]);
    if (/^(GET|HEAD) .*(_catalog|tags\/list)$/.test(route))
      for (const mark of marks(wanted))
        expect(answer.text, `${route} names what is forbidden`).not.toContain(mark);
  }
}

async function expectForbidden(scene: Scene, wanted: Wanted, routes = serving): Promise<void> {
  for (const route of routes) expectNothing(route, (await ASKERS[route]?.(scene, wanted)) ?? [], wanted);
}

/** Everything is there when nothing forbids it: else the refusals above would prove nothing. */
async function expectAvailable(scene: Scene, wanted: Wanted): Promise<void> {
  for (const method of ['GET', 'HEAD']) {
    const answers = await ASKERS[`${method} /v2/{name}/manifests/{reference}`]?.(scene, wanted);
    expect(answers?.slice(0, 2).map(({ status }) => status)).toEqual([200, 200]);
    for (const { digest } of wanted.manifest.blobs) {
      const answer = await scene.viewer.ask(method, `${base(wanted.place, wanted.name)}/blobs/${digest}`);
      expect([method, answer.status]).toEqual([method, 200]);
    }
  }
}

let scene: Scene;
beforeAll(async () => {
  const server = await startInProcess();
  await server.api('POST', '/projects', { name: 'matrix' });
  const pusher = await person(server, 'pusher', [{ role: 'contributor', project: 'matrix' }]);
  const viewer = await person(server, 'viewer', [{ role: 'viewer', project: 'matrix' }]);
  scene = { server, admin: await adminAt(server), pusher, viewer };
});
afterAll(() => scene?.server.stop());

async function repository(): Promise<Place> {
  const name = `r${randomBytes(5).toString('hex')}`;
  await scene.server.api('POST', '/projects/matrix/repositories', { name, format: 'oci' });
  return { project: 'matrix', repository: name };
}

/** Pushes an image of its own to a repository of its own. */
async function pushed(
  manifest = image(),
  at: { place?: Place; name?: string; tag?: string } = {},
): Promise<Wanted> {
  const place = at.place ?? (await repository());
  const { name = 'app', tag = `tag-${randomBytes(4).toString('hex')}` } = at;
  const answer = await pushImage(scene.pusher, { place, name, reference: tag }, manifest);
  expect(answer.status, answer.text).toBe(201);
  return { place, name, tag, manifest, elsewhere: await repository() };
}

async function hold({ place, name, manifest }: Wanted, everywhere = false): Promise<string> {
  const about = { ...place, package: name, version: manifest.digest, reason: 'not to be served', everywhere };
  return (await scene.server.api<{ id: string }>('POST', '/holds', about)).id;
}

describe('every serving route', () => {
  it('can be asked here', () => {
    expect(serving.length).toBeGreaterThan(10);
    expect(serving.filter(route => !(route in ASKERS))).toEqual([]);
    expect(Object.keys(ASKERS).filter(route => !serving.includes(route))).toEqual([]);
  });

  it('says of a GET what it says of a HEAD', () => {
    const gets = serving.filter(route => route.startsWith('GET /v2/')).map(route => route.slice(4));
    const heads = serving.filter(route => route.startsWith('HEAD /v2/')).map(route => route.slice(5));
    expect(heads).toEqual(gets);
  });
});

describe('a hold on a place', () => {
  for (const route of serving)
    it(`binds ${route}`, async () => {
      const wanted = await pushed();
      await expectAvailable(scene, wanted);
      await hold(wanted);
      await expectForbidden(scene, wanted, [route]);
    });

  it('does not bind the same bytes under another name', async () => {
    const wanted = await pushed();
    const twin = await pushed(wanted.manifest, { place: wanted.place, name: 'twin' });
    await hold(wanted);
    await expectForbidden(
      scene,
      wanted,
      serving.filter(route => !/blobs|POST/.test(route)),
    );
    // its blobs are those of an available image of the repository
    await expectAvailable(scene, twin);
  });
});

describe('a hold everywhere', () => {
  for (const route of serving)
    it(`binds ${route} under every name and in every repository`, async () => {
      const manifest = image();
      const first = await pushed(manifest);
      const twins = [
        await pushed(manifest, { place: first.place, name: 'team/twin' }),
        await pushed(manifest),
        await promoted(first),
      ];
      await hold(first, true);
      for (const wanted of [first, ...twins]) await expectForbidden(scene, wanted, [route]);
    });

  it('binds what is pushed afterwards', async () => {
    const manifest = image();
    await hold(await pushed(manifest), true);
    await expectForbidden(scene, await pushed(manifest));
  });

  it('binds a manifest that was pushed by another digest of the same bytes', async () => {
    const manifest = image();
    const wanted = { ...(await pushed(manifest)) };
    const other = { ...wanted, name: 'by-sha512', place: await repository() };
    const alias = sha512(manifest.bytes);
    const answer = await pushImage(
      scene.pusher,
      { place: other.place, name: other.name, reference: alias },
      manifest,
    );
    expect(answer.status, answer.text).toBe(201);
    expect(
      (await scene.viewer.ask('GET', `${base(other.place, other.name)}/manifests/${alias}`)).status,
    ).toBe(200);
    await hold(wanted, true);
    await expectForbidden(scene, other);
  });
});

async function promoted(wanted: Wanted): Promise<Wanted> {
  const to = await repository();
  const { place, name, manifest, tag } = wanted;
  await scene.server.api('POST', '/promotions', {
    from: { ...place, package: name, version: manifest.digest },
    to,
    tag,
  });
  return { ...wanted, place: to };
}

describe('a policy about pulls', () => {
  it('binds content by every route, and fails closed when it cannot be evaluated', async () => {
    const wanted = await pushed(image(), { name: 'forbidden' });
    const free = await pushed(image(), { place: wanted.place });
    await attach(
      wanted.place,
      new Uint8Array(readFileSync(join(import.meta.dirname, 'fixtures/deny_pull.wasm'))),
    );
    // lists are filtered by holds only: rules about the caller bite at the download
    const lists = /_catalog|tags\/list|referrers/;
    await expectForbidden(
      scene,
      wanted,
      serving.filter(route => !lists.test(route)),
    );
    const refused = await scene.viewer.ask(
      'GET',
      `${base(wanted.place, wanted.name)}/manifests/${wanted.tag}`,
    );
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('nobody pulls this')]);
    await expectAvailable(scene, free);
    await attach(wanted.place, new Uint8Array([0, 97, 115, 109, 9]));
    await expectForbidden(
      scene,
      free,
      serving.filter(route => !lists.test(route)),
    );
  });
});

/** Attaches a compiled set that is not among those that ship, as a later authoring pipeline will. */
async function attach({ project, repository: name }: Place, wasm: Uint8Array): Promise<void> {
  const { core, consistency } = scene.server.system;
  const repositoryId = (await core.queries.repositoryByName(project, name))?.repositoryId ?? '';
  await core.evidence.put(wasm);
  const scope = { kind: 'repository' as const, id: repositoryId };
  const attachment = {
    scope,
    attachmentId: core.newId(),
    set: `test ${wasm.length}`,
    module: policyDigest(wasm),
    level: 'hard' as const,
  };
  const authority = { caller: systemCaller(core.newId()), roles: [], at: INSTANCE, commandId: core.newId() };
  const { position } = await core.streams.execute(
    policy,
    `policy-repository-${repositoryId}`,
    { kind: 'AttachPolicy', ...attachment },
    metadata(core, authority),
  );
  await consistency.wait(position);
}

describe('what belongs together', () => {
  it('a child stands and falls with its index, and so do its blobs', async () => {
    const child = image();
    const place = await repository();
    const name = 'multi';
    await pushImage(scene.pusher, { place, name }, child);
    const parent = index([child]);
    const wanted = await pushed(parent, { place, name });
    const part: Wanted = { ...wanted, manifest: child, tag: 'none' };
    expect(
      (await scene.viewer.ask('GET', `${base(place, name)}/blobs/${child.blobs[0]?.digest}`)).status,
    ).toBe(200);
    const id = await hold(wanted);
    await expectForbidden(scene, wanted);
    await expectForbidden(scene, part);
    await scene.server.api('POST', `/holds/${id}/release`, {});
    expect((await scene.viewer.ask('GET', `${base(place, name)}/manifests/${child.digest}`)).status).toBe(
      200,
    );
  });

  it('what is held gets no other name by which it could be had', async () => {
    const child = image();
    const place = await repository();
    const name = 'multi';
    await pushImage(scene.pusher, { place, name }, child);
    const wanted = await pushed(index([child]), { place, name });
    await hold(wanted);
    const part: Wanted = { ...wanted, manifest: child, tag: 'free' };
    const again = await putManifest(scene.pusher, { place, name, reference: 'free' }, child);
    const other = await putManifest(scene.pusher, { place, name, reference: 'other' }, index([child]));
    const tagged = await scene.pusher.api('POST', '/artifact/tag', {
      ...place,
      package: name,
      version: child.digest,
      newTag: 'free',
    });
    expect([again.status, other.status, tagged.status]).toEqual([403, 403, 403]);
    await expectForbidden(scene, part);
    // deleting the index, or the child and pushing it again, is no way around the hold
    await scene.server.api('POST', '/artifact/delete', {
      ...place,
      package: name,
      version: wanted.manifest.digest,
    });
    await expectForbidden(scene, part);
    await scene.pusher.api('POST', '/artifact/delete', { ...place, package: name, version: child.digest });
    const last = await putManifest(scene.pusher, { place, name, reference: 'last' }, child);
    expect([last.status, last.text]).toEqual([403, expect.stringContaining('not to be served')]);
    // of what is not there, the empty list is the answer that the specification wants
    await expectForbidden(
      scene,
      part,
      serving.filter(route => !route.includes('referrers')),
    );
  });

  it('a blob is served when another available manifest names it', async () => {
    const shared = layerOf();
    const held = await pushed(image({ layers: [shared, layerOf()] }));
    await pushed(image({ layers: [shared] }), { place: held.place, name: 'other' });
    await hold(held);
    const path = (digest: string | undefined) => `${base(held.place, held.name)}/blobs/${digest}`;
    expect((await scene.viewer.ask('GET', path(shared.digest))).body.equals(shared.bytes)).toBe(true);
    expect((await scene.viewer.ask('GET', path(held.manifest.blobs[2]?.digest))).status).toBe(403);
  });

  it('the blobs of what is held stay closed to pushers too, also when it is deleted', async () => {
    const wanted = await pushed();
    await hold(wanted);
    const path = `${base(wanted.place, wanted.name)}/blobs/${wanted.manifest.blobs[1]?.digest}`;
    expect((await scene.pusher.ask('GET', path)).status).toBe(403);
    const version = { ...wanted.place, package: wanted.name, version: wanted.manifest.digest };
    await scene.server.api('POST', '/artifact/delete', version);
    const answer = await scene.pusher.ask('GET', path);
    expect([403, 404], `${answer.status}`).toContain(answer.status);
  });

  it('referrers of what is held are not listed, nor held referrers of what is not', async () => {
    const subject = await pushed();
    const about = image({ subject: subject.manifest, artifactType: 'application/vnd.example.note' });
    const note = await pushed(about, { place: subject.place, name: subject.name });
    const list = `${base(subject.place, subject.name)}/referrers/${subject.manifest.digest}`;
    expect((await scene.viewer.ask('GET', list)).text).toContain(about.digest);
    const id = await hold(note);
    expect((await scene.viewer.ask('GET', list)).text).not.toContain(about.digest);
    await scene.server.api('POST', `/holds/${id}/release`, {});
    await hold(subject);
    expect((await scene.viewer.ask('GET', list)).status).toBe(403);
  });

  it('tags of what is held are not listed, whatever the page', async () => {
    const place = await repository();
    const all = [];
    for (const tag of ['a', 'b', 'c', 'd']) all.push(await pushed(image(), { place, tag }));
    for (const wanted of [all[0], all[2]]) await hold(wanted!);
    const list = (query: string) => scene.viewer.ask('GET', `${base(place, 'app')}/tags/list${query}`);
    expect(jsonOf(await list(''))).toMatchObject({ tags: ['b', 'd'] });
    const page = await list('?n=1');
    expect(jsonOf(page)).toMatchObject({ tags: ['b'] });
    expect(page.headers.get('link')).toContain('last=b');
    expect(jsonOf(await list('?n=1&last=b'))).toMatchObject({ tags: ['d'] });
  });
});

describe('binding at once', () => {
  it('a hold binds the next request, on whatever connection', async () => {
    const wanted = await pushed();
    const version = { ...wanted.place, package: wanted.name, version: wanted.manifest.digest };
    const path = `${base(wanted.place, wanted.name)}/manifests/${wanted.tag}`;
    for (let round = 0; round < 200; round++) {
      const everywhere = round % 2 === 1;
      const { id } = jsonOf<{ id: string }>(
        await scene.admin.api('POST', '/holds', { ...version, reason: 'now', everywhere }),
      );
      const [refused, alsoRefused] = await Promise.all([
        scene.viewer.ask('GET', path),
        scene.pusher.ask('GET', path),
      ]);
      expect([round, refused.status, alsoRefused.status]).toEqual([round, 403, 403]);
      await scene.admin.api('POST', `/holds/${id}/release`, version);
      expect([round, (await scene.viewer.ask('GET', path)).status]).toEqual([round, 200]);
    }
  });

  it('no pull that begins after the hold was acknowledged is served, while others are under way', async () => {
    const wanted = await pushed();
    const path = `${base(wanted.place, wanted.name)}/manifests/${wanted.tag}`;
    let acknowledged = false;
    const late: number[] = [];
    const puller = async () => {
      for (let number = 0; number < 40; number++) {
        const begunLate = acknowledged;
        const { status } = await scene.viewer.ask('GET', path);
        if (begunLate) late.push(status);
      }
    };
    const pullers = [puller(), puller(), puller(), puller()];
    await hold(wanted);
    acknowledged = true;
    await Promise.all(pullers);
    expect(late.length).toBeGreaterThan(0);
    expect(new Set(late)).toEqual(new Set([403]));
  });
});

it('a sha512 blob link is held like its sha256', async () => {
  const place = await repository();
  const layer = layerOf();
  const name = 'aliased';
  expect(
    (await pushBlob(scene.pusher, place, name, { bytes: layer.bytes, digest: sha512(layer.bytes) })).status,
  ).toBe(201);
  const wanted = await pushed(image({ layers: [layer] }), { place, name });
  const path = `${base(place, name)}/blobs/${sha512(layer.bytes)}`;
  expect((await scene.viewer.ask('GET', path)).status).toBe(200);
  await hold(wanted);
  await expectForbidden(scene, wanted);
});
