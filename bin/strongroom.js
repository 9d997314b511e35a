#!/usr/bin/env node
// Starts the command line. Plain JavaScript that any Node since 14 can read, because its first job is to find a Node
// that can run the rest: the one that runs this file when it is new enough, else the one that was installed as an
// optional package. A checkout runs src/ as it stands, also when an old dist/ lies beside it; an installed package runs
// dist/, because Node strips no types inside node_modules.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED = 24;
const QUIET = '--disable-warning=ExperimentalWarning';
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

const installed = root.split(sep).includes('node_modules');
const source = join(root, 'src', 'cli', 'main.ts');
const built = join(root, 'dist', 'cli', 'main.js');
const entry = [...(installed ? [] : [source]), built].find(path => existsSync(path));

if (entry === undefined) {
  fail(`strongroom: the installation in ${root} is incomplete: it has no ${relative(root, built)}.`);
} else if (isNewEnough(process.versions.node)) {
  silenceExperimentalWarnings();
  process.argv[1] = entry;
  await import(pathToFileURL(entry).href);
} else {
  const node = bundledNode();
  if (node === undefined) {
    fail(
      `strongroom needs Node ${NEEDED} or newer; this is Node ${process.versions.node}, and no newer one was installed\n` +
        `with it (package ${bundledPackages().join(' or ')}). Install Node ${NEEDED}, or install again without\n` +
        '--omit=optional.',
    );
  } else {
    runIn(node, [QUIET, entry, ...process.argv.slice(2)]);
  }
}

function isNewEnough(version) {
  return Number(version.split('.')[0]) >= NEEDED;
}

/** The packages that carry a Node for this machine, as package.json names them under optionalDependencies. */
function bundledPackages() {
  const os = process.platform === 'win32' ? 'win' : process.platform;
  return [`node-${os}-${process.arch}`, `node-bin-${os}-${process.arch}`];
}

function bundledNode() {
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  for (const name of bundledPackages()) {
    try {
      const path = join(dirname(require.resolve(`${name}/package.json`)), 'bin', program);
      if (existsSync(path)) return path;
    } catch {
      // Not installed for this machine: try the next name.
    }
  }
  return undefined;
}

/** What `--disable-warning=ExperimentalWarning` does, for a process that is already running. */
function silenceExperimentalWarnings() {
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'object' && rest[0] !== null ? rest[0].type : rest[0];
    if (type !== 'ExperimentalWarning') emitWarning.call(process, warning, ...rest);
  };
}

/** Becomes the child as far as anyone outside can tell: same streams, same signals, same end. */
function runIn(node, args) {
  const child = spawn(node, args, { stdio: 'inherit' });
  // A terminal sends its signals to the child as well; sent by a supervisor they reach only this process.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  child.on('error', error => fail(`strongroom: cannot start ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
