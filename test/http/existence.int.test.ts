/**
 * Nothing leaks existence: for somebody without rights, status, headers and body of every route are the same whether
 * what is named exists or not. Routes are enumerated; one without a way to be asked here fails.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/http/api/routes/index.ts';
import { PROTOCOLS } from '../../src/protocols/index.ts';
import {
  type Actor,
  type Answer,
  anonymousAt,
  eventsAfter,
  head,
  jsonOf,
  person,
} from '../conformance/client.ts';
import { FIXTURES } from '../conformance/fixtures.ts';
import { image, pushImage } from '../conformance/oci-images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

/** Names of things; those of absent ones are as long as those of existing ones. */
interface World {
  readonly project: string;
  readonly repository: string;
  readonly package: string;
  readonly tag: string;
  readonly digest: string;
  readonly blob: string;
  readonly upload: string;
  readonly principal: string;
  readonly token: string;
  readonly hold: string;
  readonly promotion: string;
  readonly attachment: string;
  readonly decision: string;
  readonly event: string;
}

interface Asked {
  readonly path: string;
  readonly body?: unknown;
}
type Way = (world: World) => Asked;

const encoded = encodeURIComponent;
const name = ({ project, repository, package: image }: World) => `${project}/${repository}/${image}`;
const artifact = ({ project, repository, package: image, digest }: World) => ({
  project,
  repository,
  package: image,
  version: digest,
});
const tagged = ({ project, repository, package: image, tag }: World) => ({
  project,
  repository,
  package: image,
  tag,
});
const place = ({ project, repository }: World) => ({ project, repository });
const at =
  (path: (world: World) => string, body?: (world: World) => unknown): Way =>
  world =>
    body ? { path: path(world), body: body(world) } : { path: path(world) };
const query = (of: object) => new URLSearchParams(of as Record<string, string>).toString();
const repository = (world: World) => `/projects/${world.project}/repositories/${world.repository}`;

const OCI: Readonly<Record<string, readonly Way[]>> = {
  '/v2/': [at(() => '/v2/')],
  '/v2/_catalog': [at(() => '/v2/_catalog'), at(world => `/v2/_catalog?n=1&last=${encoded(name(world))}`)],
  '/v2/token': [at(world => `/v2/token?service=x&scope=${encoded(`repository:${name(world)}:pull,push`)}`)],
  '/v2/{name}/tags/list': [at(world => `/v2/${name(world)}/tags/list`)],
  '/v2/{name}/manifests/{reference}': [
    at(
      world => `/v2/${name(world)}/manifests/${world.tag}`,
      () => ({ schemaVersion: 2 }),
    ),
    at(
      world => `/v2/${name(world)}/manifests/${world.digest}`,
      () => ({ schemaVersion: 2 }),
    ),
  ],
  '/v2/{name}/blobs/{digest}': [at(world => `/v2/${name(world)}/blobs/${world.blob}`)],
  '/v2/{name}/blobs/uploads/': [
    at(world => `/v2/${name(world)}/blobs/uploads/`),
    at(world => `/v2/${name(world)}/blobs/uploads/?mount=${world.blob}&from=${encoded(name(world))}`),
    at(
      world => `/v2/${name(world)}/blobs/uploads/?digest=${world.blob}`,
      () => 'x',
    ),
  ],
  '/v2/{name}/blobs/uploads/{upload}': [
    at(
      world => `/v2/${name(world)}/blobs/uploads/${world.upload}?digest=${world.blob}`,
      () => 'x',
    ),
  ],
  '/v2/{name}/referrers/{digest}': [at(world => `/v2/${name(world)}/referrers/${world.digest}`)],
};

