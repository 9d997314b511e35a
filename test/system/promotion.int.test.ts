/** A promotion that is cut off between any two of its steps, and what may happen between its request and its tag. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/application/caller.ts';
import type { Core } from '../../src/application/core.ts';
import { type PromotionOrder, promote, resumePromotions } from '../../src/application/promote.ts';
import { PROMOTION_LEASE_MS } from '../../src/application/promotion-steps.ts';
import { createStreams } from '../../src/application/streams.ts';
import type { EventLog, NewEvent, RecordedEvent } from '../../src/eventlog/port.ts';
import type { Actor } from '../conformance/client.ts';
import { image, index, type Manifest, pushImage } from '../conformance/oci-images.ts';
import { type InProcess, startInProcess } from '../conformance/server.ts';
import { oneByOne } from '../support/log.ts';
import { getManifest, MAIN, tokenOf, withToken } from './support.ts';

const STAGE = { project: 'main', repository: 'stage' };
const NAME = 'app';

let server: InProcess;
let core: Core;
let who: Actor;
let caller: Caller;

beforeAll(async () => {
  server = await startInProcess();
  core = server.system.core;
  await server.api('POST', '/projects/main/repositories', { name: 'stage', format: 'oci' });
  who = withToken(server.url, await tokenOf(server));
  const { id } = await server.api<{ id: string }>('GET', '/whoami');
  caller = { id, kind: 'user', authentication: 'token', correlationId: 'promotion-test' };
});

afterAll(() => server.stop());

interface Multi {
  readonly index: Manifest;
  readonly all: readonly Manifest[];
}

/** An index of two images, with a signature of the index and one of its first image. */
async function pushMulti(): Promise<Multi> {
  const children = [image(), image()];
  const top = index(children);
  const signatures = [top, children[0]!].map(subject =>
    image({ subject, artifactType: 'application/vnd.test.signature' }),
  );
  const all = [...children, top, ...signatures];
  for (const manifest of all)
    expect((await pushImage(who, { place: MAIN, name: NAME }, manifest)).status).toBe(201);
  return { index: top, all };
}

async function order({ index: top }: Multi, tag: string): Promise<PromotionOrder> {
  const from = await core.queries.repositoryByName('main', 'oci');
  const to = await core.queries.repositoryByName('main', 'stage');
  return { from: from!, to: to!, package: NAME, reference: { digest: top.digest }, tag };
}

type Append = (
  stream: string,
  events: readonly NewEvent[],
  work: () => ReturnType<EventLog['append']>,
) => ReturnType<EventLog['append']>;

/** The registry with a log whose appends pass through a function. */
function appending(through: Append): Core {
  const append: EventLog['append'] = (stream, events, options) =>
    through(stream, events, () => core.log.append(stream, events, options));
  const log: EventLog = {
    ...{ logId: core.log.logId, epoch: core.log.epoch, start: core.log.start },
    append,
    appendInOrder: oneByOne(append),
    readStream: (...asked) => core.log.readStream(...asked),
    readAll: asked => core.log.readAll(asked),
    head: () => core.log.head(),
    subscribe: asked => core.log.subscribe(asked),
    close: async () => undefined,
  };
  return { ...core, log, streams: createStreams(log) };
}

class Killed extends Error {}

/** The registry when the lease of a run that died is over. */
const later = (of: Core = core, ms = PROMOTION_LEASE_MS): Core => ({
  ...of,
  now: () => new Date(Date.now() + ms),
});

async function eventsSince(after: string): Promise<readonly RecordedEvent[]> {
  return (await core.log.readAll({ after, limit: 1000 })).events;
}

const visible = (reference: string) => getManifest(who, STAGE, NAME, reference);

async function expectPromoted(events: readonly RecordedEvent[], what: Multi, tag: string): Promise<void> {
  const of = (type: string) => events.filter(event => event.type === type);
  expect(of('PromotionCompleted')).toHaveLength(1);
  expect(of('PromotionRequested')).toHaveLength(1);
  const [assigned, ...others] = of('TagAssigned');
  expect(others).toEqual([]);
  const published = of('VersionPublished');
  expect(published.map(({ data }) => data.version).sort()).toEqual(
    what.all.map(({ digest }) => digest).sort(),
  );
  expect(published.every(({ position }) => position < (assigned?.position ?? ''))).toBe(true);
  const at = (digest: string) => published.findIndex(({ data }) => data.version === digest);
  expect(at(what.index.digest)).toBeGreaterThan(Math.max(at(what.all[0]!.digest), at(what.all[1]!.digest)));
  const { promotionId, from } = of('PromotionRequested')[0]!.data as {
    promotionId: string;
    from: { repositoryId: string };
  };
  for (const { data } of published)
    expect(data.provenance).toMatchObject({
      promotionId,
      fromRepositoryId: from.repositoryId,
      publishedBy: caller.id,
    });
  expect((await visible(tag)).body.equals(what.index.bytes)).toBe(true);
  for (const { digest, bytes } of what.all) expect((await visible(digest)).body.equals(bytes)).toBe(true);
}

/** The registry that stops for ever before or after one of its appends. */
function killedAt(n: number): Core {
  let count = 0;
  return appending(async (_stream, _events, work) => {
    if (count++ >= n) throw new Killed();
    const result = await work();
    if (count++ >= n) throw new Killed();
    return result;
  });
}

