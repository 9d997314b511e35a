/**
 * `npm run bench [-- names…] [--rounds n] [--seconds n]`: measures Strongroom beside what people use today, in rounds
 * that are interleaved, and prints a table. Results go to bench/results/ as JSON. Exit code 0 also when aims are
 * missed: these are figures, not tests.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Row } from './bench.ts';
import { gates } from './benches/gates.ts';
import { go } from './benches/go.ts';
import { helm } from './benches/helm.ts';
import { log } from './benches/log.ts';
import { memory } from './benches/memory.ts';
import { npm } from './benches/npm.ts';
import { pull } from './benches/pull.ts';
import { push } from './benches/push.ts';
import { python } from './benches/python.ts';
import { replay } from './benches/replay.ts';
import { start } from './benches/start.ts';
import { stream } from './benches/stream.ts';
import { LOAD_TOOL } from './load.ts';
import { findProgram, versionOf } from './processes.ts';
import { notesOf, renderTable } from './report.ts';

const BENCHES = [pull, stream, push, gates, log, replay, memory, start, npm, python, helm, go];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const unknown = positionals.filter(name => !BENCHES.some(bench => bench.name === name));
if (unknown.length > 0) {
  console.error(
    `no benchmark ${unknown.join(', ')}; there are ${BENCHES.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}

const machine = {
  cores: availableParallelism(),
  processor: cpus()[0]?.model ?? 'unknown',
  memoryGigabytes: Math.round(totalmem() / 1e9),
  node: process.version,
  load: LOAD_TOOL,
  peers: peerVersions(),
};
console.log(machine);

const rows: Row[] = [];
for (const bench of BENCHES) {
  if (positionals.length > 0 && !positionals.includes(bench.name)) continue;
  const folder = await mkdtemp(join(values.folder, 'strongroom-bench-'));
  const began = performance.now();
  try {
    const settings = { rounds: Number(values.rounds), seconds: Number(values.seconds), folder };
    const measured = await bench.run(settings);
    rows.push(...measured);
    console.log(`\n${bench.name}, ${Math.round((performance.now() - began) / 1000)} s`);
    console.log(renderTable(measured));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

console.log(`\nAll:\n${renderTable(rows)}`);
for (const note of notesOf(rows)) console.log(`- ${note}`);
const results = join(import.meta.dirname, 'results');
await mkdir(results, { recursive: true });
const file = join(results, `${new Date().toISOString().replaceAll(':', '-')}.json`);
await writeFile(file, JSON.stringify({ machine, rows }, null, 2));
console.log(`\nWritten to ${file}`);
process.exit(0);

function peerVersions(): Record<string, string> {
  const asked = {
    'docker-registry': ['--version', /(\d+\.\d+\S*)/],
    registry: ['--version', /(\d+\.\d+\S*)/],
    nginx: ['-v', /nginx\/(\S+)/],
  } as const;
  return Object.fromEntries(
    Object.entries(asked).map(([name, [argument, pattern]]) => {
      const program = findProgram(name);
      return [name, program ? versionOf(program, [argument], pattern) : 'absent'];
    }),
  );
}
