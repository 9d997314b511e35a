/** Who may do what, where: roles at each scope, what limits tokens and bearers, and that taking rights away binds at once. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTIONS, type Action, ROLE_ACTIONS, ROLES } from '../../src/domain/values/actions.ts';
import {
  type Actor,
  type Answer,
  actor,
  adminAt,
  anonymousAt,
  basic,
  type Granted,
  jsonOf,
  person,
} from '../conformance/client.ts';
import type { Place } from '../conformance/fixture.ts';
import { base, image, type Manifest, pushImage } from '../conformance/oci-images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

let registry: TestRegistry;
let admin: Actor;

const PLACE: Place = { project: 'access', repository: 'here' };
const OTHERS: readonly Place[] = [
  { project: 'access', repository: 'beside' },
  { project: 'elsewhere', repository: 'here' },
];
const images = new Map<Place, Manifest>();

beforeAll(async () => {
  registry = await startRegistry();
  admin = await adminAt(registry);
  for (const project of ['access', 'elsewhere']) await registry.api('POST', '/projects', { name: project });
  for (const place of [PLACE, ...OTHERS]) {
    const { project, repository } = place;
    await registry.api('POST', `/projects/${project}/repositories`, { name: repository, format: 'oci' });
    const manifest = image();
    images.set(place, manifest);
    expect((await pushImage(admin, { place, name: 'app', reference: 'v1' }, manifest)).status).toBe(201);
  }
});
afterAll(() => registry?.stop());

const versionAt = (place: Place) => ({ ...place, package: 'app', version: images.get(place)?.digest });

/** Tries one action at a place; answers that are not about rights (a hold that is not there, say) count as allowed. */
const TRIES: Readonly<Record<Action, (who: Actor, place: Place) => Promise<Answer>>> = {
  pull: (who, place) => who.ask('GET', `${base(place, 'app')}/manifests/v1`),
  push: (who, place) => who.ask('POST', `${base(place, 'app')}/blobs/uploads/`),
  tag: (who, place) => who.api('POST', '/artifact/tag', { ...versionAt(place), newTag: 'v1' }),
  promote: (who, place) => who.api('POST', '/promotions', { from: versionAt(place), to: place }),
  hold: (who, place) =>
    who.api('POST', '/holds', { ...versionAt(place), tag: 'both', reason: 'never placed' }),
  release: (who, place) => who.api('POST', '/holds/none/release', versionAt(place)),
  delete: (who, place) => who.api('POST', '/artifact/delete', { ...versionAt(place), tag: 'both' }),
  restore: (who, place) => who.api('POST', '/artifact/restore', versionAt(place)),
  'repository-change': (who, { project, repository }) =>
    who.api('PATCH', `/projects/${project}/repositories/${repository}`, { visibility: 'private' }),
  'access-change': (who, place) =>
    who.api('GET', `/grants?project=${place.project}&repository=${place.repository}`),
  'policy-change': (who, place) =>
    who.api('POST', '/attachments', { ...place, set: 'none', level: 'shadow' }),
  'read-log': who => who.api('GET', '/denials'),
  operate: who => who.api('GET', '/views'),
};
const ONLY_INSTANCE: readonly Action[] = ['read-log', 'operate'];

async function allowed(who: Actor, place: Place): Promise<Action[]> {
  const found: Action[] = [];
  for (const action of ACTIONS) {
    const { status, text } = await TRIES[action](who, place);
    expect([200, 201, 202, 204, 400, 403, 404], `${action}: ${status} ${text}`).toContain(status);
    if (status !== 403) found.push(action);
  }
  return found;
}

describe('roles', () => {
  const scopes: readonly (readonly [string, Omit<Granted, 'role'>, readonly Place[]])[] = [
    ['the instance', {}, [PLACE, ...OTHERS]],
    ['a project', { project: 'access' }, [PLACE, OTHERS[0]!]],
    ['a repository', PLACE, [PLACE]],
  ];
  const cases = ROLES.flatMap(role =>
    scopes.map(([scope, names, covered]) => ({ role, scope, names, covered })),
  );

  it.each(cases)('$role at $scope may do what the role says there, and nothing elsewhere', async of => {
    const { role, scope, names, covered } = of;
    const who = await person(registry, role, [{ role, ...names }]);
    const everywhere = scope === 'the instance';
    const expected = ACTIONS.filter(
      action => ROLE_ACTIONS[role].includes(action) && (everywhere || !ONLY_INSTANCE.includes(action)),
    );
    for (const place of [PLACE, ...OTHERS])
      expect(await allowed(who, place)).toEqual(covered.includes(place) ? expected : []);
  });

  it('add up', async () => {
    const who = await person(registry, 'both', [
      { role: 'viewer', project: 'access' },
      { role: 'policy-author', ...PLACE },
    ]);
    expect(await allowed(who, PLACE)).toEqual(['pull', 'hold', 'release', 'policy-change']);
    expect(await allowed(who, OTHERS[0]!)).toEqual(['pull']);
  });

  it('may not hold everywhere without the right on the whole instance', async () => {
    const who = await person(registry, 'author', [{ role: 'policy-author', ...PLACE }]);
    const answer = await who.api('POST', '/holds', { ...versionAt(PLACE), reason: 'x', everywhere: true });
    expect([answer.status, jsonOf(answer).code]).toEqual([403, 'FORBIDDEN']);
    expect((await TRIES.pull(admin, PLACE)).status).toBe(200);
  });
});

