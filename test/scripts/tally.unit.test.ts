import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tally, type Unavailable, type VitestReport } from '../../scripts/lib/tally.ts';

const known: Unavailable[] = [{ match: '\\[without docker\\]', reason: 'needs privileges' }];

function report(tests: Record<string, string>, status = 'passed'): VitestReport {
  const assertionResults = Object.entries(tests).map(([fullName, outcome]) => ({
    fullName,
    status: outcome,
  }));
  return { testResults: [{ name: '/src/x.unit.test.ts', status, message: 'boom', assertionResults }] };
}

it('counts what passed and names what failed', () => {
  const result = tally(report({ one: 'passed', two: 'failed', three: 'passed' }, 'failed'), known);
  expect(result).toMatchObject({ passed: 2, failed: ['two'], unexplained: [] });
});

it('counts a file that failed outside its tests', () => {
  expect(tally(report({ one: 'skipped [without docker]' }, 'failed'), known).failed).toEqual([
    '/src/x.unit.test.ts boom',
  ]);
});

it.each(['skipped', 'pending', 'todo', 'disabled'])('refuses a %s test that nothing explains', status => {
  const result = tally(report({ one: status, 'push [without docker] works': status }), known);
  expect(result.unexplained).toEqual(['one']);
  expect(result.explained).toEqual([{ entry: known[0], skipped: 1 }]);
});

it('every entry of test/unavailable.json has a pattern that compiles and a reason that explains', () => {
  const entries = JSON.parse(
    readFileSync(join(import.meta.dirname, '../unavailable.json'), 'utf8'),
  ) as Unavailable[];
  expect(tally(report({ 'an ordinary skipped test': 'skipped' }), entries).unexplained).toHaveLength(1);
  for (const { reason } of entries) expect(reason.length).toBeGreaterThan(40);
});
