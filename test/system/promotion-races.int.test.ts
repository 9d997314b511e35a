/** Promotions carried out by several at once, or cut off: made once, as far as they came, and by the rules of their end. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../src/application/caller.ts';
import type { Core } from '../../src/application/core.ts';
import { type PromotionOrder, promote, resumePromotions } from '../../src/application/promote.ts';
import { approvePromotion } from '../../src/application/promotion-approval.ts';
import { createStreams } from '../../src/application/streams.ts';
import type { EventLog } from '../../src/eventlog/port.ts';
import { type Actor, eventsAfter, head, jsonOf, person } from '../conformance/client.ts';
import { image, pushImage } from '../conformance/oci-images.ts';
import { startInProcess } from '../conformance/server.ts';
import { oneByOne } from '../support/log.ts';
import { startPostgres } from '../support/postgres.ts';
import { describeWith } from '../support/services.ts';
import { approve, asked, NAME, openScene, reject, type Scene, STAGE } from './promoting.ts';
import { getManifest, MAIN, newFolder, removeFolder, tokenOf, withToken } from './support.ts';

let scene: Scene;
let server: Scene['server'];
let core: Scene['core'];
let admin: Actor;
let ann: Actor;
let bob: Actor;
let eve: Actor;

beforeAll(async () => {
  scene = await openScene();
  ({ server, core, admin, ann, bob, eve } = scene);
});
afterAll(() => server.stop());

/** The registry as another process would have it: a memory of its own. */
function another(append: EventLog['append'] = (...args) => core.log.append(...args)): Core {
  const log: EventLog = {
    ...{ logId: core.log.logId, epoch: core.log.epoch, start: core.log.start, append },
    appendInOrder: oneByOne(append),
    readStream: (...asked_) => core.log.readStream(...asked_),
    readAll: asked_ => core.log.readAll(asked_),
    head: () => core.log.head(),
    subscribe: asked_ => core.log.subscribe(asked_),
    close: async () => undefined,
  };
  return { ...core, log, streams: createStreams(log) };
}

const callerOf = ({ id }: Actor): Caller => ({
  ...{ id, kind: 'user', authentication: 'token', correlationId: 'approvals-test' },
});

test('two approve at once at two processes, and the job runs: it is made once', async () => {
  await admin.api('PATCH', '/projects/main/repositories/release', { requiredApprovals: 2 });
  for (let round = 0; round < 5; round++) {
    const { top, all, tag } = await scene.pushed();
    const { id, closure: closureDigest } = await asked(ann, top.digest, { tag });
    const start = await head(server);
    const outcomes = await Promise.all([
      approvePromotion(another(), callerOf(bob), id, { closureDigest }),
      approvePromotion(another(), callerOf(eve), id, { closureDigest }),
      resumePromotions(another()),
    ]);
    expect(outcomes.slice(0, 2).every(one => typeof one !== 'number' && one.status !== 'refused')).toBe(true);
    await server.system.consistency.settle();
    const types = (await eventsAfter(server, start)).map(({ type }) => type);
    const times = (type: string) => types.filter(one => one === type).length;
    expect([times('PromotionApproved'), times('PromotionCompleted'), times('TagAssigned')]).toEqual([
      2, 1, 1,
    ]);
    expect([times('PromotionLeaseTaken'), times('VersionPublished')]).toEqual([1, all.length]);
    expect(await scene.visible(tag)).toBe(200);
  }
  await admin.api('PATCH', '/projects/main/repositories/release', { requiredApprovals: 1 });
});

/** A promotion that waits for nobody. */
async function toStage(digest: string, tag?: string): Promise<PromotionOrder> {
  const from = await core.queries.repositoryByName('main', 'oci');
  const to = await core.queries.repositoryByName('main', 'stage');
  return { from: from!, to: to!, package: NAME, reference: { digest }, tag };
}

test.each(['with a tag', 'without one'])(
  'a policy that is attached while it is carried out refuses it at its end, %s',
  async how => {
    const { top, tag } = await scene.pushed();
    let attachment = '';
    const attaching = another(async (stream, events, options) => {
      const result = await core.log.append(stream, events, options);
      if (events[0]?.type !== 'VersionPublished' || events[0].data.version !== top.digest) return result;
      const policy = { set: 'allowed_media_types', params: { maxBytes: 10 }, level: 'hard', ...STAGE };
      attachment = (await server.api<{ id: string }>('POST', '/attachments', policy)).id;
      return result;
    });
    const order = await toStage(top.digest, how === 'with a tag' ? tag : undefined);
    const start = await head(server);
    await expect(promote(attaching, callerOf(ann), order)).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    const events = await eventsAfter(server, start);
    const types = events.map(({ type }) => type);
    expect(types).toContain('PromotionRefused');
    expect(types).not.toContain('TagAssigned');
    await server.api('DELETE', `/attachments/${attachment}`);
  },
);

