/** The shared conformance suite: what every protocol must do with publishing, governing and refusing, over HTTP. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import {
  type Actor,
  adminAt,
  anonymousAt,
  changes,
  eventsAfter,
  head,
  jsonOf,
  person,
  type ShownEvent,
} from './client.ts';
import type { Place, ProtocolFixture, PublishedFile, PublishedVersion } from './fixture.ts';

interface Scene {
  readonly format: string;
  readonly registry: TestRegistry;
  readonly admin: Actor;
  readonly pusher: Actor;
  readonly viewer: Actor;
  readonly nobody: Actor;
  /** Makes a repository in the scene's project and says where it is. */
  repository(settings?: { visibility?: 'public'; immutableTags?: string[] }): Promise<Place>;
}

const PROJECT = 'conformance';
const fresh = () => `n${randomBytes(5).toString('hex')}`;

async function openScene(format: string): Promise<Scene> {
  const registry = await startRegistry();
  await registry.api('POST', '/projects', { name: PROJECT });
  return {
    format,
    registry,
    admin: await adminAt(registry),
    pusher: await person(registry, 'pusher', [{ role: 'contributor', project: PROJECT }]),
    viewer: await person(registry, 'viewer', [{ role: 'viewer', project: PROJECT }]),
    nobody: anonymousAt(registry.url),
    async repository(settings) {
      const name = fresh();
      await registry.api('POST', `/projects/${PROJECT}/repositories`, { name, format });
      if (settings) await registry.api('PATCH', `/projects/${PROJECT}/repositories/${name}`, settings);
      return { project: PROJECT, repository: name };
    },
  };
}

/** Registers the cases for one protocol; one server serves them all. */
export function protocolConformance(format: string, fixture: ProtocolFixture): void {
  describe(`${format} protocol`, () => {
    let scene: Scene;
    beforeAll(async () => {
      scene = await openScene(format);
    });
    afterAll(() => scene?.registry.stop());
    const the = () => scene;
    publishing(fixture, the);
    holding(fixture, the);
    moving(fixture, the);
    strangers(fixture, the);
  });
}

const nameOf = ({ place, package: name, version }: PublishedVersion) => ({
  ...place,
  package: name,
  version,
});

/** Publishes something new under `v1` as the pusher. */
async function published(fixture: ProtocolFixture, { pusher, repository }: Scene, at?: Place) {
  const what = { package: fixture.packageName(fresh()), label: 'v1', seed: fresh() };
  const place = at ?? (await repository());
  const { answer, version } = await fixture.publish(pusher, place, what);
  expect(answer.status, answer.text).toBeLessThan(300);
  return { what, place, version };
}

const get = (actor: Actor, { path, headers }: PublishedFile) =>
  actor.ask('GET', path, headers ? { headers } : {});

async function expectServed(actor: Actor, version: PublishedVersion): Promise<void> {
  for (const file of version.files) {
    const answer = await get(actor, file);
    expect([file.name, answer.status]).toEqual([file.name, 200]);
    expect(answer.body.equals(file.bytes), `${file.name} has the bytes that were published`).toBe(true);
  }
}

async function expectRefused(
  fixture: ProtocolFixture,
  actor: Actor,
  version: PublishedVersion,
  reason: string,
) {
  for (const file of version.files) {
    const answer = await get(actor, file);
    expect([file.name, answer.status]).toEqual([file.name, 403]);
    expect(fixture.refusal(answer).message).toContain(reason);
    expect(answer.body.includes(file.bytes)).toBe(false);
    // HEAD of who may push asks "must I send this?", and is answered whatever is held
    const head = await actor.ask('HEAD', file.path, file.headers ? { headers: file.headers } : {});
    if (actor.name.startsWith('viewer')) expect([file.name, head.status]).toEqual([file.name, 403]);
  }
}

async function expectUnknown(
  fixture: ProtocolFixture,
  actor: Actor,
  version: PublishedVersion,
): Promise<void> {
  for (const file of version.files) {
    const answer = await get(actor, file);
    expect(fixture.unknown, file.name).toContain(answer.status);
    expect(fixture.refusal(answer).message).not.toBe('');
  }
}