const API: Readonly<Record<string, readonly Way[]>> = {
  'GET /projects': [at(() => '/projects'), at(() => '/projects?limit=1')],
  'POST /projects': [
    at(
      () => '/projects',
      ({ project }) => ({ name: project }),
    ),
  ],
  'PATCH /projects/:project': [
    at(
      ({ project }) => `/projects/${project}`,
      () => ({ name: 'other' }),
    ),
  ],
  'DELETE /projects/:project': [at(({ project }) => `/projects/${project}`)],
  'GET /repositories': [
    at(() => '/repositories'),
    at(() => '/repositories?limit=1'),
    at(({ project }) => `/repositories?project=${project}&limit=1`),
  ],
  'POST /projects/:project/repositories': [
    at(
      ({ project }) => `/projects/${project}/repositories`,
      world => ({ name: world.repository, format: 'oci' }),
    ),
  ],
  'GET /projects/:project/repositories/:repository': [at(repository)],
  'PATCH /projects/:project/repositories/:repository': [at(repository, () => ({ visibility: 'public' }))],
  'DELETE /projects/:project/repositories/:repository': [at(repository)],
  'GET /projects/:project/repositories/:repository/packages': [at(world => `${repository(world)}/packages`)],
  'GET /projects/:project/repositories/:repository/staged': [at(world => `${repository(world)}/staged`)],
  'GET /artifact/description': [at(world => `/artifact/description?${query(artifact(world))}`)],
  'GET /search': [
    at(world => `/search?q=${world.package}`),
    at(world => `/search?q=${world.package}&${query(place(world))}`),
  ],
  'POST /artifact/deprecate': [at(() => '/artifact/deprecate', artifact)],
  'POST /artifact/yank': [at(() => '/artifact/yank', artifact)],
  'POST /artifact/file/delete': [
    at(
      () => '/artifact/file/delete',
      world => ({ ...artifact(world), file: 'manifest' }),
    ),
  ],
  'POST /artifact/approve': [at(() => '/artifact/approve', artifact)],
  'GET /projects/:project/repositories/:repository/versions': [
    at(world => `${repository(world)}/versions?package=${encoded(world.package)}`),
  ],
  'GET /artifact': [
    at(world => `/artifact?${query(artifact(world))}`),
    at(world => `/artifact?${query(tagged(world))}`),
  ],
  'POST /artifact/delete': [at(() => '/artifact/delete', artifact), at(() => '/artifact/delete', tagged)],
  'POST /artifact/restore': [at(() => '/artifact/restore', artifact)],
  'POST /artifact/tag': [
    at(
      () => '/artifact/tag',
      world => ({ ...artifact(world), newTag: 'new' }),
    ),
  ],
  'GET /holds': [at(() => '/holds'), at(world => `/holds?${query(place(world))}`)],
  'POST /holds': [
    at(
      () => '/holds',
      world => ({ ...artifact(world), reason: 'x' }),
    ),
  ],
  'POST /holds/:hold/release': [
    at(
      ({ hold }) => `/holds/${hold}/release`,
      () => ({}),
    ),
    at(({ hold }) => `/holds/${hold}/release`, artifact),
  ],
  'POST /promotions': [
    at(
      () => '/promotions',
      world => ({ from: artifact(world), to: place(world) }),
    ),
  ],
  'GET /promotions': [at(() => '/promotions'), at(() => '/promotions?status=waiting&limit=1')],
  'GET /promotions/:promotion': [at(world => `/promotions/${world.promotion}`)],
  'POST /promotions/:promotion/approve': [
    at(
      world => `/promotions/${world.promotion}/approve`,
      world => ({ closure: world.digest }),
    ),
  ],
  'POST /promotions/:promotion/reject': [
    at(
      world => `/promotions/${world.promotion}/reject`,
      () => ({ reason: 'x' }),
    ),
  ],
  'GET /projects/:project/repositories/:repository/promotions': [
    at(world => `${repository(world)}/promotions`),
  ],
  'GET /whoami': [at(() => '/whoami')],
  'GET /principals': [at(() => '/principals')],
  'POST /principals': [
    at(
      () => '/principals',
      ({ principal }) => ({ name: principal }),
    ),
  ],
  'PUT /principals/:principal/password': [
    at(
      world => `/principals/${world.principal}/password`,
      () => ({ password: 'long enough' }),
    ),
  ],
  'POST /principals/:principal/disable': [
    at(
      world => `/principals/${world.principal}/disable`,
      () => ({}),
    ),
  ],
  'POST /principals/:principal/enable': [
    at(
      world => `/principals/${world.principal}/enable`,
      () => ({}),
    ),
  ],
  'DELETE /principals/:principal': [at(world => `/principals/${world.principal}`)],
  'GET /principals/:principal/tokens': [at(world => `/principals/${world.principal}/tokens`)],
  'POST /principals/:principal/tokens': [
    at(
      world => `/principals/${world.principal}/tokens`,
      () => ({}),
    ),
    at(
      world => `/principals/${world.principal}/tokens`,
      world => ({ scopes: [place(world)] }),
    ),
    at(
      () => '/principals/me/tokens',
      world => ({ scopes: [place(world)] }),
    ),
    at(
      () => '/principals/me/tokens',
      world => ({ scopes: [{ project: world.project }] }),
    ),
  ],
  'DELETE /principals/:principal/tokens/:token': [
    at(world => `/principals/${world.principal}/tokens/${world.token}`),
  ],
  'GET /grants': [
    at(() => '/grants'),
    at(world => `/grants?${query(place(world))}`),
    at(world => `/grants?project=${world.project}`),
  ],
  'POST /grants': [
    at(
      () => '/grants',
      world => ({ ...place(world), principal: world.principal, role: 'admin' }),
    ),
  ],
  'POST /grants/revoke': [
    at(
      () => '/grants/revoke',
      world => ({ project: world.project, principal: world.principal, role: 'admin' }),
    ),
  ],
  'GET /policies': [at(() => '/policies')],
  'GET /attachments': [at(() => '/attachments')],
  'POST /attachments': [
    at(
      () => '/attachments',
      world => ({ ...place(world), set: 'protected_tags', level: 'hard' }),
    ),
  ],
  'PATCH /attachments/:attachment': [
    at(
      world => `/attachments/${world.attachment}`,
      () => ({ level: 'off' }),
    ),
  ],
  'DELETE /attachments/:attachment': [at(world => `/attachments/${world.attachment}`)],
  'GET /decisions': [at(() => '/decisions')],
  'GET /decisions/:decision': [at(world => `/decisions/${world.decision}`)],
  'POST /decisions/:decision/replay': [
    at(
      world => `/decisions/${world.decision}/replay`,
      () => ({}),
    ),
  ],
  'GET /events': [at(() => '/events')],
  'GET /history': [
    at(world => `/history?${query(artifact(world))}`),
    at(world => `/history?actor=${world.principal}`),
  ],
  'GET /denials': [at(() => '/denials'), at(world => `/denials?actor=${world.principal}`)],
  'GET /usage': [at(() => '/usage')],
  'GET /views': [at(() => '/views')],
  'POST /views/rebuild': [
    at(
      () => '/views/rebuild',
      () => ({}),
    ),
  ],
  'POST /collections': [
    at(
      () => '/collections',
      () => ({}),
    ),
  ],
  'GET /collections': [at(() => '/collections')],
  'GET /doctor': [at(() => '/doctor')],
};

