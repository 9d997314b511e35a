/**
 * What must hold before every commit, in under a minute: format and lint, the lock file, types, dead code, and the
 * unit and architecture tests. All of them run, two at a time, so that one failure does not hide the next.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '--noEmit'],
  ['unit and architecture tests', 'vitest', 'run', '--project', 'unit', '--reporter=dot'],
  ['format and lint', 'biome', 'ci', '--error-on-warnings', '.'],
  ['dead code', 'knip', '--no-progress'],
  ['lock file', 'scripts/check-lock.ts'],
  ['README', 'scripts/docs.ts', '--check'],
];

interface Outcome {
  readonly name: string;
  readonly ok: boolean;
}

const waiting = [...checks];
const outcomes = (await Promise.all([work(), work()])).flat();
const failed = outcomes.filter(({ ok }) => !ok).map(({ name }) => name);
if (failed.length > 0) console.error(`\nFailed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function work(): Promise<Outcome[]> {
  const done: Outcome[] = [];
  for (let next = waiting.shift(); next; next = waiting.shift()) done.push(await run(...next));
  return done;
}

/** The output of a check that passes is of no interest; CI=… would make vitest write its report. */
function run(name: string, command: string, ...args: string[]): Promise<Outcome> {
  const began = performance.now();
  const { CI: _, ...environment } = process.env;
  return new Promise(resolve => {
    const child = spawn(process.execPath, ['scripts/run.js', command, ...args], {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: Buffer[] = [];
    child.stdout.on('data', chunk => output.push(chunk));
    child.stderr.on('data', chunk => output.push(chunk));
    const finish = (ok: boolean, detail: string): void => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}, ${seconds} s${ok ? '' : `\n${detail}`}`);
      resolve({ name, ok });
    };
    child.on('error', error => finish(false, error.message));
    child.on('close', code => finish(code === 0, Buffer.concat(output).toString('utf8').trimEnd()));
  });
}
