// `node scripts/run.js COMMAND…`: runs a script or a tool of this project on a Node that is new enough, whichever Node
// is on PATH. COMMAND is a file of scripts/ or bench/ (`scripts/check.ts`) or a program of a dependency (`vitest`).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { become, findNode } from '../bin/node.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [command = '', ...args] = process.argv.slice(2);
const node = findNode();

if (node) {
  // What the command starts in its turn finds the same Node.
  const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  const file = /\.[jt]s$/.test(command) ? join(root, command) : programOf(command);
  become(node, ['--disable-warning=ExperimentalWarning', file, ...args], { ...process.env, PATH: path });
}

/** The JavaScript behind a program of a dependency that has the same name. */
function programOf(name) {
  const require = createRequire(import.meta.url);
  const folder = join(root, 'node_modules', ...packageOf(name).split('/'));
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return require.resolve(join(folder, typeof bin === 'string' ? bin : bin[name]));
}

function packageOf(name) {
  return { biome: '@biomejs/biome', tsc: 'typescript' }[name] ?? name;
}