/** One promotion, stopped at its n-th step and carried on. True: it was over before that step. */
async function cutOffAt(n: number): Promise<boolean> {
  const what = await pushMulti();
  const tag = `cut-${n}`;
  const start = await core.log.head();
  const outcome = await promote(killedAt(n), caller, await order(what, tag)).catch((error: unknown) => error);
  if (outcome instanceof Error) expect(outcome).toBeInstanceOf(Killed);
  await server.system.consistency.settle();
  const before = new Set((await eventsSince(start)).map(({ type }) => type));
  // nobody sees anything under the tag before all of it is there
  expect((await visible(tag)).status).toBe(before.has('TagAssigned') ? 200 : 404);
  const open = before.has('PromotionRequested') && !before.has('PromotionCompleted');
  // its lease is still running: a live run is not disturbed
  if (before.has('PromotionLeaseTaken')) expect(await resumePromotions(core)).toBe(0);
  expect(await resumePromotions(later())).toBe(open ? 1 : 0);
  await server.system.consistency.settle();
  if (before.has('PromotionRequested')) await expectPromoted(await eventsSince(start), what, tag);
  const head = await core.log.head();
  expect(await resumePromotions(later())).toBe(0);
  expect(await core.log.head()).toBe(head);
  return !(outcome instanceof Error);
}

test('cut off before and after every append, then carried on', { timeout: 60_000 }, async () => {
  let steps = 0;
  while (!(await cutOffAt(steps))) steps++;
  // request, five versions with their links, tag and completion, before and after each
  expect(steps).toBeGreaterThan(30);
});

test('two carry on the same promotion at once: it is completed once', async () => {
  const what = await pushMulti();
  const start = await core.log.head();
  let count = 0;
  const cut = appending((_stream, _events, work) => (count++ > 4 ? Promise.reject(new Killed()) : work()));
  await expect(promote(cut, caller, await order(what, 'twice'))).rejects.toThrow(Killed);
  await server.system.consistency.settle();
  await Promise.all([
    resumePromotions(later()),
    resumePromotions(later()),
    resumePromotions(later(appending((_s, _e, work) => work()))),
  ]);
  await server.system.consistency.settle();
  await expectPromoted(await eventsSince(start), what, 'twice');
});

test.each(['the index', 'its first image, which is placed already', 'a signature'])(
  'a hold on %s between the request and the tag refuses it',
  async held => {
    const what = await pushMulti();
    const target = held === 'the index' ? what.index : held === 'a signature' ? what.all[4]! : what.all[0]!;
    const start = await core.log.head();
    let placed = false;
    const held_ = appending(async (_stream, events, work) => {
      const result = await work();
      // the last version is placed: all that is left is the tag
      const last = (await eventsSince(start)).filter(({ type }) => type === 'VersionPublished').length === 5;
      if (events[0]?.type === 'VersionPublished' && last && !placed) {
        placed = true;
        const body = { ...MAIN, package: NAME, version: target.digest, reason: 'found to be bad' };
        expect((await who.api('POST', '/holds', body)).status).toBe(201);
      }
      return result;
    });
    const tag = `held-${target.digest.slice(7, 20)}`;
    await expect(promote(held_, caller, await order(what, tag))).rejects.toMatchObject({
      code: 'ARTIFACT_HELD',
    });
    expect(placed).toBe(true);
    await server.system.consistency.settle();
    expect((await visible(tag)).status).toBe(404);
    const types = (await eventsSince(start)).map(({ type }) => type);
    expect(types).toContain('PromotionRefused');
    expect(types).not.toContain('TagAssigned');
    expect(await resumePromotions(core)).toBe(0);
  },
);

test('a command that is repeated goes on with what it asked for first', async () => {
  const what = await pushMulti();
  const once = { ...caller, commandId: core.newId() };
  let count = 0;
  const cut = appending((_stream, _events, work) => (count++ > 4 ? Promise.reject(new Killed()) : work()));
  await expect(promote(cut, once, await order(what, 'repeated'))).rejects.toThrow(Killed);
  const late = image({ subject: what.index, artifactType: 'application/vnd.test.late' });
  expect((await pushImage(who, { place: MAIN, name: NAME }, late)).status).toBe(201);
  await expect(promote(core, once, await order(what, 'repeated'))).rejects.toMatchObject({
    code: 'CONCURRENT_CHANGE',
  });
  const { position } = await promote(later(), once, await order(what, 'repeated'));
  await server.system.consistency.wait(position);
  expect((await visible('repeated')).status).toBe(200);
  expect((await visible(late.digest)).status).toBe(404);
});

test('one that cannot be carried on is refused, and is in nobody’s way', async () => {
  await server.api('POST', '/projects/main/repositories', { name: 'short', format: 'oci' });
  const [lost, kept] = [await pushMulti(), await pushMulti()];
  const stop = () => {
    let count = 0;
    return appending((_stream, _events, work) => (count++ > 0 ? Promise.reject(new Killed()) : work()));
  };
  const short = await core.queries.repositoryByName('main', 'short');
  await expect(promote(stop(), caller, { ...(await order(lost, 'lost')), to: short! })).rejects.toThrow(
    Killed,
  );
  await expect(promote(stop(), caller, await order(kept, 'kept'))).rejects.toThrow(Killed);
  await server.api('DELETE', '/projects/main/repositories/short');
  const start = await core.log.head();
  expect(await resumePromotions(later())).toBe(2);
  await server.system.consistency.settle();
  expect((await visible('kept')).status).toBe(200);
  const refused = (await eventsSince(start)).filter(({ type }) => type === 'PromotionRefused');
  expect(refused.map(({ data }) => data.code)).toEqual(['REPOSITORY_UNKNOWN']);
});
