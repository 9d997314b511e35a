// Finds a Node that can run Strongroom: the one that runs this, when it is new enough, else the one that was installed
// as an optional package. Looked up by package, not as node_modules/.bin/node: npm 10 takes that link away again when it
// discards the packages for other platforms, which link the same name. Plain JavaScript for any Node since 14.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

const NEEDED = 24;
const require = createRequire(import.meta.url);

export const isNewEnough = Number(process.versions.node.split('.')[0]) >= NEEDED;

/** The packages that carry a Node for this machine, as package.json names them under optionalDependencies. */
const os = process.platform === 'win32' ? 'win' : process.platform;
const packages = [`node-${os}-${process.arch}`, `node-bin-${os}-${process.arch}`];

/** The path of a Node that is new enough, or undefined after telling the user that there is none. */
export function findNode() {
  if (isNewEnough) return process.execPath;
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  for (const name of packages) {
    try {
      const path = join(dirname(require.resolve(`${name}/package.json`)), 'bin', program);
      if (existsSync(path)) return path;
    } catch {
      // Not installed for this machine: try the next name.
    }
  }
  fail(
    `strongroom needs Node ${NEEDED} or newer; this is Node ${process.versions.node}, and no newer one was installed\n` +
      `with it (package ${packages.join(' or ')}). Install Node ${NEEDED}, or install again without\n` +
      '--omit=optional.',
  );
  return undefined;
}

/** Becomes the child as far as anyone outside can tell: same streams, same signals, same end. */
export function become(program, args, environment = process.env) {
  const child = spawn(program, args, { stdio: 'inherit', env: environment });
  // A terminal sends its signals to the child as well; sent by a supervisor they reach only this process.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  child.on('error', error => fail(`strongroom: cannot start ${program}: ${error.message}`));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
