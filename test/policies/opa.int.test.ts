import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sprintf } from '../../src/policies/wasm/sprintf.ts';
import { parseTerm, type Term } from '../../src/policies/wasm/terms.ts';
import { service } from '../support/services.ts';
import { askOpa, type Call } from './reference.ts';

const { available, path, reason } = service('opa');
const opa = path ?? 'opa';

describe.skipIf(!available)(`with opa${reason ? ` (${reason})` : ''}`, () => {
  it('the answers that the builtins are tested against are those of opa', () => {
    const file = join(import.meta.dirname, 'builtins.golden.json');
    const calls = JSON.parse(readFileSync(file, 'utf8')) as Call[];
    expect(askOpa(opa, calls)).toEqual(calls.map(({ json }) => json));
  });

  it('sprintf formats numbers as opa does', () => {
    const next = random(20260131);
    const verbs = [
      '%v',
      '%g',
      '%e',
      '%.3g',
      '%.0f',
      '%.1f',
      '%.2f',
      '%8.3f|',
      '%-9.1e|',
      '%+.4g',
      '%08.2f',
      '%d',
    ];
    const calls = Array.from({ length: 600 }, (_, i) => {
      const number = (next() - 0.5) * 10 ** Math.floor(next() * 24 - 8);
      const rounded = next() < 0.4 ? Math.round(number * 16) / 16 : number;
      return { call: 'sprintf', args: [JSON.stringify(verbs[i % verbs.length]), `[${rounded}]`] };
    });
    const answers = askOpa(opa, calls).map(json => JSON.parse(json ?? 'null') as string);
    const ours = calls.map(({ args }) => {
      const [format = '', values = ''] = args;
      return sprintf(JSON.parse(format) as string, parseTerm(values) as Term[]);
    });
    const wrong = calls.flatMap(({ args }, i) =>
      ours[i] === answers[i] ? [] : [[args, ours[i], answers[i]]],
    );
    expect(wrong).toEqual([]);
  });

  it('the shipped modules, schemas and capabilities are what their sources give, and the Rego tests pass', () => {
    const root = join(import.meta.dirname, '../..');
    const env = { ...process.env, STRONGROOM_OPA: opa };
    const output = execFileSync(process.execPath, ['scripts/policies-build.ts', '--check'], {
      cwd: root,
      env,
      encoding: 'utf8',
    });
    expect(output).toContain('derived files are current');
  });
});

/** Small deterministic generator (mulberry32): the same numbers in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