function publishing(fixture: ProtocolFixture, the: () => Scene): void {
  it('publishes, lists and gives back the same bytes', async () => {
    const { version, place } = await published(fixture, the());
    await expectServed(the().viewer, version);
    const listed = await the().viewer.ask('GET', fixture.listPath(place, version.package));
    expect(fixture.labels(listed)).toEqual(['v1']);
  });

  it('appends the expected events, in order, with who, by which command, on which decision', async () => {
    const { registry, pusher, repository } = the();
    const place = await repository();
    await registry.api('POST', '/attachments', { ...place, set: 'allowed_media_types', level: 'shadow' });
    const before = await head(registry);
    await published(fixture, the(), place);
    const events = changes(await eventsAfter(registry, before));
    expect(events.map(({ type }) => type)).toEqual(fixture.publicationEvents);
    for (const event of events) expectDescribed(event, pusher);
    const version = events.find(({ type }) => type === 'VersionPublished');
    expect(version?.meta.decision).toMatchObject({ outcome: 'allow' });
    expect(version?.meta.roles).toEqual(['contributor']);
    // what one request did shares one correlation, and the version and its package one command
    const registered = events.find(({ type }) => type === 'PackageRegistered');
    expect(registered?.meta.commandId).toBe(version?.meta.commandId);
    const last = fixture.fileByFile ? registered : events.at(-1);
    expect(last?.meta.correlationId).toBe(version?.meta.correlationId);
  });

  it('appends nothing when the same is published again', async () => {
    const { registry, pusher } = the();
    const { what, place, version } = await published(fixture, the());
    const before = await head(registry);
    const { answer } = await fixture.publish(pusher, place, what);
    expect(answer.status).toBeLessThan(300);
    // blobs that are sent again get a new lease: that is an event of its own, and nothing else may be one
    const events = changes(await eventsAfter(registry, before)).filter(({ type }) => type !== 'BlobLinked');
    expect(events).toEqual([]);
    await expectServed(the().viewer, version);
  });

  if (fixture.republishing === 'refused')
    it('refuses other content under the same version', async () => {
      const { what, place, version } = await published(fixture, the());
      const again = await fixture.publish(the().pusher, place, { ...what, seed: fresh() });
      expect(fixture.refusal(again.answer).message).not.toBe('');
      await expectServed(the().viewer, version);
    });
  else
    it('moves a label to other content, and refuses where labels are immutable', async () => {
      const { what, place, version } = await published(fixture, the());
      const moved = await fixture.publish(the().pusher, place, { ...what, seed: fresh() });
      expect(moved.answer.status).toBeLessThan(300);
      await expectServed(the().viewer, moved.version);
      const fixed = await the().repository({ immutableTags: ['v*'] });
      const first = await published(fixture, the(), fixed);
      const second = await fixture.publish(the().pusher, fixed, { ...first.what, seed: fresh() });
      expect(fixture.refusal(second.answer)).toMatchObject({
        status: 403,
        message: expect.stringContaining('immutable'),
      });
      await expectServed(the().viewer, first.version);
      expect(version.version).not.toBe(moved.version.version);
    });
}

