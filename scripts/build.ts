/**
 * Makes `dist/`, the publishable form of `src/`: JavaScript beside the files that the program reads at run time.
 * Node refuses to strip types inside node_modules, so an installed package needs it; a checkout does not.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });

const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const assets = filesBelow(src).filter(path => !path.endsWith('.ts'));
for (const path of assets) cpSync(join(src, path), join(dist, path));

const left = filesBelow(dist).filter(path => path.endsWith('.js') && namesTypeScript(path));
if (left.length > 0) {
  console.error(`These files of dist/ still name a .ts file that will not be there:\n  ${left.join('\n  ')}`);
  process.exit(1);
}
console.log(`dist/: ${filesBelow(dist).length} files, of which ${assets.length} copied`);

/** The compiler rewrites imports; a worker's `new URL('./x.ts', import.meta.url)` it leaves alone. */
function namesTypeScript(path: string): boolean {
  return /new URL\(\s*['"`][^'"`]*\.ts['"`]/.test(readFileSync(join(dist, path), 'utf8'));
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}