class Killed extends Error {}

/** A process that ends for ever before or after one of its appends. */
function killedAt(n: number): Core {
  let step = 0;
  return another(async (...args) => {
    if (step++ >= n) throw new Killed();
    const result = await core.log.append(...args);
    if (step++ >= n) throw new Killed();
    return result;
  });
}

test('the process ends before or after any append of the last approval: the job carries it on', async () => {
  let over = false;
  let steps = 0;
  for (; !over; steps++) {
    const { top, all, tag } = await scene.pushed();
    const { id, closure: closureDigest } = await asked(ann, top.digest, { tag });
    const start = await head(server);
    const outcome = await approvePromotion(killedAt(steps), callerOf(bob), id, { closureDigest }).catch(
      (error: unknown) => error,
    );
    over = !(outcome instanceof Error);
    if (!over) expect(outcome).toBeInstanceOf(Killed);
    await server.system.consistency.settle();
    const before = new Set((await eventsAfter(server, start)).map(({ type }) => type));
    expect(await scene.visible(tag)).toBe(before.has('TagAssigned') ? 200 : 404);
    const later: Core = { ...core, now: () => new Date(Date.now() + 60_000) };
    const open = before.has('PromotionApproved') && !before.has('PromotionCompleted');
    expect(await resumePromotions(later)).toBe(open ? 1 : 0);
    await server.system.consistency.settle();
    const events = await eventsAfter(server, start);
    const times = (type: string) => events.filter(event => event.type === type).length;
    const made = before.has('PromotionApproved') ? 1 : 0;
    expect([times('PromotionCompleted'), times('TagAssigned')]).toEqual([made, made]);
    expect(times('VersionPublished')).toBe(made * all.length);
    if (made === 0) await reject(bob, id);
  }
  expect(steps).toBeGreaterThan(16);
});

test.each(['PromotionCompleted', 'TagAssigned'])(
  'cut off before %s, its source deleted: it ends as far as it came',
  async before => {
    const { top, all, tag } = await scene.pushed();
    let dead = false;
    const dying = another(async (stream, events, options) => {
      dead ||= events[0]?.type === before;
      if (dead) throw new Killed();
      return core.log.append(stream, events, options);
    });
    const order = await toStage(top.digest, tag);
    await expect(promote(dying, callerOf(ann), order)).rejects.toThrow(Killed);
    await server.system.consistency.settle();
    for (const { digest } of [...all].reverse())
      await admin.api('POST', '/artifact/delete', { ...MAIN, package: NAME, version: digest });
    const start = await head(server);
    expect(await resumePromotions({ ...core, now: () => new Date(Date.now() + 60_000) })).toBe(1);
    const types = (await eventsAfter(server, start)).map(({ type }) => type);
    // the copies were all there: only the names were missing, if anything
    const rest = before === 'TagAssigned' ? ['TagAssigned'] : [];
    expect(types).toEqual(['PromotionLeaseTaken', ...rest, 'PromotionCompleted']);
    expect((await getManifest(admin, STAGE, NAME, tag)).status).toBe(200);
  },
);

/** A run that sleeps after it placed its last copy, so long that it loses its lease. */
const sleeping = (last: string, meanwhile: () => Promise<void>): Core =>
  another(async (stream, events, options) => {
    const result = await core.log.append(stream, events, options);
    if (events[0]?.type === 'VersionPublished' && events[0].data.version === last) await meanwhile();
    return result;
  });
const inAMinute = (of: Core = core): Core => ({ ...of, now: () => new Date(Date.now() + 60_000) });

test('a run that was taken for dead finds it completed', async () => {
  const { top, tag } = await scene.pushed();
  const start = await head(server);
  const slow = sleeping(top.digest, async () => {
    await server.system.consistency.settle();
    expect(await resumePromotions(inAMinute(another()))).toBe(1);
  });
  expect(await promote(slow, callerOf(ann), await toStage(top.digest, tag))).toMatchObject({
    status: 'completed',
  });
  const types = (await eventsAfter(server, start)).map(({ type }) => type);
  for (const type of ['TagAssigned', 'PromotionCompleted'])
    expect(types.filter(other => other === type)).toHaveLength(1);
});

