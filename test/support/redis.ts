/** A Redis for one test file: STRONGROOM_TEST_REDIS_URL, else a private server on a free port. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { service } from './services.ts';

export interface TestRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** undefined when there is no Redis: the tests skip by name. @param own a server of its own, to be stopped at will */
export async function startRedis({ own = false } = {}): Promise<TestRedis | undefined> {
  const given = process.env.STRONGROOM_TEST_REDIS_URL;
  if (given && !own) return { url: given, stop: async () => undefined };
  if (!service('redis').available) return undefined;
  const dir = await mkdtemp(join(tmpdir(), 'strongroom-redis-'));
  const port = await freePort();
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir],
    {
      stdio: 'ignore',
    },
  );
  const url = `redis://127.0.0.1:${port}`;
  await answering(url);
  return {
    url,
    async stop() {
      const ended = new Promise(done => child.once('exit', done));
      child.kill();
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function answering(url: string): Promise<void> {
  const client = new Redis(url, {
    retryStrategy: times => (times < 100 ? 50 : null),
    maxRetriesPerRequest: 100,
  });
  client.on('error', () => undefined);
  await client.ping();
  client.disconnect();
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}