function expectDescribed({ meta }: ShownEvent, { id }: Actor): void {
  expect(meta.actor).toBe(id);
  expect(meta.commandId).toMatch(/^[\w-]{8,}$/);
  expect(meta.correlationId).toMatch(/^[\w-]{8,}$/);
  expect(meta.producer).toMatch(/^strongroom\//);
  expect(meta).toHaveProperty('repositoryId');
}

function holding(fixture: ProtocolFixture, the: () => Scene): void {
  for (const everywhere of [false, true])
    it(`refuses what is held ${everywhere ? 'everywhere' : 'here'}, saying why, until it is released`, async () => {
      const { admin, viewer, registry } = the();
      const { version, place } = await published(fixture, the());
      const before = await head(registry);
      const reason = `held because of ${fresh()}`;
      const held = await admin.api('POST', '/holds', { ...nameOf(version), reason, everywhere });
      const { id } = jsonOf<{ id: string }>(held);
      await expectRefused(fixture, viewer, version, reason);
      await expectRefused(fixture, admin, version, reason);
      const listed = await viewer.ask('GET', fixture.listPath(place, version.package));
      if (listed.status === 200) expect(fixture.labels(listed)).toEqual([]);
      const released = await admin.api('POST', `/holds/${id}/release`, {
        ...nameOf(version),
        reason: 'it is fine',
      });
      expect(jsonOf(released)).toEqual({ remaining: 0 });
      await expectServed(viewer, version);
      const kinds = changes(await eventsAfter(registry, before)).map(({ type }) => type);
      const [placed, lifted] = everywhere
        ? ['SubjectHeld', 'SubjectHoldLifted']
        : ['VersionHeld', 'VersionHoldLifted'];
      const count = everywhere ? (fixture.subjects ?? 1) : 1;
      expect(kinds).toEqual([...Array(count).fill(placed), ...Array(count).fill(lifted)]);
    });

  it('serves only when the last of several holds is lifted', async () => {
    const { admin, viewer } = the();
    const { version } = await published(fixture, the());
    const ids: string[] = [];
    for (const reason of ['first', 'second'])
      ids.push(jsonOf<{ id: string }>(await admin.api('POST', '/holds', { ...nameOf(version), reason })).id);
    await admin.api('POST', `/holds/${ids[0]}/release`, nameOf(version));
    await expectRefused(fixture, viewer, version, 'second');
    await admin.api('POST', `/holds/${ids[1]}/release`, nameOf(version));
    await expectServed(viewer, version);
  });

  it('keeps a hold through deleting and publishing again', async () => {
    const { admin, viewer, pusher } = the();
    const { version, what, place } = await published(fixture, the());
    await admin.api('POST', '/holds', { ...nameOf(version), reason: 'stays' });
    await pusher.api('POST', '/artifact/delete', nameOf(version));
    if (fixture.neverAgain) await pusher.api('POST', '/artifact/restore', nameOf(version));
    else await fixture.publish(pusher, place, what);
    await expectRefused(fixture, viewer, version, 'stays');
  });
}

function moving(fixture: ProtocolFixture, the: () => Scene): void {
  it('promotes to another repository, with where it came from', async () => {
    const { registry, pusher, viewer, repository } = the();
    const { version } = await published(fixture, the());
    const to = await repository();
    const before = await head(registry);
    const promoted = await pusher.api('POST', '/promotions', {
      from: nameOf(version),
      to,
      ...tagOf(fixture),
    });
    expect(promoted.status, promoted.text).toBe(201);
    const { id } = jsonOf<{ id: string }>(promoted);
    await expectServed(viewer, at(version, to));
    const events = changes(await eventsAfter(registry, before));
    expect(events[0]?.type).toBe('PromotionRequested');
    const last = fixture.tagless ? 'VersionPublished' : 'TagAssigned';
    expect(events.slice(-2).map(({ type }) => type)).toEqual([last, 'PromotionCompleted']);
    const copy = events.find(({ type }) => type === 'VersionPublished');
    expect(copy?.data.provenance).toMatchObject({ promotionId: id, publishedBy: pusher.id });
    for (const event of events) expect(event.meta.actor).toBe(pusher.id);
  });

  it('does not promote what is held, and a copy stays held by its bytes', async () => {
    const { admin, pusher, viewer, repository } = the();
    const { version } = await published(fixture, the());
    const [to, late] = [await repository(), await repository()];
    await pusher.api('POST', '/promotions', { from: nameOf(version), to, ...tagOf(fixture) });
    await admin.api('POST', '/holds', { ...nameOf(version), reason: 'poisoned', everywhere: true });
    await expectRefused(fixture, viewer, at(version, to), 'poisoned');
    const order = { from: nameOf(version), to: late, ...tagOf(fixture) };
    const refused = await pusher.api('POST', '/promotions', order);
    expect([refused.status, jsonOf(refused).code]).toEqual([403, 'ARTIFACT_HELD']);
    await expectUnknown(fixture, admin, at(version, late));
  });

  it('hides what is deleted until it is restored', async () => {
    const { viewer, pusher, registry } = the();
    const { version, place } = await published(fixture, the());
    const before = await head(registry);
    const deleted =
      fixture.delete && !fixture.deletesByApi
        ? await fixture.delete(pusher, version)
        : await pusher.api('POST', '/artifact/delete', nameOf(version));
    expect(deleted.status).toBeLessThan(300);
    await expectUnknown(fixture, viewer, version);
    const listed = await viewer.ask('GET', fixture.listPath(place, version.package));
    if (listed.status === 200) expect(fixture.labels(listed)).toEqual([]);
    expect((await pusher.api('POST', '/artifact/restore', nameOf(version))).status).toBe(204);
    await expectServed(viewer, version);
    const kinds = changes(await eventsAfter(registry, before)).map(({ type }) => type);
    expect(kinds).toEqual(['VersionDeleted', 'VersionRestored']);
  });

  it('revives no label when what was deleted is published again under another', async () => {
    const { viewer, pusher } = the();
    const { version, what, place } = await published(fixture, the());
    await pusher.api('POST', '/artifact/delete', nameOf(version));
    const again = await fixture.publish(pusher, place, { ...what, label: 'v2' });
    await expectServed(viewer, again.version);
    const old = await viewer.ask('GET', fixture.resolvePath(place, what.package, 'v1'));
    expect(fixture.unknown).toContain(old.status);
  });
}

const tagOf = ({ tagless }: ProtocolFixture) => (tagless ? {} : { tag: 'v1' });

/** The same version where a promotion put it. */
export function at(version: PublishedVersion, place: Place): PublishedVersion {
  const here = `/${version.place.project}/${version.place.repository}/`;
  const there = `/${place.project}/${place.repository}/`;
  return {
    ...version,
    place,
    files: version.files.map(file => ({ ...file, path: file.path.replace(here, there) })),
  };
}

function strangers(fixture: ProtocolFixture, the: () => Scene): void {
  it('says natively that something is not there', async () => {
    const { viewer, repository } = the();
    const place = await repository();
    const name = fixture.packageName(fresh());
    for (const path of [fixture.resolvePath(place, name, 'v1'), fixture.listPath(place, name)]) {
      const answer = await viewer.ask('GET', path);
      expect(fixture.unknown).toContain(answer.status);
      expect(fixture.refusal(answer).message).not.toBe('');
    }
  });

  it('asks strangers to log in, whether something is there or not, and lets them into what is public', async () => {
    const { nobody, repository } = the();
    const { version } = await published(fixture, the());
    for (const file of version.files)
      expect(fixture.isChallenge(await get(nobody, file)), file.name).toBe(true);
    const absent = { project: PROJECT, repository: fresh() };
    const path = fixture.resolvePath(absent, fixture.packageName(fresh()), 'v1');
    expect(fixture.isChallenge(await nobody.ask('GET', path))).toBe(true);
    const open = await published(fixture, the(), await repository({ visibility: 'public' }));
    await expectServed(nobody, open.version);
    const { answer } = await fixture.publish(nobody, open.place, { ...open.what, label: 'v2' });
    expect(fixture.isChallenge(answer)).toBe(true);
  });

  it('takes nothing into a repository of another format', async () => {
    const { pusher, registry, format } = the();
    const place = { project: PROJECT, repository: fresh() };
    const other = format === 'generic' ? 'oci' : 'generic';
    await registry.api('POST', `/projects/${PROJECT}/repositories`, {
      name: place.repository,
      format: other,
    });
    const before = await head(registry);
    const what = { package: fixture.packageName(fresh()), label: 'v1', seed: fresh() };
    const { answer } = await fixture.publish(pusher, place, what);
    expect(fixture.unknown, answer.text).toContain(answer.status);
    expect(changes(await eventsAfter(registry, before))).toEqual([]);
  });

  it('refuses a viewer who publishes', async () => {
    const { viewer, registry } = the();
    const { place, what } = await published(fixture, the());
    const before = await head(registry);
    const { answer } = await fixture.publish(viewer, place, { ...what, seed: fresh(), label: 'v2' });
    expect(fixture.refusal(answer).status).toBe(403);
    expect(changes(await eventsAfter(registry, before))).toEqual([]);
  });
}
