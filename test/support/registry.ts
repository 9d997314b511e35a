/** The real server as a process of its own, on a free port, with its data in a temporary folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestRegistry {
  readonly url: string;
  readonly port: number;
  readonly data: string;
  readonly adminPassword: string;
  readonly process: ChildProcess;
  /** what it wrote so far, for failure messages */
  output(): string;
  /** Requests the management API as admin; throws with the problem when it is refused. */
  api<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  /** SIGTERM, and waits for the end; removes the data unless `keep`. */
  stop(options?: { keep?: boolean; signal?: NodeJS.Signals }): Promise<void>;
}

export const ADMIN_PASSWORD = 'correct horse battery staple';
const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface StartOptions {
  readonly data?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
}

/** Starts it and waits until it listens. @throws with its output when it ends or says nothing in time */
export async function startRegistry(options: StartOptions = {}): Promise<TestRegistry> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'strongroom-')));
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ...(options.nodeOptions ?? []), MAIN],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: data,
        STRONGROOM_DATA: data,
        STRONGROOM_PORT: '0',
        STRONGROOM_ADMIN_PASSWORD: ADMIN_PASSWORD,
        STRONGROOM_LOG_LEVEL: 'warn',
        ...options.env,
      },
    },
  );
  let output = '';
  child.stdout.on('data', chunk => {
    output += chunk;
  });
  child.stderr.on('data', chunk => {
    output += chunk;
  });
  const url = await listening(child, () => output);
  const ended = new Promise<void>(done => child.once('exit', () => done()));
  return {
    url,
    port: Number(new URL(url).port),
    data,
    adminPassword: ADMIN_PASSWORD,
    process: child,
    output: () => output,
    api: (method, path, body) => request(url, { method, path, body }),
    async stop({ keep = false, signal = 'SIGTERM' } = {}) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
      if (!keep) await rm(data, { recursive: true, force: true });
    },
  };
}

function listening(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((done, failed) => {
    const give = (reason: string) => failed(new Error(`the registry ${reason}:\n${output()}`));
    const timer = setTimeout(() => give('did not listen within 30 s'), 30_000);
    child.stdout?.on('data', () => {
      const url = /listens on (\S+)/.exec(output())?.[1];
      if (!url) return;
      clearTimeout(timer);
      done(url);
    });
    child.once('exit', () => {
      clearTimeout(timer);
      give('ended before it listened');
    });
  });
}

async function request<T>(url: string, of: { method: string; path: string; body: unknown }): Promise<T> {
  const response = await fetch(`${url}/api/v1${of.path}`, {
    method: of.method,
    headers: {
      authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`,
      ...(of.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(of.body === undefined ? {} : { body: JSON.stringify(of.body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${of.method} ${of.path}: ${response.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}
