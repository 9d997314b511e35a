/**
 * Reads the report of a test run (`CI=true npm test` writes it), prints what could not run here and why, and refuses
 * every skipped test that test/unavailable.json does not explain. The last line is the tally that CI reads:
 * `N passed, N failed`, where a refused skip counts as failed, as does every check named on the command line.
 *
 *   node scripts/check-skips.ts [name of a failed step]…
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tally, type Unavailable, type VitestReport } from './lib/tally.ts';

const root = join(import.meta.dirname, '..');
const failedSteps = process.argv.slice(2);
const known = readJson<readonly Unavailable[]>('test/unavailable.json') ?? [];
const report = readJson<VitestReport>('test-results/vitest.json');

const result = tally(report ?? { testResults: [] }, known);
if (!report) failedSteps.push('the test run left no report');

console.log('\nNot available here (test/unavailable.json):');
for (const { entry, skipped } of result.explained) {
  console.log(`  ${entry.match}: ${skipped} skipped\n    ${entry.reason}`);
}
list('Skipped without an entry in test/unavailable.json:', result.unexplained);
list('Failed tests:', result.failed);
list('Failed steps:', failedSteps);

const failures = result.failed.length + result.unexplained.length + failedSteps.length;
if (failures === 0 && result.passed === 0) console.log('\nNo test ran.');
console.log(`\n${result.passed} passed, ${failures} failed`);
process.exitCode = failures === 0 && result.passed > 0 ? 0 : 1;

function list(title: string, lines: readonly string[]): void {
  if (lines.length > 0)
    console.log(`\n${title}\n${lines.map(line => `  ${line.replace(root, '.')}`).join('\n')}`);
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8')) as T;
  } catch (error) {
    console.error(`${path}: ${(error as Error).message}`);
    return undefined;
  }
}
