/** The server form when parts of it fail: a process under load, the worker's queue, the database. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, type Answer, actor, jsonOf } from '../conformance/client.ts';
import { pushBlob, pushImage } from '../conformance/oci-images.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
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

/** A way to the database that can be cut: to its clients it is a server that was stopped and started again. */
interface Line {
  readonly url: string;
  cut(): Promise<void>;
  mend(): Promise<void>;
}

async function lineTo(target: string): Promise<Line> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let server: Server;
  const listen = async (own: number) => {
    server = createServer(near => {
      const far = connect(Number(port), hostname);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    }).listen(own, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as { port: number }).port;
  };
  const own = await listen(0);
  const url = new URL(target);
  url.host = `127.0.0.1:${own}`;
  return {
    url: url.href,
    async cut() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async mend() {
      await listen(own);
    },
  };
}

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

  test('without the database: known pulls for a while, clear refusals, and it recovers by itself', async () => {
    const who = clientOf(running[1]!);
    const pushed = { name: 'known', tag: 'latest', manifest: randomImage() };
    const push = (tag: string) =>
      pushImage(who, { place: MAIN, name: 'known', reference: tag }, pushed.manifest);
    const asked = '/v2/token?service=test&scope=repository:main/oci/known:pull';
    const { token: bearer } = jsonOf<{ token: string }>(await who.ask('GET', asked));
    // container clients pull with a bearer
    const puller = actor(running[1]!.url, { name: 'puller', id: '', authorization: `Bearer ${bearer}` });
    const pull = () => getManifest(puller, MAIN, 'known', 'latest');
    expect((await push('latest')).status).toBe(201);
    expect(await flaw(puller, MAIN, pushed)).toBeUndefined();
    await line.cut();
    const gone = performance.now();
    const known = await pull();
    expect([known.status, known.text]).toEqual([200, pushed.manifest.bytes.toString()]);
    const refused = await push('other');
    expect([refused.status, refused.text]).toEqual([503, expect.stringContaining('UNAVAILABLE')]);
    expect(refused.text).not.toContain('127.0.0.1');
    expect((await pull()).status).toBe(200);
    const over = await until(async () => {
      const answer = await pull();
      return answer.status !== 200 && answer;
    });
    expect(performance.now() - gone).toBeGreaterThan((STALENESS - 1) * 1000);
    expect([over.status, over.text]).toEqual([503, expect.stringContaining('UNAVAILABLE')]);
    expect((await who.ask('GET', '/healthz')).status).toBe(200);
    expect((await who.ask('GET', '/readyz')).status).toBe(503);

    await line.mend();
    await until(async () => (await pull()).status === 200);
    await until(async () => (await push('other')).status === 201);
    await until(async () => (await who.ask('GET', '/readyz')).status === 200);
    expect(await flaw(who, MAIN, { ...pushed, tag: 'other' })).toBeUndefined();
    expect(running[1]!.process.exitCode).toBeNull();
  });
});
