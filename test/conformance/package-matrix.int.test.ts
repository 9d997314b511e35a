/**
 * Nothing of a package is served, by any route of its protocol, that a hold or a policy forbids. The fixture says how
 * each serving route is asked for a version; a route without a way to be asked fails.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../../src/protocols/index.ts';
import { type Actor, type Answer, adminAt, jsonOf, person } from './client.ts';
import type { Asks, Place, ProtocolFixture, PublishedVersion } from './fixture.ts';
import { FIXTURES } from './fixtures.ts';
import { at } from './protocol.ts';
import { type InProcess, startInProcess } from './server.ts';

const PROJECT = 'packages';
const fresh = () => `n${randomBytes(5).toString('hex')}`;

let server: InProcess;
let [admin, pusher, viewer] = [] as unknown as [Actor, Actor, Actor];
beforeAll(async () => {
  server = await startInProcess();
  await server.api('POST', '/projects', { name: PROJECT });
  admin = await adminAt(server);
  pusher = await person(server, 'pusher', [{ role: 'contributor', project: PROJECT }]);
  viewer = await person(server, 'viewer', [{ role: 'viewer', project: PROJECT }]);
});
afterAll(() => server?.stop());

async function repository(format: string): Promise<Place> {
  const name = fresh();
  await server.api('POST', `/projects/${PROJECT}/repositories`, { name, format });
  return { project: PROJECT, repository: name };
}

async function published(
  fixture: ProtocolFixture,
  format: string,
  seed = fresh(),
): Promise<PublishedVersion> {
  const what = { package: fixture.packageName(fresh()), label: 'v1', seed };
  const { answer, version } = await fixture.publish(pusher, await repository(format), what);
  expect(answer.status, answer.text).toBeLessThan(300);
  return version;
}

const nameOf = ({ place, package: name, version }: PublishedVersion) => ({
  ...place,
  package: name,
  version,
});

async function ask(actor: Actor, method: string, { paths, headers, body }: Asks): Promise<readonly Answer[]> {
  return Promise.all(
    paths.map(path =>
      actor.ask(method, path, { ...(headers ? { headers } : {}), ...(body === undefined ? {} : { body }) }),
    ),
  );
}

const methodOf = (route: string) => route.split(' ', 1)[0] ?? 'GET';

/** An index offers a version when it names one of its files. */
const namesFile = (answer: Answer, version: PublishedVersion) =>
  version.files.some(({ path }) => answer.text.includes(decodeURIComponent(path.split('/').at(-1) ?? path)));

async function expectForbidden(fixture: ProtocolFixture, version: PublishedVersion): Promise<void> {
  for (const actor of [viewer, admin])
    for (const [route, asking] of Object.entries(fixture.asks ?? {})) {
      const asks = asking(version);
      for (const answer of await ask(actor, methodOf(route), asks)) {
        expectNoContent(route, answer, version);
        expectRefused(route, answer, { version, asks });
      }
    }
}

function expectNoContent(route: string, answer: Answer, { files }: PublishedVersion): void {
  for (const { bytes } of files)
    if (bytes.length > 8) expect(answer.body.includes(bytes), `${route} gives out content`).toBe(false);
}

function expectRefused(
  route: string,
  answer: Answer,
  { version, asks }: { version: PublishedVersion; asks: Asks },
): void {
  const { kind, offers = namesFile } = asks;
  if (kind === 'content') expect([route, answer.status]).toEqual([route, 403]);
  else if (answer.status < 300)
    expect(offers(answer, version), `${route} offers it: ${answer.text}`).toBe(false);
}

/** Everything is there when nothing forbids it: else the refusals would prove nothing. */
async function expectAvailable(fixture: ProtocolFixture, version: PublishedVersion): Promise<void> {
  for (const [route, asking] of Object.entries(fixture.asks ?? {})) {
    const asks = asking(version);
    const answers = await ask(viewer, methodOf(route), asks);
    for (const answer of answers)
      expect([route, answer.status < 400], `${route}: ${answer.status} ${answer.text}`).toEqual([
        route,
        true,
      ]);
  }
}

for (const { format, routes } of PROTOCOLS) {
  if (format === 'oci') continue;
  const fixture = FIXTURES[format];
  describe(`${format}: what is forbidden is served by no route`, () => {
    it('asks every route that serves', () => {
      const serving = routes
        .filter(({ serves }) => serves)
        .map(({ method, pattern }) => `${method} ${pattern}`);
      expect(Object.keys(fixture.asks ?? {}).sort()).toEqual([...new Set(serving)].sort());
    });

    it('held here, and served again when released', async () => {
      const version = await published(fixture, format);
      await expectAvailable(fixture, version);
      const held = await admin.api('POST', '/holds', { ...nameOf(version), reason: 'not now' });
      await expectForbidden(fixture, version);
      await admin.api('POST', `/holds/${jsonOf<{ id: string }>(held).id}/release`, nameOf(version));
      await expectAvailable(fixture, version);
    });

    it('held everywhere: the same bytes elsewhere, and a promoted copy', async () => {
      const seed = fresh();
      const version = await published(fixture, format, seed);
      const to = await repository(format);
      const order = { from: nameOf(version), to, ...(fixture.tagless ? {} : { tag: 'v1' }) };
      expect((await pusher.api('POST', '/promotions', order)).status).toBe(201);
      const copy = at(version, to);
      await expectAvailable(fixture, copy);
      await admin.api('POST', '/holds', { ...nameOf(version), reason: 'poisoned', everywhere: true });
      await expectForbidden(fixture, version);
      await expectForbidden(fixture, copy);
      const what = { package: version.package, label: 'v1', seed };
      const again = await fixture.publish(pusher, await repository(format), what);
      await expectForbidden(fixture, again.version);
    });

    it('one file held: its sidecars with it, wherever they are asked for', async () => {
      const version = await published(fixture, format);
      const shown = await viewer.api('GET', `/artifact?${new URLSearchParams(nameOf(version))}`);
      const { files } = jsonOf<{ files: { name: string; of?: string }[] }>(shown);
      const file = files.find(({ of }) => of === undefined)?.name;
      await admin.api('POST', '/holds', { ...nameOf(version), file, reason: 'this file' });
      if (files.filter(({ of }) => of === undefined).length === 1) await expectForbidden(fixture, version);
    });
  });
}
