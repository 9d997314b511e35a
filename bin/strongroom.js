#!/usr/bin/env node
// Starts the command line, on a Node that can run it. A checkout runs src/ as it stands, also when an old dist/ lies
// beside it; an installed package runs dist/, because Node strips no types inside node_modules.
import { existsSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { become, fail, findNode, isNewEnough } from './node.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const installed = root.split(sep).includes('node_modules');
const source = join(root, 'src', 'cli', 'main.ts');
const built = join(root, 'dist', 'cli', 'main.js');
const entry = [...(installed ? [] : [source]), built].find(path => existsSync(path));

if (entry === undefined) {
  fail(`strongroom: the installation in ${root} is incomplete: it has no ${relative(root, built)}.`);
} else if (isNewEnough) {
  silenceExperimentalWarnings();
  process.argv[1] = entry;
  await import(pathToFileURL(entry).href);
} else {
  const node = findNode();
  if (node) become(node, ['--disable-warning=ExperimentalWarning', entry, ...process.argv.slice(2)]);
}

/** What `--disable-warning=ExperimentalWarning` does, for a process that is already running. */
function silenceExperimentalWarnings() {
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'object' && rest[0] !== null ? rest[0].type : rest[0];
    if (type !== 'ExperimentalWarning') emitWarning.call(process, warning, ...rest);
  };
}