test('a run that lost its lease gives no tag', async () => {
  const { top, tag } = await scene.pushed();
  const start = await head(server);
  const slow = sleeping(top.digest, async () => {
    await server.system.consistency.settle();
    let dead = false;
    const next = another(async (...args) => {
      if (dead) throw new Killed();
      dead = args[1][0]?.type === 'PromotionLeaseTaken';
      return core.log.append(...args);
    });
    await expect(resumePromotions(inAMinute(next))).rejects.toThrow(Killed);
  });
  const order = await toStage(top.digest, tag);
  await expect(promote(slow, callerOf(ann), order)).rejects.toMatchObject({ code: 'CONCURRENT_CHANGE' });
  const types = (await eventsAfter(server, start)).map(({ type }) => type);
  expect(types).not.toContain('TagAssigned');
  expect(types).not.toContain('PromotionRefused');
  const muchLater: Core = { ...core, now: () => new Date(Date.now() + 120_000) };
  expect(await resumePromotions(muchLater)).toBe(1);
  expect((await getManifest(admin, STAGE, NAME, tag)).status).toBe(200);
});

test('cut off after its tag: what is forbidden since comes too late to call it refused', async () => {
  const { top, tag } = await scene.pushed();
  let dead = false;
  const dying = another(async (stream, events, options) => {
    dead ||= events[0]?.type === 'PromotionCompleted';
    if (dead) throw new Killed();
    return core.log.append(stream, events, options);
  });
  const { promotionId } = await promote(dying, callerOf(ann), await toStage(top.digest, tag)).catch(
    async error => {
      expect(error).toBeInstanceOf(Killed);
      await server.system.consistency.settle();
      return (await core.queries.listPromotions({ openOnly: true }))[0]!;
    },
  );
  const policy = { set: 'allowed_media_types', params: { maxBytes: 10 }, level: 'hard', ...STAGE };
  const { id } = await server.api<{ id: string }>('POST', '/attachments', policy);
  expect(await resumePromotions({ ...core, now: () => new Date(Date.now() + 60_000) })).toBe(1);
  await server.system.consistency.settle();
  expect(await scene.show(promotionId)).toMatchObject({ status: 'completed' });
  await server.api('DELETE', `/attachments/${id}`);
});

test('a tag that was moved after the promotion gave it stays where it was moved to', async () => {
  const [one, other] = [await scene.pushed(), await scene.pushed()];
  let dead = false;
  const dying = another(async (stream, events, options) => {
    dead ||= events[0]?.type === 'PromotionCompleted';
    if (dead) throw new Killed();
    return core.log.append(stream, events, options);
  });
  const order = (digest: string) => toStage(digest, 'moving');
  await expect(promote(dying, callerOf(ann), await order(one.top.digest))).rejects.toThrow(Killed);
  await server.system.consistency.settle();
  const { position } = await promote(core, callerOf(bob), await order(other.top.digest));
  await server.system.consistency.wait(position);
  expect(await resumePromotions({ ...core, now: () => new Date(Date.now() + 60_000) })).toBe(1);
  await server.system.consistency.settle();
  const { body } = await getManifest(admin, STAGE, NAME, 'moving');
  expect(body.equals(other.top.bytes)).toBe(true);
});

describeWith(['postgres'], 'two processes over one database', () => {
  test('the last two approvals, at both at once, make it once', async () => {
    const postgres = await startPostgres();
    const data = await newFolder();
    const environment = {
      STRONGROOM_EVENTLOG_URL: (await postgres?.database()) ?? '',
      STRONGROOM_DATA: data,
    };
    const here = await startInProcess(environment);
    const there = await startInProcess(environment);
    try {
      await here.api('POST', '/projects/main/repositories', { name: 'release', format: 'oci' });
      await here.api('PATCH', '/projects/main/repositories/release', { requiredApprovals: 2 });
      const owner = withToken(here.url, await tokenOf(here));
      const [one, two] = [
        await person(here, 'one', [{ role: 'contributor', project: 'main' }]),
        await person(there, 'two', [{ role: 'contributor', project: 'main' }]),
      ];
      for (let round = 0; round < 5; round++) {
        const top = image();
        expect((await pushImage(owner, { place: MAIN, name: NAME }, top)).status).toBe(201);
        const waiting = await asked(owner, top.digest, { tag: `v${round}` });
        const start = await head(here);
        const answers = await Promise.all([approve(one, waiting), approve(two, waiting)]);
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        expect(answers.map(answer => jsonOf(answer).status)).toContain('completed');
        const types = (await eventsAfter(there, start)).map(({ type }) => type);
        const once = ['PromotionLeaseTaken', 'VersionPublished', 'TagAssigned', 'PromotionCompleted'];
        for (const type of once) expect(types.filter(other => other === type)).toHaveLength(1);
      }
    } finally {
      await Promise.all([here.stop(), there.stop()]);
      await postgres?.stop();
      await removeFolder(data);
    }
  });
});
