/** The server form when parts of it fail: a process under load, the worker's queue, the database. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, type Answer, actor, basic, jsonOf } from '../conformance/client.ts';
import { image, pushBlob, pushImage } from '../conformance/oci-images.ts';
import { type Line, lineTo } from '../support/line.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { ADMIN_PASSWORD, startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith } from '../support/services.ts';
import {
  flaw,
  flaws,
  getManifest,
  MAIN,
  newFolder,
  type Pushed,
  randomBlob,
  randomImage,
  removeFolder,
  tokenOf,
  until,
  withToken,
} from './support.ts';

const STALENESS = 3;
const PROGRAM = join(import.meta.dirname, '../../src/main.ts');

describeWith(['postgres', 'redis'], 'the server form when something fails', () => {
  let postgres: TestPostgres;
  let redis: TestRedis;
  let line: Line;
  let data = '';
  const running: TestRegistry[] = [];
  const workers: ChildProcess[] = [];
  let token = '';

  const environment = (role: string) => ({
    STRONGROOM_EVENTLOG_URL: line.url,
    STRONGROOM_REDIS_URL: redis.url,
    STRONGROOM_ROLE: role,
    STRONGROOM_MAX_STALENESS_SECONDS: String(STALENESS),
    STRONGROOM_LEASE_SECONDS: '2',
    STRONGROOM_COLLECT_SECONDS: '1',
    STRONGROOM_LOG_LEVEL: 'error',
  });
  const start = async (role: string) => {
    const registry = await startRegistry({ data, env: environment(role) });
    running.push(registry);
    return registry;
  };
  const clientOf = (registry: TestRegistry): Actor => withToken(registry.url, token);

  beforeAll(async () => {
    postgres = (await startPostgres())!;
    redis = (await startRedis({ own: true }))!;
    line = await lineTo(await postgres.database());
    data = await newFolder();
    await start('app');
    await start('app');
    token = await tokenOf(running[0]!);
  });

  afterAll(async () => {
    for (const worker of workers) worker.kill('SIGKILL');
    await Promise.all(running.map(registry => registry.stop({ keep: true, signal: 'SIGKILL' })));
    await line?.cut();
    await redis?.stop();
    await postgres?.stop();
    await removeFolder(data);
  });

  test('one of two is killed under load: the other goes on, and has what either acknowledged', async () => {
    const [first, second] = [running[0]!, running[1]!];
    const acknowledged: Pushed[] = [];
    let pushing = true;
    const refused: Answer[] = [];
    const pusher = async (registry: TestRegistry, name: string) => {
      for (let count = 0; pushing; count++) {
        const pushed = { name, tag: `tag-${count}`, manifest: randomImage(30_000) };
        const to = { place: MAIN, name, reference: pushed.tag };
        const answer = await pushImage(clientOf(registry), to, pushed.manifest).catch(() => undefined);
        if (!answer) return;
        if (answer.status === 201) acknowledged.push(pushed);
        else refused.push(answer);
      }
    };
    const pushers = [first, second, first, second].map((registry, at) => pusher(registry, `load-${at}`));
    await until(async () => acknowledged.length > 10);
    first.process.kill('SIGKILL');
    const killedAt = acknowledged.length;
    await until(async () => acknowledged.length > killedAt + 10);
    pushing = false;
    await Promise.all(pushers);
    expect(refused).toEqual([]);
    expect(await flaws(clientOf(second), MAIN, acknowledged)).toEqual([]);
    running[0] = await start('app');
    expect(await flaws(clientOf(running[0]), MAIN, acknowledged)).toEqual([]);
  });

  test('a worker beside them collects what nothing names', async () => {
    const who = clientOf(running[1]!);
    const kept = { name: 'kept', tag: 'latest', manifest: randomImage() };
    expect(
      (await pushImage(who, { place: MAIN, name: kept.name, reference: kept.tag }, kept.manifest)).status,
    ).toBe(201);
    const idle = randomBlob(1000);
    expect((await pushBlob(who, MAIN, 'idle', idle)).status).toBe(201);
    const before = await who.api('GET', '/collections');
    expect(jsonOf<{ items: unknown[] }>(before).items).toEqual([]);
    const worker = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...environment('worker'), STRONGROOM_DATA: data },
    });
    const ended = once(worker, 'exit');
    let said = '';
    worker.stdout.on('data', chunk => {
      said += chunk;
    });
    workers.push(worker);
    const hex = idle.digest.slice('sha256:'.length);
    await until(async () => !existsSync(join(data, 'blobs', 'sha256', hex.slice(0, 2), hex)));
    // together with what the killed process had stored and nobody named
    await until(async () => {
      const { items } = jsonOf<{ items: { removed: number }[] }>(await who.api('GET', '/collections'));
      return items.some(({ removed }) => removed > 0);
    });
    expect(await flaw(who, MAIN, kept)).toBeUndefined();
    const { log } = await running[1]!.api<{ log: { id: string } }>('GET', '/doctor');
    const asking = new Redis(redis.url);
    const keys = await asking.keys('*');
    asking.disconnect();
    // another installation on the same Redis has jobs of its own
    expect(keys.length).toBeGreaterThan(3);
    expect(keys.filter(key => !key.startsWith(`strongroom-${log.id}:`))).toEqual([]);
    worker.kill();
    expect(await ended).toEqual([0, null]);
    expect(said).toContain('worker');
  });

  test('without the database: whole pulls for a while, clear refusals, and it recovers by itself', async () => {
    const { url } = running[1]!;
    const who = clientOf(running[1]!);
    // a small layer is answered from memory, a large one is streamed
    const layers = [randomBlob(1000), randomBlob(400_000)];
    const pushed = { name: 'known', tag: 'latest', manifest: image({ layers }) };
    const push = (tag: string) =>
      pushImage(who, { place: MAIN, name: 'known', reference: tag }, pushed.manifest);
    await running[1]!.api('POST', '/attachments', { set: 'allowed_media_types', level: 'hard' });
    const person = basic('admin', ADMIN_PASSWORD);
    const as = (authorization: string) => actor(url, { name: 'puller', id: '', authorization });
    const bearerOf = (login: string) =>
      as(login).ask('GET', '/v2/token?service=test&scope=repository:main/oci/known:pull');
    // as container clients pull: a bearer for what they log in with, then the manifest, its configuration and layers
    const pull = async (login: string) => {
      const bearer = await bearerOf(login);
      if (bearer.status !== 200) return `token ${bearer.status} ${bearer.text}`;
      return flaw(as(`Bearer ${jsonOf<{ token: string }>(bearer).token}`), MAIN, pushed);
    };
    const pulls = () =>
      Promise.all([
        pull(who.authorization!),
        pull(person),
        flaw(who, MAIN, pushed),
        flaw(as(person), MAIN, pushed),
      ]);
    const all = (outcome: unknown) => [outcome, outcome, outcome, outcome];
    expect((await push('latest')).status).toBe(201);
    expect(await pulls()).toEqual(all(undefined));
    await line.cut();
    const gone = performance.now();
    expect(await pulls()).toEqual(all(undefined));
    const refused = await push('other');
    expect([refused.status, refused.text]).toEqual([503, expect.stringContaining('UNAVAILABLE')]);
    expect(refused.text).not.toContain('127.0.0.1');
    // what nobody asked for before is in no memory
    const unknown = await getManifest(who, MAIN, 'known', 'never-asked-for');
    expect([unknown.status, unknown.text]).toEqual([503, expect.stringContaining('UNAVAILABLE')]);
    expect(unknown.headers.get('retry-after')).toMatch(/^[1-9]/);
    const listed = await who.api('GET', '/projects');
    expect([listed.status, listed.text]).toEqual([503, expect.stringContaining('UNAVAILABLE')]);
    expect(await pulls()).toEqual(all(undefined));
    const manifest = () => getManifest(who, MAIN, 'known', 'latest');
    const over = await until(async () => {
      const answer = await manifest();
      return answer.status !== 200 && answer;
    });
    expect(performance.now() - gone).toBeGreaterThan((STALENESS - 1) * 1000);
    expect([over.status, over.text]).toEqual([503, expect.stringContaining('UNAVAILABLE')]);
    expect(await pulls()).toEqual(all(expect.stringMatching(/ 503 .*UNAVAILABLE/)));
    for (const blob of pushed.manifest.blobs) {
      const answer = await who.ask('GET', `/v2/main/oci/known/blobs/${blob.digest}`);
      expect([answer.status, answer.text]).toEqual([503, expect.stringContaining('UNAVAILABLE')]);
    }
    expect((await who.ask('GET', '/healthz')).status).toBe(200);
    expect((await who.ask('GET', '/readyz')).status).toBe(503);

    await line.mend();
    await until(async () => (await manifest()).status === 200);
    await until(async () => (await push('other')).status === 201);
    await until(async () => (await who.ask('GET', '/readyz')).status === 200);
    expect(await flaw(who, MAIN, { ...pushed, tag: 'other' })).toBeUndefined();
    expect(await pulls()).toEqual(all(undefined));
    expect(running[1]!.process.exitCode).toBeNull();
  });
});