async function token(who: Actor, limits: object, issuer = admin): Promise<Actor> {
  const answer = await issuer.api('POST', `/principals/${who.id}/tokens`, limits);
  expect(answer.status, answer.text).toBe(201);
  const issued = jsonOf<{ id: string; token: string }>(answer);
  return actor(registry.url, {
    name: issued.id,
    id: who.id,
    authorization: basic('__token__', issued.token),
  });
}

describe('tokens', () => {
  it('are limited by scope and action, and never reach beyond their owner', async () => {
    const owner = await person(registry, 'owner', [{ role: 'contributor', project: 'access' }]);
    expect(await allowed(await token(owner, { scopes: [PLACE] }), OTHERS[0]!)).toEqual([]);
    expect(await allowed(await token(owner, { scopes: [PLACE], actions: ['pull', 'hold'] }), PLACE)).toEqual([
      'pull',
    ]);
    expect(await allowed(await token(owner, { scopes: [{}] }), OTHERS[1]!)).toEqual([]);
    expect(
      await allowed(await token(owner, { scopes: [{ project: 'access' }], actions: ['push'] }), OTHERS[0]!),
    ).toEqual(['push']);
    expect(await allowed(await token(owner, { scopes: [] }), PLACE)).toEqual([]);
  });

  it('that are limited make no other tokens and set no password', async () => {
    const owner = await person(registry, 'owner', [{ role: 'contributor', project: 'access' }]);
    const limited = await token(owner, { actions: ['pull'] });
    expect((await limited.api('POST', '/principals/me/tokens', {})).status).toBe(403);
    expect(
      (await limited.api('PUT', '/principals/me/password', { password: 'another password' })).status,
    ).toBe(403);
  });

  it('expire', async () => {
    const owner = await person(registry, 'owner', [{ role: 'viewer', ...PLACE }]);
    const past = await admin.api('POST', `/principals/${owner.id}/tokens`, {
      expiresAt: '2020-01-01T00:00:00Z',
    });
    expect(past.status).toBe(400);
    const expiresAt = new Date(Date.now() + 1500);
    const short = await token(owner, { expiresAt: expiresAt.toISOString() });
    expect((await TRIES.pull(short, PLACE)).status).toBe(200);
    await expect.poll(async () => (await TRIES.pull(short, PLACE)).status, { timeout: 5000 }).toBe(401);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
  });

  it('that are revoked, and people who are disabled or lose a role, are refused from the next request on', async () => {
    const owner = await person(registry, 'owner', []);
    for (let round = 0; round < 25; round++) {
      await registry.api('POST', '/grants', { ...PLACE, principal: owner.id, role: 'viewer' });
      const one = await token(owner, {});
      expect((await TRIES.pull(one, PLACE)).status).toBe(200);
      await registry.api('POST', '/grants/revoke', { ...PLACE, principal: owner.id, role: 'viewer' });
      expect([round, (await TRIES.pull(one, PLACE)).status]).toEqual([round, 403]);
      await registry.api('POST', `/principals/${owner.id}/disable`, {});
      expect([round, (await TRIES.pull(one, PLACE)).status]).toEqual([round, 401]);
      await registry.api('POST', `/principals/${owner.id}/enable`, {});
      expect([round, (await TRIES.pull(one, PLACE)).status]).toEqual([round, 403]);
      await registry.api('DELETE', `/principals/${owner.id}/tokens/${one.name}`);
      expect([round, (await TRIES.pull(one, PLACE)).status]).toEqual([round, 401]);
    }
  });

  it('of somebody who was deleted are dead, also when the name comes back', async () => {
    const name = `gone-${randomBytes(4).toString('hex')}`;
    const make = () =>
      registry.api<{ id: string }>('POST', '/principals', { name, password: 'some password' });
    const first = await make();
    await registry.api('POST', '/grants', { ...PLACE, principal: first.id, role: 'viewer' });
    const old = await token({ id: first.id } as Actor, {});
    await registry.api('DELETE', `/principals/${first.id}`);
    expect((await TRIES.pull(old, PLACE)).status).toBe(401);
    const second = await make();
    expect(second.id).not.toBe(first.id);
    expect((await TRIES.pull(old, PLACE)).status).toBe(401);
    const again = actor(registry.url, { name, id: second.id, authorization: basic(name, 'some password') });
    expect((await TRIES.pull(again, PLACE)).status).toBe(403);
  });
});

