/**
 * Builds and packs the package, installs it elsewhere as a user would, and starts its command line: once with the
 * Node that runs this, once with the Node on PATH, which may be older than the program needs.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'strongroom-package-'));

try {
  run('npm', ['run', '--silent', 'build'], root);
  run('npm', ['pack', '--silent', '--pack-destination', folder], root);
  const tarball = readdirSync(folder).find(name => name.endsWith('.tgz')) ?? '';
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  run(
    'npm',
    ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', join(folder, tarball)],
    folder,
  );
  const launcher = join(folder, 'node_modules', 'strongroom', 'bin', 'strongroom.js');
  for (const node of [process.execPath, 'node']) {
    const version = run(node, ['--version'], folder).trim();
    const help = run(node, [launcher, '--help'], folder);
    if (!help.includes('strongroom')) throw new Error(`no help with Node ${version}: ${help}`);
    console.log(`the installed package starts with Node ${version}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Without this project's node_modules on PATH, where npm put it: there `node` would always be the bundled one. */
function run(program: string, args: readonly string[], cwd: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(path => !path.includes('node_modules'));
  const env = { ...process.env, PATH: folders.join(delimiter) };
  return execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