/**
 * Package protocols: every placeholder filled with something of the right form. The real world has a package of each
 * format, in a repository that is called by its format.
 */
function packageWays(pattern: string): readonly Way[] | undefined {
  const [, format] = /^\/(?:pkg\/\{project\}\/\{repository\}\/([a-z]+)|(?:maven))\//.exec(pattern) ?? [];
  if (!pattern.startsWith('/pkg/') && !pattern.startsWith('/maven/')) return undefined;
  const of = (format ?? 'maven') as keyof typeof FIXTURES;
  const fill = (world: World) => ({
    project: world.project,
    repository: world.repository === real.repository ? of : world.repository,
    version: of === 'go' ? 'v1.0.0' : '1.0.0',
    file: 'file-1.0.0.tgz',
    tag: world.tag,
    token: world.token,
  });
  const named = (world: World) => FIXTURES[of].packageName(world.package);
  const path = (world: World) =>
    pattern.replaceAll(/\{(\w+)\}/g, (_all, key: string) => {
      const known: Readonly<Record<string, string>> = fill(world);
      return known[key] ?? named(world);
    });
  return [at(path, () => ({}))];
}

const routes: readonly { route: string; method: string; ways: readonly Way[] | undefined }[] = [
  ...PROTOCOLS.flatMap(({ routes }) => routes).map(({ method, pattern }) => ({
    route: `${method} ${pattern}`,
    method,
    ways: OCI[pattern] ?? packageWays(pattern),
  })),
  ...ROUTES.map(({ method, path }) => ({
    route: `${method} ${path}`,
    method,
    ways: API[`${method} ${path}`]?.map(way => (world: World) => ({
      ...way(world),
      path: `/api/v1${way(world).path}`,
    })),
  })),
];

