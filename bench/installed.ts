/**
 * Peers that come from package registries, installed once into a cache folder outside the repository. What cannot be
 * installed is absent, with the reason: benchmarks go on without it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { findProgram } from './processes.ts';

export const VERDACCIO = '6.10.4';
export const PYPISERVER = '2.4.2';
const WAITRESS = '3.0.2';

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'strongroom', 'bench-peers');

export type Installed = { readonly path: string } | { readonly absent: string };

/** Verdaccio's program, to be run by Node. */
export const verdaccio = (): Promise<Installed> =>
  installed(`verdaccio-${VERDACCIO}`, 'node_modules/verdaccio/bin/verdaccio', async folder => {
    // one of its dependencies asks for a dist-tag that not every registry has
    const overrides = { 'node-fetch': '2.7.0' };
    const manifest = { private: true, dependencies: { verdaccio: VERDACCIO }, overrides };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    await run('npm', ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund']);
  });

/** pypiserver's Python, with the fastest of the servers and the listing cache that it offers. */
export const pypiserver = (): Promise<Installed> =>
  installed(`pypiserver-${PYPISERVER}`, 'bin/python', async folder => {
    await run('python3', ['-m', 'venv', folder]);
    const wanted = [`pypiserver[cache]==${PYPISERVER}`, `waitress==${WAITRESS}`];
    await run(join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...wanted]);
  });

async function installed(
  name: string,
  program: string,
  install: (folder: string) => Promise<void>,
): Promise<Installed> {
  const folder = join(cache, name);
  const path = join(folder, program);
  if (existsSync(path)) return { path };
  const making = `${folder}.${process.pid}`;
  try {
    await mkdir(making, { recursive: true });
    await install(making);
    await rm(folder, { recursive: true, force: true });
    await rename(making, folder);
    return { path };
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    return { absent: `${name} cannot be installed: ${(error as Error).message}` };
  }
}

function run(name: string, args: readonly string[]): Promise<void> {
  const program = isAbsolute(name) ? name : findProgram(name);
  if (!program) return Promise.reject(new Error(`${name} is not here`));
  return new Promise((done, failed) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.on('data', chunk => {
      output = (output + chunk).slice(-500);
    });
    child.once('error', failed);
    child.once('close', code => (code === 0 ? done() : failed(new Error(`${name} ${args[0]}: ${output}`))));
  });
}
