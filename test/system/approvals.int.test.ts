/** Promotions that wait for approvals: who gives them, what they are bound to, and what is asked again at the end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/application/caller.ts';
import type { Core } from '../../src/application/core.ts';
import { resumePromotions } from '../../src/application/promote.ts';
import { approvePromotion } from '../../src/application/promotion-approval.ts';
import { type Actor, type Answer, eventsAfter, head, jsonOf, person } from '../conformance/client.ts';
import type { Place } from '../conformance/fixture.ts';
import { image, pushImage } from '../conformance/oci-images.ts';
import { approve, ask, asked, NAME, openScene, RELEASE, reject, type Scene, STAGE } from './promoting.ts';
import { getManifest, MAIN } from './support.ts';

let scene: Scene;
let server: Scene['server'];
let core: Scene['core'];
let admin: Actor;
let ann: Actor;
let bob: Actor;
let eve: Actor;
let viewer: Actor;

beforeAll(async () => {
  scene = await openScene();
  ({ server, core, admin, ann, bob, eve, viewer } = scene);
});
afterAll(() => server.stop());

const code = (answer: Answer) => `${answer.status} ${jsonOf(answer).code}`;
const listed = async (who: Actor, query: string) =>
  jsonOf<{ items: { id: string }[]; next?: string }>(await who.api('GET', `/promotions?${query}`));

describe('a promotion into a repository that asks for an approval', () => {
  test('waits, is approved by somebody else, and is then made in the name of who asked', async () => {
    const { top, all, tag } = await scene.pushed();
    const start = await head(server);
    const waiting = await asked(ann, top.digest, { tag, reason: 'release day' });
    expect(waiting).toMatchObject({ status: 'waiting', required: 1, placed: 0, warnings: [] });
    expect(Date.parse(waiting.expiresAt ?? '') - Date.now()).toBeGreaterThan(6.9 * 24 * 3600 * 1000);
    expect(await scene.visible(tag)).toBe(404);
    expect(await scene.visible(top.digest)).toBe(404);
    expect(await scene.show(waiting.id, viewer)).toMatchObject({
      ...{ status: 'waiting', from: MAIN, to: RELEASE, requestedBy: ann.id, reason: 'release day' },
      content: all.map(({ digest }) => ({ version: digest })),
    });
    expect(await resumePromotions(core)).toBe(0);
    const approved = await approve(bob, waiting, { reason: 'looked at it' });
    expect(jsonOf(approved)).toEqual({ status: 'completed', approvals: 1, required: 1, warnings: [] });
    expect(await scene.visible(tag)).toBe(200);
    expect(await scene.show(waiting.id)).toMatchObject({
      status: 'completed',
      approvedBy: [{ by: bob.id, reason: 'looked at it' }],
    });
    const events = await eventsAfter(server, start);
    for (const type of ['VersionPublished', 'TagAssigned', 'PromotionCompleted'])
      expect(events.find(event => event.type === type)?.meta.actor).toBe(ann.id);
    expect(events.find(({ type }) => type === 'PromotionApproved')?.meta.actor).toBe(bob.id);
    expect(JSON.stringify(events)).not.toMatch(/release day|looked at it/);
  });

  test('is approved neither by who asked, nor by who may not promote there, nor by a robot, nor blindly', async () => {
    const { top } = await scene.pushed();
    const waiting = await asked(ann, top.digest);
    expect(code(await approve(ann, waiting))).toBe('403 FORBIDDEN');
    expect(code(await approve(viewer, waiting))).toBe('403 FORBIDDEN');
    const robot = await server.api<{ id: string }>('POST', '/principals', {
      name: 'robot',
      kind: 'service-account',
    });
    await server.api('POST', '/grants', { role: 'contributor', project: 'main', principal: robot.id });
    const { token } = await server.api<{ token: string }>('POST', `/principals/${robot.id}/tokens`, {});
    const refused = await fetch(`${server.url}/api/v1/promotions/${waiting.id}/approve`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ closure: waiting.closure }),
    });
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('by a person')]);
    const other = { id: waiting.id, closure: `sha256:${'0'.repeat(64)}` };
    expect(code(await approve(bob, other))).toBe('409 STATE_CONFLICT');
    expect(code(await bob.api('POST', `/promotions/${waiting.id}/approve`, {}))).toBe('400 REQUEST_INVALID');
    expect(await scene.show(waiting.id)).toMatchObject({ status: 'waiting', approvals: 0 });
    expect(code(await approve(bob, { ...waiting, id: 'none' }))).toBe('403 FORBIDDEN');
    expect(code(await approve(admin, { ...waiting, id: 'none' }))).toBe('404 PROMOTION_UNKNOWN');
  });

  test('takes along what was there when it was asked for, whatever came since', async () => {
    const { top, tag } = await scene.pushed();
    const waiting = await asked(ann, top.digest, { tag });
    const late = image({ subject: top, artifactType: 'application/vnd.test.late' });
    expect((await scene.push(late)).status).toBe(201);
    expect(jsonOf(await approve(bob, waiting)).status).toBe('completed');
    expect([await scene.visible(tag), await scene.visible(late.digest)]).toEqual([200, 404]);
    const again = await asked(ann, top.digest, { tag });
    expect(again.closure).not.toBe(waiting.closure);
    expect(again.id).not.toBe(waiting.id);
  });

  test('is rejected by others with a reason, and taken back by who asked', async () => {
    const { top, tag } = await scene.pushed();
    const [one, two] = [await asked(ann, top.digest, { tag }), await asked(ann, top.digest, { tag })];
    expect(code(await reject(viewer, one.id))).toBe('403 FORBIDDEN');
    expect(code(await reject(bob, one.id, ''))).toBe('400 REQUEST_INVALID');
    expect(jsonOf(await reject(bob, one.id, 'freeze'))).toEqual({ status: 'rejected' });
    expect(jsonOf(await reject(ann, two.id, 'a mistake'))).toEqual({ status: 'withdrawn' });
    expect(await scene.show(one.id)).toMatchObject({
      status: 'rejected',
      finishedReason: 'freeze',
      finishedBy: bob.id,
    });
    expect(await scene.show(two.id)).toMatchObject({ status: 'withdrawn', finishedReason: 'a mistake' });
    expect(code(await approve(bob, one))).toBe('409 STATE_CONFLICT');
    expect(await scene.visible(tag)).toBe(404);
  });

  test('expires, by the job or when somebody comes too late', async () => {
    const { top } = await scene.pushed();
    const [one, two] = [await asked(ann, top.digest), await asked(ann, top.digest)];
    const next: Core = { ...core, now: () => new Date(Date.now() + 7 * 24 * 3600 * 1000) };
    const caller: Caller = { id: bob.id, kind: 'user', authentication: 'token', correlationId: 'late' };
    const late = approvePromotion(next, caller, one.id, { closureDigest: one.closure });
    await expect(late).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await resumePromotions(core)).toBe(0);
    expect(await resumePromotions(next)).toBeGreaterThanOrEqual(1);
    await server.system.consistency.settle();
    for (const { id } of [one, two])
      expect(await scene.show(id)).toMatchObject({ status: 'expired', approvals: 0 });
  });

  test('is shown in pages to who may pull at either end, and to nobody else', async () => {
    const { top } = await scene.pushed();
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.unshift((await asked(ann, top.digest)).id);
    const first = await listed(viewer, 'status=waiting&limit=2');
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const second = await listed(viewer, `status=waiting&limit=1&cursor=${first.next}`);
    expect(second.items.map(({ id }) => id)).toEqual(ids.slice(2));
    const done = await listed(viewer, 'status=completed');
    expect(done.items.length).toBeGreaterThan(0);
    expect(done.items.map(({ id }) => id)).not.toContain(ids[0]);
    const stranger = await person(server, 'stranger', []);
    expect(await listed(stranger, 'limit=5')).toEqual({ items: [] });
    expect(code(await stranger.api('GET', `/promotions/${ids[0]}`))).toBe('403 FORBIDDEN');
    const half = await person(server, 'half', [{ role: 'viewer', ...RELEASE }]);
    const seen = await scene.show(ids[0] ?? '', half);
    expect(seen).toMatchObject({ to: RELEASE });
    expect(seen).not.toHaveProperty('from');
    for (const id of ids) await reject(bob, id);
  });
});

describe('what is asked again when the last approval came', () => {
  test('a hold that came meanwhile refuses it, with the reason', async () => {
    const { top, all, tag } = await scene.pushed();
    const waiting = await asked(ann, top.digest, { tag });
    const child = { ...MAIN, package: NAME, version: all[0]?.digest, reason: 'malware in a layer' };
    expect((await admin.api('POST', '/holds', child)).status).toBe(201);
    const told = jsonOf(await approve(bob, waiting));
    expect(told).toMatchObject({ status: 'refused', code: 'ARTIFACT_HELD', reason: 'malware in a layer' });
    expect(await scene.visible(tag)).toBe(404);
    expect(await scene.show(waiting.id)).toMatchObject({ status: 'refused', code: 'ARTIFACT_HELD' });
  });

  test('of a hold on what the approver may not see, only the code is told', async () => {
    const { top, tag } = await scene.pushed();
    const waiting = await asked(ann, top.digest, { tag });
    const body = { ...MAIN, package: NAME, version: top.digest, reason: 'secret reason' };
    expect((await admin.api('POST', '/holds', body)).status).toBe(201);
    const half = await person(server, 'half', [{ role: 'contributor', ...RELEASE }]);
    const answer = await approve(half, waiting);
    expect(jsonOf(answer)).toMatchObject({ status: 'refused', code: 'ARTIFACT_HELD' });
    expect(answer.text).not.toContain('secret');
  });

  test('a source that was deleted meanwhile refuses it', async () => {
    const { top, tag } = await scene.pushed();
    const waiting = await asked(ann, top.digest, { tag });
    await admin.api('POST', '/artifact/delete', { ...MAIN, package: NAME, version: top.digest });
    expect(jsonOf(await approve(bob, waiting))).toMatchObject({ status: 'refused', code: 'STATE_CONFLICT' });
  });

  test('who asked must still be allowed to promote', async () => {
    const { top, tag } = await scene.pushed();
    const leaver = await person(server, 'leaver', [{ role: 'contributor', project: 'main' }]);
    const gone = await person(server, 'gone', [{ role: 'contributor', project: 'main' }]);
    const [one, two] = [await asked(leaver, top.digest, { tag }), await asked(gone, top.digest, { tag })];
    await admin.api('POST', '/grants/revoke', { role: 'contributor', project: 'main', principal: leaver.id });
    await admin.api('POST', `/principals/${gone.id}/disable`, {});
    for (const waiting of [one, two])
      expect(jsonOf(await approve(bob, waiting))).toMatchObject({ status: 'refused', code: 'FORBIDDEN' });
    expect(await scene.visible(tag)).toBe(404);
  });

  test('an approval counts only while who gave it may still approve', async () => {
    await admin.api('PATCH', '/projects/main/repositories/release', { requiredApprovals: 2 });
    const { top, tag } = await scene.pushed();
    const waiting = await asked(ann, top.digest, { tag });
    await admin.api('PATCH', '/projects/main/repositories/release', { requiredApprovals: 1 });
    const leaver = await person(server, 'leaver', [{ role: 'contributor', project: 'main' }]);
    expect(jsonOf(await approve(leaver, waiting))).toMatchObject({
      status: 'waiting',
      approvals: 1,
      required: 2,
    });
    await admin.api('POST', `/principals/${leaver.id}/disable`, {});
    expect(jsonOf(await approve(bob, waiting))).toMatchObject({
      status: 'waiting',
      approvals: 1,
      required: 2,
    });
    expect(await resumePromotions(core)).toBe(0);
    expect(jsonOf(await approve(eve, waiting))).toMatchObject({ status: 'completed', approvals: 2 });
  });

  test('a target that asks for more since is given more', async () => {
    const { top, tag } = await scene.pushed();
    const waiting = await asked(ann, top.digest, { tag });
    await admin.api('PATCH', '/projects/main/repositories/release', { requiredApprovals: 2 });
    expect(jsonOf(await approve(bob, waiting))).toMatchObject({
      status: 'waiting',
      approvals: 1,
      required: 2,
    });
    expect(jsonOf(await approve(eve, waiting))).toMatchObject({ status: 'completed' });
    await admin.api('PATCH', '/projects/main/repositories/release', { requiredApprovals: 1 });
  });

  test('policies see the approvals: what needs a second person is warned of and then allowed', async () => {
    const attached = await server.api<{ id: string }>('POST', '/attachments', {
      ...{ set: 'promotion_second_person', level: 'hard', ...STAGE },
    });
    const top = image();
    expect((await pushImage(ann, { place: MAIN, name: NAME }, top)).status).toBe(201);
    expect(code(await ask(ann, top.digest, { to: STAGE }))).toBe('403 POLICY_DENIED');
    const waiting = await asked(ann, top.digest, { to: STAGE, tag: 'second', waitForApproval: true });
    expect(waiting).toMatchObject({
      status: 'waiting',
      required: 1,
      warnings: [expect.stringContaining('needs 1')],
    });
    expect(jsonOf(await approve(bob, waiting)).status).toBe('completed');
    const { items } = await server.api<{ items: { id: string; event: string }[] }>(
      'GET',
      '/decisions?limit=20',
    );
    const end = items.find(({ event }) => event === 'PromotionCompleted');
    expect(await server.api('GET', `/decisions/${end?.id}`)).toMatchObject({
      outcome: 'allow',
      input: {
        actor: { id: ann.id, kind: 'user' },
        promotion: { requestedBy: ann.id, approvals: [{ principal: bob.id }], approvedBy: [bob.id] },
      },
    });
    await server.api('DELETE', `/attachments/${attached.id}`);
  });

  test('a policy that forbids it by then refuses it, and so does one about the tag', async () => {
    const { top } = await scene.pushed();
    for (const [set, params, tag] of [
      ['allowed_media_types', { maxBytes: 10 }, 'small'],
      ['name_and_version_pattern', { tag: 'v[0-9]+' }, 'nightly'],
    ] as const) {
      const waiting = await asked(ann, top.digest, { tag });
      const { id } = await server.api<{ id: string }>('POST', '/attachments', {
        ...{ set, params, level: 'hard', ...RELEASE },
      });
      const told = jsonOf(await approve(bob, waiting));
      expect(told).toMatchObject({ status: 'refused', code: 'POLICY_DENIED', reason: expect.any(String) });
      expect(await scene.visible(tag)).toBe(404);
      await server.api('DELETE', `/attachments/${id}`);
    }
  });
});

test('signatures that are attached by a tag come along with their tag', async () => {
  const { top, tag } = await scene.pushed();
  const signature = image();
  const name = `${top.digest.replace(':', '-')}.sig`;
  expect((await scene.push(signature, name)).status).toBe(201);
  const waiting = await asked(ann, top.digest, { tag });
  expect((await scene.show(waiting.id)).content).toContainEqual({
    version: signature.digest,
    sidecarTags: [name],
  });
  expect(jsonOf(await approve(bob, waiting)).status).toBe('completed');
  expect((await getManifest(admin, RELEASE, NAME, name)).body.equals(signature.bytes)).toBe(true);
});

describe('a version of several files', () => {
  const from = { project: 'main', repository: 'raw' };
  const to = { project: 'main', repository: 'raw-release' };
  const path = (place: Place, file: string) =>
    `/pkg/${place.project}/${place.repository}/generic/tool/1.0/${file}`;
  const put = async (file: string, body: string) => {
    const answer = await admin.ask('PUT', path(from, file), { body });
    expect(answer.status, answer.text).toBeLessThan(300);
  };
  const get = async (file: string) => {
    const { status, text } = await admin.ask('GET', path(to, file));
    return status === 200 ? text : status;
  };
  const wanted = { from: { ...from, package: 'tool', version: '1.0' }, to };

  beforeAll(async () => {
    for (const { repository: name } of [from, to])
      await server.api('POST', '/projects/main/repositories', { name, format: 'generic' });
    await server.api('PATCH', '/projects/main/repositories/raw-release', { requiredApprovals: 1 });
  });

  test('takes along the files that it had when it was asked for; a later one comes with the next', async () => {
    await put('linux.bin', 'for linux');
    const first = await asked(ann, '1.0', wanted);
    await put('windows.bin', 'for windows');
    expect(jsonOf(await approve(bob, first)).status).toBe('completed');
    expect([await get('linux.bin'), await get('windows.bin')]).toEqual(['for linux', 404]);
    const second = await asked(ann, '1.0', wanted);
    expect(second.closure).not.toBe(first.closure);
    expect(jsonOf(await approve(bob, second)).status).toBe('completed');
    expect([await get('linux.bin'), await get('windows.bin')]).toEqual(['for linux', 'for windows']);
  });

  test('is refused as a whole while one of its files is held', async () => {
    await put('mac.bin', 'for mac');
    const waiting = await asked(ann, '1.0', wanted);
    const held = { ...wanted.from, file: 'linux.bin', reason: 'this one is bad' };
    expect((await admin.api('POST', '/holds', held)).status).toBe(201);
    expect(jsonOf(await approve(bob, waiting))).toMatchObject({ status: 'refused', code: 'ARTIFACT_HELD' });
    expect(await get('mac.bin')).toBe(404);
  });
});

test('a soft denial of the tag that comes with a promotion is passed by an override with a reason', async () => {
  const policy = { set: 'name_and_version_pattern', params: { tag: 'v[0-9]+' }, level: 'soft', ...STAGE };
  const { id } = await server.api<{ id: string }>('POST', '/attachments', policy);
  const { top } = await scene.pushed();
  const nightly = (more: object) => ask(admin, top.digest, { to: STAGE, tag: 'nightly', ...more });
  expect(code(await nightly({}))).toBe('403 POLICY_DENIED');
  expect(code(await nightly({ override: true }))).toBe('403 POLICY_DENIED');
  const overridden = await nightly({ override: true, reason: 'a try-out, agreed with operations' });
  expect(jsonOf(overridden)).toMatchObject({ status: 'completed' });
  expect((await getManifest(admin, STAGE, NAME, 'nightly')).status).toBe(200);
  await admin.api('DELETE', `/attachments/${id}?reason=done`);
});
