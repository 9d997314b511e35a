/** Programs that are measured: where they are, starting them and ending them, and how much memory they take. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(import.meta.dirname, '..');

/** The path of a program in `.bin/` or on PATH. */
export function findProgram(name: string): string | undefined {
  const folders = [join(root, '.bin'), ...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  return folders
    .map(folder => join(folder, name))
    .find(path => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The first thing in the output of `program args` that the pattern captures. */
export function versionOf(program: string, args: readonly string[], pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? 'of unknown version';
}

export function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => found(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** A benchmark that fails leaves no process behind. */
export function endWithUs(child: ChildProcess): void {
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
}

export interface Daemon {
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a program and waits until `url` answers anything. @throws with its output when it does not */
export async function startDaemon(program: string, args: readonly string[], url: string): Promise<Daemon> {
  let output = '';
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      output = (output + chunk).slice(-4000);
    });
  endWithUs(child);
  const ended = new Promise<void>(done => child.once('close', () => done()));
  for (let attempt = 0; ; attempt++) {
    if (child.exitCode !== null || attempt === 200) throw new Error(`${program} did not start:\n${output}`);
    const answered = await fetch(url).then(
      response => response.arrayBuffer().then(() => true),
      () => false,
    );
    if (answered) break;
    await sleep(50);
  }
  return {
    process: child,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Resident memory of a process now, MB (10⁶ bytes). Linux only: NaN elsewhere. */
export function residentMegabytes(pid: number): number {
  try {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return (Number(kilobytes) * 1024) / 1e6;
  } catch {
    return Number.NaN;
  }
}