let registry: TestRegistry;
let real: World;
let callers: Actor[];

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

/** A project that the callers may know nothing of, with one of everything in it. */
async function build(): Promise<World> {
  const [project, repository, name, tag] = ['hidden', 'vault1', 'secret', 'tag-real'];
  await registry.api('POST', '/projects', { name: project });
  for (const each of [repository, 'vault2'])
    await registry.api('POST', `/projects/${project}/repositories`, { name: each, format: 'oci' });
  const owner = await person(registry, 'owner', [{ role: 'contributor', project }]);
  for (const { format } of PROTOCOLS) {
    if (format === 'oci') continue;
    await registry.api('POST', `/projects/${project}/repositories`, { name: format, format });
    const what = { package: FIXTURES[format].packageName(name), label: 'v1', seed: 'real' };
    const { answer } = await FIXTURES[format].publish(owner, { project, repository: format }, what);
    expect(answer.status, answer.text).toBeLessThan(300);
  }
  const { id: attachment } = await registry.api<{ id: string }>('POST', '/attachments', {
    project,
    set: 'protected_tags',
    level: 'shadow',
  });
  const manifest = image();
  const to = { place: { project, repository }, name };
  expect((await pushImage(owner, { ...to, reference: tag }, manifest)).status).toBe(201);
  const started = await owner.ask('POST', `/v2/${project}/${repository}/${name}/blobs/uploads/`);
  const version = { project, repository, package: name, version: manifest.digest };
  const { id: promotion } = await registry.api<{ id: string }>('POST', '/promotions', {
    ...{ from: version, to: { project, repository: 'vault2' }, waitForApproval: true },
  });
  const { id: hold } = await registry.api<{ id: string }>('POST', '/holds', {
    ...version,
    reason: 'secret reason',
  });
  const { items } = await registry.api<{ items: { id: string }[] }>('GET', `/principals/${owner.id}/tokens`);
  const decisions = await registry.api<{ items: { eventId?: string; id?: string }[] }>('GET', '/decisions');
  const decision = decisions.items[0]?.eventId ?? decisions.items[0]?.id ?? '';
  expect(decision).not.toBe('');
  return {
    ...{ project, repository, package: name, tag, hold, promotion, attachment, decision },
    digest: manifest.digest,
    blob: manifest.blobs[1]?.digest ?? '',
    upload: started.headers.get('docker-upload-uuid') ?? '',
    principal: owner.id,
    token: items[0]?.id ?? '',
    event: decision,
  };
}

/** Something of the same form that does not exist. */
const absent: { readonly [K in keyof World]: () => string } = {
  project: () => `a${hex(3)}`.slice(0, 6),
  repository: () => `a${hex(3)}`.slice(0, 6),
  package: () => `a${hex(3)}`.slice(0, 6),
  tag: () => 'tag-none',
  digest: () => `sha256:${hex(32)}`,
  blob: () => `sha256:${hex(32)}`,
  upload: () => real.upload.replaceAll(/[0-9a-f]/g, () => hex(1).slice(0, 1)),
  principal: () => hex(10),
  token: () => hex(8),
  hold: () => real.hold.replaceAll(/[0-9a-f]/g, () => hex(1).slice(0, 1)),
  promotion: () => real.promotion.replaceAll(/[0-9a-f]/g, () => hex(1).slice(0, 1)),
  attachment: () => real.attachment.replaceAll(/[0-9a-f]/g, () => hex(1).slice(0, 1)),
  decision: () => real.decision.replaceAll(/[0-9a-f]/g, () => hex(1).slice(0, 1)),
  event: () => real.event,
};

