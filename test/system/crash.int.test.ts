/**
 * The process is killed again and again while clients push, hold and upload; the same data all the time. What was
 * acknowledged must be there, and nothing must be needed to go on.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backup } from '../../src/main/archive/backup.ts';
import { verify } from '../../src/main/archive/verify.ts';
import { type Actor, jsonOf } from '../conformance/client.ts';
import { base, pushImage, putManifest, sha256 } from '../conformance/oci-images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import {
  configFor,
  flaws,
  getManifest,
  MAIN,
  newFolder,
  type Pushed,
  randomImage,
  removeFolder,
  tokenOf,
  until,
  viewsOf,
  withSystem,
  withToken,
} from './support.ts';

const ROUNDS = 24;
const PUSHERS = 8;

/** What clients were told, over all rounds. */
const acknowledged: Pushed[] = [];
const held = new Map<string, Pushed>();
/** a hold was asked for, and nobody knows whether it was placed */
const unsure = new Set<string>();
/** per pusher: digests that its moving tag may have: the last that was acknowledged, and those asked for since */
const moving = Array.from({ length: PUSHERS }, () => [] as string[]);
const refusals: string[] = [];

let data = '';
let token = '';
let registry: TestRegistry;

beforeAll(async () => {
  data = await newFolder();
  registry = await startRegistry({ data });
  token = await tokenOf(registry);
});

afterAll(async () => {
  await registry?.stop({ signal: 'SIGKILL' });
  await removeFolder(data);
});

/** Resolves with undefined when the connection broke, which is what a killed server looks like. */
const unlessKilled = <T>(asked: Promise<T>): Promise<T | undefined> => asked.catch(() => undefined);

async function push(who: Actor, pusher: number, round: number): Promise<void> {
  for (let count = 0; ; count++) {
    const manifest = randomImage(count % 4 === 3 ? 400_000 : 3000);
    const pushed = { name: `image-${pusher}`, tag: `round-${round}-${count}`, manifest };
    const to = { place: MAIN, name: pushed.name, reference: pushed.tag };
    const answer = await unlessKilled(pushImage(who, to, manifest));
    if (!answer) return;
    if (answer.status === 201) acknowledged.push(pushed);
    else refusals.push(`${answer.status} ${answer.text}`);
    const candidates = moving[pusher] ?? [];
    candidates.push(manifest.digest);
    const moved = await unlessKilled(putManifest(who, { ...to, reference: 'moving' }, manifest));
    if (!moved) return;
    if (moved.status === 201) candidates.splice(0, candidates.length - 1);
  }
}

async function hold(who: Actor, seen: number): Promise<void> {
  for (let next = seen; ; ) {
    const pushed = acknowledged[next];
    if (!pushed) {
      if ((await unlessKilled(who.ask('GET', '/healthz'))) === undefined) return;
      await sleep(10);
      continue;
    }
    const { digest } = pushed.manifest;
    unsure.add(digest);
    const body = { ...MAIN, package: pushed.name, version: digest, reason: 'held in a test' };
    const answer = await unlessKilled(who.api('POST', '/holds', body));
    if (!answer) return;
    if (answer.status !== 201) refusals.push(`hold: ${answer.status} ${answer.text}`);
    held.set(digest, pushed);
    unsure.delete(digest);
    next += 3;
  }
}

/** One upload that is sent in small chunks over many lives of the server. */
const big = randomBytes(3_000_000);
interface Resumable {
  readonly location: string;
  /** bytes that were acknowledged */
  confirmed: number;
}
let upload: Resumable | undefined;

/** Where the upload stands; undefined when the server was killed. */
async function standing(who: Actor, { location, confirmed }: Resumable): Promise<number | undefined> {
  const status = await unlessKilled(who.ask('GET', location));
  if (!status) return undefined;
  const size = Number(/-(\d+)$/.exec(status.headers.get('range') ?? '')?.[1] ?? -1) + 1;
  // `0-0` may mean one byte or none: the specification has no other word for an empty upload
  const at = size <= 1 ? confirmed : size;
  if (status.status === 204 && at >= confirmed) return at;
  refusals.push(`an upload of ${confirmed} bytes answers ${status.status} ${at}`);
  return undefined;
}

