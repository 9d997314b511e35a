/** A PostgreSQL for tests: a private cluster that is thrown away, or the server that the environment names. */
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { service } from './services.ts';

export interface TestPostgres {
  /** of a superuser, database `postgres` */
  readonly url: string;
  /** the process of a private server; undefined for one from the environment */
  readonly pid?: number;
  /** a new, empty database; gives its URL */
  database(): Promise<string>;
  stop(): Promise<void>;
}

/** undefined where there is no PostgreSQL. */
export async function startPostgres(): Promise<TestPostgres | undefined> {
  const { available, path, url } = service('postgres');
  if (!available) return undefined;
  if (url) return { url, database: () => newDatabase(url), stop: async () => {} };
  return startPrivate(dirname(path!));
}

async function startPrivate(bin: string): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-pg-'));
  const data = join(folder, 'data');
  const user = serverUser();
  if (user) chownSync(folder, user.uid, user.gid);
  const password = randomUUID();
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password);
  if (user) chownSync(passwordFile, user.uid, user.gid);
  const init = ['-D', data, '-U', 'test', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8'];
  execFileSync(join(bin, 'initdb'), [...init, '--locale=C', '--no-sync'], {
    ...user,
    cwd: folder,
    stdio: 'pipe',
  });
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    max_connections: 60,
  };
  const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...args], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  });
  const exited = once(server, 'exit');
  const url = `postgres://test:${password}@127.0.0.1:${port}/postgres`;
  await answering(url);
  return {
    url,
    pid: server.pid!,
    database: () => newDatabase(url),
    async stop() {
      server.kill('SIGCONT');
      server.kill('SIGINT');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root: then it runs as the user its package made. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function answering(url: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      return await client.end();
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}

async function newDatabase(url: string): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  await client.end();
  const made = new URL(url);
  made.pathname = `/${name}`;
  return made.href;
}