describe('the bearer flow', () => {
  const scope = (actions: string, { project, repository }: Place = PLACE) =>
    `repository:${project}/${repository}/app:${actions}`;

  /** Asks for a token as clients do, and becomes its bearer. */
  async function bearer(who: Actor, ...scopes: string[]): Promise<Actor> {
    const query = new URLSearchParams({ service: new URL(registry.url).host });
    for (const text of scopes) query.append('scope', text);
    const answer = await who.ask('GET', `/v2/token?${query}`);
    expect(answer.status, answer.text).toBe(200);
    const issued = jsonOf<{ token: string; access_token: string; expires_in: number }>(answer);
    expect(issued.token).toBe(issued.access_token);
    expect(issued.expires_in).toBeGreaterThanOrEqual(60);
    return actor(registry.url, { name: 'bearer', id: who.id, authorization: `Bearer ${issued.token}` });
  }

  const challengeOf = ({ status, headers }: Answer) => [status, headers.get('www-authenticate') ?? ''];

  it('begins with a challenge that says where and what for', async () => {
    const anonymous = anonymousAt(registry.url);
    expect(challengeOf(await anonymous.ask('GET', '/v2/'))).toEqual([
      401,
      `Bearer realm="${registry.url}/v2/token",service="${new URL(registry.url).host}"`,
    ]);
    const [status, challenge] = challengeOf(await TRIES.push(anonymous, PLACE));
    expect([status, challenge]).toEqual([401, expect.stringContaining(`scope="${scope('pull,push')}"`)]);
  });

  it('gives what was asked for and no more', async () => {
    const owner = await person(registry, 'owner', [{ role: 'contributor', project: 'access' }]);
    const pulling = await bearer(owner, scope('pull'));
    expect((await TRIES.pull(pulling, PLACE)).status).toBe(200);
    const push = challengeOf(await TRIES.push(pulling, PLACE));
    expect(push).toEqual([401, expect.stringContaining(`scope="${scope('pull,push')}"`)]);
    expect(push[1]).toContain('error="insufficient_scope"');
    expect(challengeOf(await TRIES.pull(pulling, OTHERS[0]!))).toEqual([
      401,
      expect.stringContaining(scope('pull', OTHERS[0])),
    ]);
    expect((await TRIES.push(await bearer(owner, scope('pull,push')), PLACE)).status).toBe(202);
    expect((await TRIES.pull(await bearer(owner), PLACE)).status).toBe(401);
    const deleting = await pulling.ask('DELETE', `${base(PLACE, 'app')}/manifests/v1`);
    expect(challengeOf(deleting)).toEqual([401, expect.stringContaining(scope('delete'))]);
  });

  it('grants nothing: rights and credentials are looked up at each request', async () => {
    const owner = await person(registry, 'owner', []);
    const stranger = await bearer(owner, scope('pull,push'));
    expect((await TRIES.pull(stranger, PLACE)).status).toBe(403);
    await registry.api('POST', '/grants', { ...PLACE, principal: owner.id, role: 'viewer' });
    expect((await TRIES.pull(stranger, PLACE)).status).toBe(200);
    expect((await TRIES.push(stranger, PLACE)).status).toBe(403);
    const credential = await token(owner, {});
    const holder = await bearer(credential, scope('pull'));
    expect((await TRIES.pull(holder, PLACE)).status).toBe(200);
    await registry.api('DELETE', `/principals/${owner.id}/tokens/${credential.name}`);
    expect((await TRIES.pull(holder, PLACE)).status).toBe(401);
    await registry.api('POST', `/principals/${owner.id}/disable`, {});
    expect((await TRIES.pull(stranger, PLACE)).status).toBe(401);
  });

  it('keeps the limits of the token it came from', async () => {
    const owner = await person(registry, 'owner', [{ role: 'contributor', project: 'access' }]);
    const limited = await token(owner, { actions: ['pull'], scopes: [PLACE] });
    const all = await bearer(limited, scope('pull,push'), scope('pull,push', OTHERS[0]));
    expect((await TRIES.pull(all, PLACE)).status).toBe(200);
    expect((await TRIES.push(all, PLACE)).status).toBe(403);
    expect((await TRIES.pull(all, OTHERS[0]!)).status).toBe(403);
  });

  it('takes no forged, foreign or stale token', async () => {
    const owner = await person(registry, 'owner', [{ role: 'viewer', ...PLACE }]);
    const good = (await bearer(owner, scope('pull'))).authorization ?? '';
    const [head = '', body = '', signature = ''] = good.slice('Bearer '.length).split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const other = Buffer.from(JSON.stringify({ ...claims, sub: admin.id })).toString('base64url');
    for (const forged of [
      `${head}.${other}.${signature}`,
      `${none}.${body}.`,
      `${none}.${other}.${signature}`,
      `${head}.${body}`,
      'x.y.z',
      '',
    ])
      for (const path of [`${base(PLACE, 'app')}/manifests/v1`, '/api/v1/whoami']) {
        const who = actor(registry.url, { name: 'forger', id: '', authorization: `Bearer ${forged}` });
        expect([forged, (await who.ask('GET', path)).status]).toEqual([forged, 401]);
      }
  });

  it('serves anonymous clients what is public, and nothing else', async () => {
    const open: Place = { project: 'access', repository: 'open' };
    await registry.api('POST', '/projects/access/repositories', { name: 'open', format: 'oci' });
    await pushImage(admin, { place: open, name: 'app', reference: 'v1' }, image());
    const anonymous = anonymousAt(registry.url);
    expect((await TRIES.pull(anonymous, open)).status).toBe(401);
    await registry.api('PATCH', '/projects/access/repositories/open', { visibility: 'public' });
    expect((await TRIES.pull(anonymous, open)).status).toBe(200);
    const held = await bearer(anonymous, scope('pull', open), scope('pull'));
    expect((await TRIES.pull(held, open)).status).toBe(200);
    expect((await TRIES.pull(held, PLACE)).status).toBe(401);
    expect((await TRIES.push(held, open)).status).toBe(401);
    expect((await TRIES.pull(await person(registry, 'somebody', []), open)).status).toBe(200);
    await registry.api('PATCH', '/projects/access/repositories/open', { visibility: 'private' });
    expect((await TRIES.pull(held, open)).status).toBe(401);
  });
});