/** The real world with some of its things exchanged for absent ones: one at a time, in rising numbers, and all. */
function* others(): Generator<readonly [string, World]> {
  const keys = Object.keys(absent) as (keyof World)[];
  for (const key of keys) yield [`another ${key}`, { ...real, [key]: absent[key]() }];
  for (let number = 2; number <= keys.length; number += 3) {
    const exchanged = keys.slice(0, number).map(key => [key, absent[key]()]);
    yield [`the first ${number} absent`, { ...real, ...Object.fromEntries(exchanged) }];
  }
}

/** What the caller sees, with what it said itself and what differs by design taken out. */
function seen(answer: Answer, world: World): unknown {
  const own = Object.values(world).sort((a, b) => b.length - a.length);
  const without = (text: string) => own.reduce((rest, value) => rest.replaceAll(value, '?'), text);
  const dropped = new Set(['date', 'x-request-id', 'keep-alive', 'connection']);
  const headers = [...answer.headers].filter(([key]) => !dropped.has(key));
  const body = answer.text
    .replaceAll(/"requestId":"[^"]*"/g, '')
    .replaceAll(/"(?:token|access_token|issued_at|id)":"[^"]*"/g, '"of":"its own"');
  return {
    status: answer.status,
    headers: headers.map(([key, value]) => [key, without(value)]),
    body: without(body),
  };
}

async function ask(caller: Actor, method: string, { path, body }: Asked): Promise<Answer> {
  const sent =
    body === undefined || method === 'GET' || method === 'HEAD' ? {} : { body: JSON.stringify(body) };
  const type = path.includes('/manifests/')
    ? 'application/vnd.oci.image.manifest.v1+json'
    : 'application/json';
  return caller.ask(method, path, 'body' in sent ? { ...sent, headers: { 'content-type': type } } : {});
}

beforeAll(async () => {
  registry = await startRegistry();
  real = await build();
  await registry.api('POST', '/projects', { name: 'mine' });
  await registry.api('POST', '/projects/mine/repositories', { name: 'own', format: 'oci' });
  callers = [
    anonymousAt(registry.url),
    await person(registry, 'stranger', []),
    await person(registry, 'neighbour', [{ role: 'admin', project: 'mine' }]),
  ];
});
afterAll(() => registry?.stop());

it('has a way to ask every route', () => {
  expect(routes.filter(({ ways }) => !ways?.length).map(({ route }) => route)).toEqual([]);
  const known = new Set([...ROUTES.map(({ method, path }) => `${method} ${path}`)]);
  expect(Object.keys(API).filter(route => !known.has(route))).toEqual([]);
});

describe('the same answer, whether it exists or not', () => {
  for (const { route, method, ways = [] } of routes)
    it(route, async () => {
      for (const caller of callers)
        for (const way of ways) {
          const told = seen(await ask(caller, method, way(real)), real);
          for (const [what, world] of others())
            expect(seen(await ask(caller, method, way(world)), world), `${caller.name}: ${what}`).toEqual(
              told,
            );
        }
    });
});

it('gives nobody a way into what is hidden', async () => {
  const manifest = `/v2/hidden/vault1/secret/manifests/tag-real`;
  const { items } = await registry.api<{ items: { type: string }[] }>(
    'GET',
    '/events?types=VersionDeleted,HoldLifted',
  );
  expect(items).toEqual([]);
  for (const caller of callers) expect([401, 403]).toContain((await caller.ask('GET', manifest)).status);
});

