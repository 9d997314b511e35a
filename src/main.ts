/** The composition root: configuration in, running registry out. */
import { pathToFileURL } from 'node:url';
import { ConfigError, readConfig } from './config.ts';
import { isRefusal } from './domain/errors.ts';
import { type Running, startServer } from './main/server.ts';

export { restore } from './main/archive/restore.ts';
export { verify } from './main/archive/verify.ts';
export { runOnHost } from './main/host.ts';

const write = (text: string): void => void process.stdout.write(`${text}\n`);

/** Runs until it is told to stop. Exits 1 with readable reasons when it cannot start. */
export async function start(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  let running: Running;
  try {
    const config = readConfig(environment);
    const terminal = process.stdout.isTTY === true;
    running = await startServer(config, {
      terminal,
      onBroken: error => stop(`the event log failed: ${error.message}`, 1),
    });
  } catch (error) {
    if (!(error instanceof ConfigError) && !isRefusal(error) && !isSystemError(error)) throw error;
    process.stderr.write(`Strongroom cannot start:\n${error.message}\n`);
    process.exit(1);
  }
  greet(running);
  let stopping = false;
  const end = (signal: string) => {
    // only a person at the keyboard loses patience; a supervisor may send SIGTERM to every process of the group
    if (stopping && signal === 'SIGINT') stop('SIGINT again: stopped at once', 1);
    if (stopping) return;
    stopping = true;
    write(`${signal}: finishing what runs`);
    running.close().then(
      () => process.exit(0),
      error => stop(String(error), 1),
    );
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
}

function stop(reason: string, code: number): never {
  process.stderr.write(`${reason}\n`);
  process.exit(code);
}

/** A port in use, a folder that cannot be written: told, not thrown. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

function greet({ url, system, login }: Running): void {
  const { config } = system;
  if (url === '') {
    write(`Strongroom worker, data in ${config.data}`);
    return;
  }
  write(`Strongroom listens on ${url}`);
  write(`Data is in ${config.data}`);
  if (login.shown) write(`Log in as admin with the password ${login.shown} (shown only now)`);
  else if (login.file) write(`Log in as admin; the password is in ${login.file}`);
  else write('Log in as admin; a lost password is replaced by: npx strongroom admin reset-password');
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await start();