async function sendChunks(who: Actor): Promise<void> {
  if (!upload) {
    const started = await unlessKilled(who.ask('POST', `${base(MAIN, 'big')}/blobs/uploads/`));
    if (!started) return;
    upload = { location: started.headers.get('location') ?? '', confirmed: 0 };
  }
  const most = big.length - 100_000;
  for (let from = await standing(who, upload); from !== undefined && from < most; ) {
    const end = Math.min(from + 20_000, most);
    const headers = { 'content-range': `${from}-${end - 1}`, 'content-type': 'application/octet-stream' };
    const sent = await unlessKilled(
      who.ask('PATCH', upload.location, { headers, body: big.subarray(from, end) }),
    );
    if (!sent) return;
    if (sent.status !== 202) refusals.push(`chunk: ${sent.status} ${sent.text}`);
    upload.confirmed = end;
    await sleep(15);
    from = await standing(who, upload);
  }
}

async function checkAll(who: Actor, pushed: readonly Pushed[]): Promise<void> {
  expect(refusals).toEqual([]);
  const free = pushed.filter(({ manifest: { digest } }) => !held.has(digest) && !unsure.has(digest));
  expect(await flaws(who, MAIN, free)).toEqual([]);
  for (const { name, tag } of pushed.filter(({ manifest: { digest } }) => held.has(digest)))
    expect((await getManifest(who, MAIN, name, tag)).status).toBe(403);
  for (const [pusher, candidates] of moving.entries()) {
    if (candidates.length === 0) continue;
    const answer = await who.ask('HEAD', `${base(MAIN, `image-${pusher}`)}/manifests/moving`);
    if (answer.status === 200) expect(candidates).toContain(answer.headers.get('docker-content-digest'));
    else expect([403, 404]).toContain(answer.status);
  }
}

/** Every tag that is listed names a manifest that can be pulled, or is held. */
async function checkTags(who: Actor): Promise<number> {
  let count = 0;
  for (let pusher = 0; pusher < PUSHERS; pusher++) {
    const name = `image-${pusher}`;
    const listed = await who.ask('GET', `${base(MAIN, name)}/tags/list?n=1000`);
    const tags = listed.status === 404 ? [] : jsonOf<{ tags: string[] }>(listed).tags;
    count += tags.length;
    const answers = await Promise.all(tags.map(tag => getManifest(who, MAIN, name, tag)));
    expect(answers.filter(({ status }) => status !== 200 && status !== 403)).toEqual([]);
  }
  return count;
}

test(`${ROUNDS} times killed while pushing: nothing acknowledged is lost`, { timeout: 170_000 }, async () => {
  let checked = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const who = withToken(registry.url, token);
    await checkAll(who, acknowledged.slice(checked));
    checked = acknowledged.length;
    const pushers = Array.from({ length: PUSHERS }, (_, pusher) => push(who, pusher, round));
    const working = [...pushers, hold(who, checked), sendChunks(who)];
    await until(async () => acknowledged.length > checked + 2);
    await sleep(Math.random() * 300);
    // nothing but this one process is there to be killed
    const children = readFileSync(
      `/proc/${registry.process.pid}/task/${registry.process.pid}/children`,
      'utf8',
    );
    expect(children.trim()).toBe('');
    await registry.stop({ keep: true, signal: 'SIGKILL' });
    await Promise.all(working);
    registry = await startRegistry({ data });
  }
  const who = withToken(registry.url, token);
  await checkAll(who, acknowledged);
  const tags = await checkTags(who);
  expect(held.size).toBeGreaterThan(ROUNDS / 2);
  console.info(`${acknowledged.length} pushes, ${held.size} holds, ${tags} tags after ${ROUNDS} kills`);
});

test('an upload is finished after all these lives of the server', async () => {
  const who = withToken(registry.url, token);
  const { location, confirmed } = upload ?? { location: '', confirmed: 0 };
  const status = await who.ask('GET', location);
  const from = Number(/-(\d+)$/.exec(status.headers.get('range') ?? '')?.[1]) + 1;
  expect(from).toBeGreaterThanOrEqual(confirmed);
  const digest = sha256(big);
  const done = await who.ask('PUT', `${location}?digest=${digest}`, { body: big.subarray(from) });
  expect(done.status).toBe(201);
  const blob = await who.ask('GET', `${base(MAIN, 'big')}/blobs/${digest}`);
  expect(blob.body.equals(big)).toBe(true);
});

test('the views can be thrown away, and a backup is complete', async () => {
  await registry.stop({ keep: true });
  const config = configFor(data);
  const before = await viewsOf(config);
  for (const name of ['views.db', 'views.db-wal', 'views.db-shm'])
    await rm(join(data, name), { force: true });
  expect(await viewsOf(config)).toBe(before);
  expect(before.length).toBeGreaterThan(10_000);
  const file = join(data, 'backup.tar');
  const report = await withSystem(config, system => backup(system, file));
  const found = await verify(file);
  expect(found.missing).toEqual([]);
  expect(found.events).toBe(report.events);
});