describe('lists and counts', () => {
  it('name only what the caller may see, in pages that tell nothing of the rest', async () => {
    const [, stranger, neighbour] = callers as [Actor, Actor, Actor];
    for (const path of ['/projects', '/repositories'])
      for (const limit of [1, 2, 100]) {
        expect(jsonOf(await stranger.api('GET', `${path}?limit=${limit}`))).toEqual({ items: [] });
        const own = jsonOf<{ items: { name: string }[]; next?: string }>(
          await neighbour.api('GET', `${path}?limit=${limit}`),
        );
        expect(own.items.map(item => item.name)).toEqual([path === '/projects' ? 'mine' : 'own']);
        expect(own.next).toBeUndefined();
      }
    expect(jsonOf(await neighbour.ask('GET', '/v2/_catalog'))).toEqual({ repositories: [] });
  });

  it('pages reach everything that the caller may see', async () => {
    const reader = await person(registry, 'reader', [{ role: 'viewer', project: 'mine' }]);
    for (const number of [1, 2, 3, 4]) {
      await registry.api('POST', '/projects', { name: `page-${number}` });
      await registry.api('POST', `/projects/page-${number}/repositories`, { name: 'own', format: 'oci' });
      if (number % 2 === 0)
        await registry.api('POST', '/grants', {
          project: `page-${number}`,
          principal: reader.id,
          role: 'viewer',
        });
    }
    for (const path of ['/projects', '/repositories'])
      expect(await onePerPage(reader, path)).toEqual(['mine', 'page-2', 'page-4']);
  });
});

/** The projects that a list names, read page by page: each has one item. */
async function onePerPage(reader: Actor, path: string): Promise<string[]> {
  const names: string[] = [];
  for (let from = ''; ; ) {
    const page = jsonOf<{ items: { name: string; project?: string }[]; next?: string }>(
      await reader.api('GET', `${path}?limit=1${from}`),
    );
    expect(page.items).toHaveLength(1);
    names.push(...page.items.map(item => item.project ?? item.name));
    if (page.next === undefined) return names;
    from = `&cursor=${page.next}`;
  }
}

describe('work done', () => {
  it('a mount from what is hidden is the same as a miss', async () => {
    const [, , neighbour] = callers as [Actor, Actor, Actor];
    const mount = async (from: string, digest: string) =>
      neighbour.ask('POST', `/v2/mine/own/app/blobs/uploads/?mount=${digest}&from=${encoded(from)}`);
    const without = (answer: Answer) => {
      const upload = answer.headers.get('docker-upload-uuid') ?? '';
      const rest = [...answer.headers].filter(([key]) => !/^(date|x-request-id)$/.test(key));
      return {
        status: answer.status,
        body: answer.text,
        rest: rest.map(([key, value]) => [key, value.replaceAll(upload, '?')]),
      };
    };
    const hit = without(await mount('hidden/vault1/secret', real.blob));
    expect(hit.status).toBe(202);
    expect(without(await mount('hidden/vault1/secret', absent.blob()))).toEqual(hit);
    expect(without(await mount('absent/vault1/secret', real.blob))).toEqual(hit);
  });

  it('refusals are counted alike, so that their time does not tell', async () => {
    const prober = await person(registry, 'prober', []);
    const counted = async (path: string) => {
      const before = await head(registry);
      expect((await prober.ask('GET', path)).status).toBe(403);
      return (await eventsAfter(registry, before)).map(({ type }) => type);
    };
    const paths = [
      '/v2/hidden/vault1/secret/tags/list',
      '/v2/hidden/absent/secret/tags/list',
      '/v2/absent/vault1/secret/tags/list',
    ];
    for (const path of paths) expect([path, await counted(path)]).toEqual([path, ['RequestsDenied']]);
    for (const project of ['hidden', 'absent'])
      expect([project, await counted(`/api/v1/grants?project=${project}`)]).toEqual([
        project,
        ['RequestsDenied'],
      ]);
  });
});