describe('passwords', () => {
  it('of somebody who set a new one are refused, with all that came from the old', async () => {
    const name = `changer-${randomBytes(4).toString('hex')}`;
    const { id } = await registry.api<{ id: string }>('POST', '/principals', {
      name,
      password: 'the old password',
    });
    await registry.api('POST', '/grants', { ...PLACE, principal: id, role: 'viewer' });
    const old = actor(registry.url, { name, id, authorization: basic(name, 'the old password') });
    expect((await TRIES.pull(old, PLACE)).status).toBe(200);
    expect((await old.api('PUT', '/principals/me/password', { password: 'the new password' })).status).toBe(
      204,
    );
    expect((await TRIES.pull(old, PLACE)).status).toBe(401);
    const renewed = actor(registry.url, { name, id, authorization: basic(name, 'the new password') });
    expect((await TRIES.pull(renewed, PLACE)).status).toBe(200);
  });

  it('cannot be guessed for long: 429 with Retry-After, for names that exist and names that do not', async () => {
    const { id } = await registry.api<{ id: string }>('POST', '/principals', {
      name: 'guessed',
      password: 'the right password',
    });
    for (const name of ['guessed', 'nobody']) {
      let answer: Answer | undefined;
      for (let attempt = 0; attempt < 8 && answer?.status !== 429; attempt++) {
        const who = actor(registry.url, { name, id, authorization: basic(name, `wrong ${attempt}`) });
        answer = await (attempt % 2 === 0 ? who.ask('GET', '/v2/') : who.api('GET', '/whoami'));
        expect([401, 429]).toContain(answer.status);
      }
      expect([name, answer?.status]).toEqual([name, 429]);
      expect(Number(answer?.headers.get('retry-after'))).toBeGreaterThan(0);
      const native = await actor(registry.url, { name, id, authorization: basic(name, 'wrong again') }).ask(
        'GET',
        '/v2/',
      );
      expect([native.status, jsonOf<{ errors: { code: string }[] }>(native).errors[0]?.code]).toEqual([
        429,
        'TOOMANYREQUESTS',
      ]);
      expect(Number(native.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const right = await actor(registry.url, {
      name: 'guessed',
      id,
      authorization: basic('guessed', 'the right password'),
    }).ask('GET', '/v2/');
    expect(right.status).toBe(429);
    expect((await TRIES.pull(admin, PLACE)).status).toBe(200);
  });
});
