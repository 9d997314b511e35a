/** Idempotency-Key: a repeated command gives the same reply and changes nothing, also after a crash, also out of order. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Actor,
  type Answer,
  actor,
  adminAt,
  basic,
  changes,
  eventsAfter,
  head,
  jsonOf,
  person,
} from '../conformance/client.ts';
import type { Place } from '../conformance/fixture.ts';
import { base, image, type Manifest, pushImage } from '../conformance/oci-images.ts';
import { type InProcess, startInProcess } from '../conformance/server.ts';

let server: InProcess;
let admin: Actor;
let place: Place;
let to: Place;
let manifest: Manifest;
let before: string;

const fresh = () => randomBytes(6).toString('hex');
const version = () => ({ ...place, package: 'app', version: manifest.digest });
const path = () => `/projects/${place.project}/repositories/${place.repository}`;

beforeAll(async () => {
  server = await startInProcess();
  admin = await adminAt(server);
  await server.api('POST', '/projects', { name: 'keys' });
});
afterAll(() => server?.stop());

beforeEach(async () => {
  [place, to] = [0, 1].map(() => ({ project: 'keys', repository: `r${fresh()}` })) as [Place, Place];
  for (const { repository } of [place, to])
    await server.api('POST', '/projects/keys/repositories', { name: repository, format: 'oci' });
  manifest = image();
  expect((await pushImage(admin, { place, name: 'app', reference: 'v1' }, manifest)).status).toBe(201);
  before = await head(server);
});

const events = async () => changes(await eventsAfter(server, before)).map(({ type }) => type);

function command(method: string, path: string, body: unknown, key = fresh()) {
  return (who = admin): Promise<Answer> => who.api(method, path, body, { 'idempotency-key': key });
}

/** As after a crash between the append and the record of the reply. */
async function forgetReplies(): Promise<void> {
  const { vault } = server.system.core.access;
  const far = Date.now() + 2 * 24 * 3600 * 1000;
  const known: { key: string; value: string }[] = [];
  for await (const entry of vault.export()) if (entry.kind === 'idempotency') known.push(entry);
  for (const { key, value } of known) {
    const { fingerprint } = JSON.parse(value) as { fingerprint: string };
    await vault.import([
      { kind: 'idempotency', key, value: JSON.stringify({ fingerprint }), expiresAt: far },
    ]);
  }
}

/** Commands that create or change, with what undoes nothing: each is sent again as it was. */
const COMMANDS: Readonly<Record<string, () => ReturnType<typeof command>>> = {
  'create a project': () => command('POST', '/projects', { name: `p${fresh()}` }),
  'create a repository': () =>
    command('POST', '/projects/keys/repositories', { name: `r${fresh()}`, format: 'oci' }),
  'change a repository': () =>
    command('PATCH', path(), { visibility: 'public', immutableTags: ['v*'], recording: 'each' }),
  'rename a repository': () => command('PATCH', path(), { name: `r${fresh()}` }),
  'create a principal': () =>
    command('POST', '/principals', { name: `u${fresh()}`, password: 'a long password' }),
  'grant a role': () => command('POST', '/grants', { ...place, principal: admin.id, role: 'viewer' }),
  'hold here': () => command('POST', '/holds', { ...version(), reason: 'checking' }),
  'hold everywhere': () => command('POST', '/holds', { ...version(), reason: 'checking', everywhere: true }),
  'attach a policy': () =>
    command('POST', '/attachments', { ...place, set: 'protected_tags', level: 'shadow' }),
  tag: () => command('POST', '/artifact/tag', { ...version(), newTag: 'v2' }),
  delete: () => command('POST', '/artifact/delete', version()),
  promote: () => command('POST', '/promotions', { from: version(), to, tag: 'v1' }),
};

describe.each(Object.keys(COMMANDS))('%s', name => {
  it('twice gives the same reply and no event the second time', async () => {
    const send = COMMANDS[name]!();
    const first = await send();
    expect(first.status, first.text).toBeLessThan(300);
    const after = await events();
    expect(after.length).toBeGreaterThan(0);
    const second = await send();
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    expect(await events()).toEqual(after);
  });

  it('again after a crash between append and record does the same', async () => {
    const send = COMMANDS[name]!();
    const first = await send();
    const after = await events();
    await forgetReplies();
    const second = await send();
    // what was renamed is not found by its old name any more: the only reply that differs
    const same = name.startsWith('rename') ? [404, second.text] : [first.status, first.text];
    expect([second.status, second.text]).toEqual(same);
    expect(await events()).toEqual(after);
  });

  it('twice at once is once', async () => {
    const send = COMMANDS[name]!();
    const answers = await Promise.all([send(), send(), send()]);
    const after = await events();
    for (const answer of answers) expect([200, 201, 204, 409], answer.text).toContain(answer.status);
    const last = await send();
    expect(last.status, last.text).toBeLessThan(300);
    expect(await events()).toEqual(after);
    expect(new Set(after.filter(type => type !== 'BlobLinked')).size).toBe(
      after.filter(type => type !== 'BlobLinked').length,
    );
  });
});

