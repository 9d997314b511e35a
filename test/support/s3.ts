/**
 * An S3 server for one test file: STRONGROOM_TEST_S3_URL (`s3://bucket?endpoint=…`, with AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY beside it), else a versitygw of its own over a temporary folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { program, service } from './services.ts';

export interface TestS3 {
  /** The address of a place in the bucket that no other test uses. */
  place(): string;
  /** What a process needs beside the address. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface OwnS3 extends TestS3 {
  readonly endpoint: string;
  /** the bucket as a folder: versitygw keeps objects as files */
  readonly folder: string;
  /** Ends the server; `resume` starts it again on the same port and folder. */
  halt(): Promise<void>;
  resume(): Promise<void>;
}

const BUCKET = 'strongroom';
const KEYS = { AWS_ACCESS_KEY_ID: 'test-access', AWS_SECRET_ACCESS_KEY: 'test-secret' };

/** Sets the credentials in this process's environment too. Only where `service('s3')` is available. */
export async function startS3(): Promise<TestS3> {
  const { url } = service('s3');
  if (!url) return startOwnS3();
  const env = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
  for (const name of Object.keys(env) as (keyof typeof env)[]) env[name] = process.env[name] ?? '';
  return { place: () => placeIn(url), env, stop: async () => undefined };
}

/** A server of this file's own, to be stopped at will and looked into. */
export async function startOwnS3(): Promise<OwnS3> {
  Object.assign(process.env, KEYS);
  const root = await mkdtemp(join(tmpdir(), 'strongroom-s3-'));
  const folder = join(root, 'objects', BUCKET);
  for (const path of [folder, join(root, 'metadata')]) await mkdir(path, { recursive: true });
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  let server = await serve(root, endpoint);
  return {
    endpoint,
    folder,
    env: KEYS,
    place: () => placeIn(`s3://${BUCKET}?endpoint=${endpoint}`),
    halt: () => end(server),
    async resume() {
      server = await serve(root, endpoint);
    },
    async stop() {
      await end(server);
      await rm(root, { recursive: true, force: true });
    },
  };
}

function placeIn(base: string): string {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/test-${randomUUID()}`;
  return url.href;
}

async function serve(root: string, endpoint: string): Promise<ChildProcess> {
  const metadata = join(root, 'metadata');
  const child = spawn(
    program('s3'),
    ['--quiet', '--port', new URL(endpoint).host, 'posix', '--sidecar', metadata, join(root, 'objects')],
    {
      stdio: 'ignore',
      env: {
        PATH: process.env.PATH,
        ROOT_ACCESS_KEY_ID: KEYS.AWS_ACCESS_KEY_ID,
        ROOT_SECRET_ACCESS_KEY: KEYS.AWS_SECRET_ACCESS_KEY,
      },
    },
  );
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) break;
    // without a signature it answers 403: it answers
    if (await fetch(endpoint).catch(() => undefined)) return child;
    await sleep(25);
  }
  child.kill('SIGKILL');
  throw new Error(`versitygw does not answer at ${endpoint}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise(done => child.once('exit', done));
  child.kill('SIGKILL');
  await ended;
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