describe('a key', () => {
  it('is for one request: another body, path or method is refused', async () => {
    const key = fresh();
    expect((await command('POST', '/projects', { name: `p${fresh()}` }, key)()).status).toBe(201);
    for (const [method, at, body] of [
      ['POST', '/projects', { name: `p${fresh()}` }],
      ['POST', '/principals', { name: `p${fresh()}` }],
      ['PATCH', path(), { visibility: 'public' }],
    ] as const) {
      const answer = await command(method, at, body, key)();
      expect([answer.status, jsonOf(answer).code]).toEqual([400, 'COMMAND_REUSED']);
    }
    expect(await events()).toEqual(['ProjectCreated']);
  });

  it('belongs to its sender', async () => {
    const other = await person(server, 'other', [{ role: 'admin' }]);
    const key = fresh();
    const mine = await command('POST', '/projects', { name: `p${fresh()}` }, key)();
    const theirs = await command('POST', '/projects', { name: `p${fresh()}` }, key)(other);
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(jsonOf(theirs).id).not.toBe(jsonOf(mine).id);
  });

  it('that is malformed is refused', async () => {
    for (const key of ['a b', 'x'.repeat(256), 'ü'.normalize('NFD')]) {
      const answer = await command(
        'POST',
        '/projects',
        { name: `p${fresh()}` },
        encodeURIComponent(key) === key ? key : 'a b',
      )();
      expect([answer.status, jsonOf(answer).code]).toEqual([400, 'REQUEST_INVALID']);
    }
  });

  it('of a stranger is not kept: nobody fills the disk with keys', async () => {
    const count = async () => {
      let entries = 0;
      for await (const entry of server.system.core.access.vault.export())
        if (entry.kind === 'idempotency') entries++;
      return entries;
    };
    const known = await count();
    const nobody = actor(server.url, { name: 'nobody', id: 'anonymous' });
    for (let number = 0; number < 5; number++)
      expect((await command('POST', '/projects', { name: 'x' })(nobody)).status).toBe(401);
    expect(await count()).toBe(known);
  });

  it('still asks who is there: a repeated command of somebody disabled is refused', async () => {
    const other = await person(server, 'leaving', [{ role: 'admin' }]);
    const send = command('POST', '/projects', { name: `p${fresh()}` });
    expect((await send(other)).status).toBe(201);
    await server.api('POST', `/principals/${other.id}/disable`, {});
    expect((await send(other)).status).toBe(401);
  });
});

describe('A, B, A', () => {
  const visibility = async () => (await server.api<{ visibility: string }>('GET', path())).visibility;
  const set = (value: string) => command('PATCH', path(), { visibility: value });

  it('with three keys is three changes', async () => {
    for (const value of ['public', 'private', 'public']) expect((await set(value)()).status).toBe(204);
    expect(await events()).toEqual(Array(3).fill('RepositoryVisibilitySet'));
    expect(await visibility()).toBe('public');
  });

  for (const crashed of [false, true])
    it(`retried in any order changes nothing more${crashed ? ', also when the replies were lost' : ''}`, async () => {
      const [a, b, again] = [set('public'), set('private'), set('public')] as const;
      for (const send of [a, b, again, b, a, again, a, b]) {
        if (crashed) await forgetReplies();
        expect((await send()).status).toBe(204);
      }
      expect(await events()).toEqual(Array(3).fill('RepositoryVisibilitySet'));
      expect(await visibility()).toBe('public');
    });

  it('a hold that was released is not placed again by a late retry', async () => {
    const place = command('POST', '/holds', { ...version(), reason: 'first' });
    const { id } = jsonOf<{ id: string }>(await place());
    const release = command('POST', `/holds/${id}/release`, version());
    expect((await release()).status).toBe(200);
    await forgetReplies();
    const late = await place();
    expect([late.status, jsonOf(late).id]).toEqual([201, id]);
    expect(await events()).toEqual(['VersionHeld', 'VersionHoldLifted']);
    expect((await admin.ask('GET', `${base(version(), 'app')}/manifests/v1`)).status).toBe(200);
  });

  it('a tag that moved on is not moved back by a late retry', async () => {
    const second = image();
    await pushImage(admin, { place, name: 'app' }, second);
    before = await head(server);
    const tag = (of: Manifest) =>
      command('POST', '/artifact/tag', { ...place, package: 'app', version: of.digest, newTag: 'latest' });
    const [a, b] = [tag(manifest), tag(second)];
    for (const send of [a, b]) expect((await send()).status).toBe(204);
    await forgetReplies();
    expect((await a()).status).toBe(204);
    expect(await events()).toEqual(['TagAssigned', 'TagAssigned']);
    const latest = await admin.ask('GET', `${base(place, 'app')}/manifests/latest`);
    expect(latest.headers.get('docker-content-digest')).toBe(second.digest);
  });
});

describe('a token', () => {
  const works = async (token: string) =>
    (await actor(server.url, { name: 't', id: '', authorization: basic('t', token) }).api('GET', '/whoami'))
      .status;

  it('is shown once: a repetition says which, and no secret is kept', async () => {
    const send = command('POST', '/principals/me/tokens', { label: 'ci' });
    const first = jsonOf<{ id: string; token: string }>(await send());
    expect(await works(first.token)).toBe(200);
    const second = await send();
    expect(second.status).toBe(201);
    expect(jsonOf(second).id).toBe(first.id);
    expect(await events()).toEqual(['TokenIssued']);
    const secret = first.token.split('_').at(-1) ?? '';
    for await (const { value } of server.system.core.access.vault.export())
      expect(value).not.toContain(secret);
  });

  it('that was issued before a crash is there afterwards, and the one that is shown works', async () => {
    const send = command('POST', '/principals/me/tokens', { label: 'ci' });
    const first = jsonOf<{ id: string; token: string }>(await send());
    await forgetReplies();
    const second = jsonOf<{ id: string; token: string }>(await send());
    expect(second.id).toBe(first.id);
    expect(await works(second.token)).toBe(200);
    expect(await events()).toEqual(['TokenIssued']);
  });
});
