import { describe, expect, it } from 'vitest';
import { exitCodeOf, explain, Refused, Unreachable, UsageError } from '../../src/cli/errors.ts';
import { CATALOGUE, refuse } from '../../src/domain/errors.ts';

const refused = (code: string, status: number, facts: Record<string, unknown> = {}) =>
  new Refused({ status, code, title: 'It is so', ...facts });

describe('what a person reads', () => {
  it('has the code, the reason and what to do', () => {
    expect(
      explain(refused('ARTIFACT_HELD', 403, { detail: 'CVE-1', holds: [{ holdId: 'h1', kind: 'manual' }] })),
    ).toBe(
      'ARTIFACT_HELD: It is so: CVE-1\n' +
        '  - hold h1 (manual)\n' +
        '  what to do: strongroom artifact show tells its holds; who may lifts one: strongroom artifact release <hold>',
    );
  });

  it('names the findings of policies', () => {
    const findings = [
      { code: 'TAG_PROTECTED', msg: 'v1 is protected', set: 'protected_tags', level: 'hard' },
    ];
    expect(explain(refused('POLICY_DENIED', 403, { findings }))).toContain(
      '  - TAG_PROTECTED (policy protected_tags, hard): v1 is protected',
    );
  });

  it('tells the request id of what only the log knows', () => {
    expect(explain(refused('INTERNAL', 503, { requestId: 'r-1' }))).toContain('request id r-1');
  });

  it('has no stack, no control characters', () => {
    expect(explain(new Error('broken\u001b[2J'))).toBe('error: broken [2J');
    expect(explain(new UsageError('one\ntwo'))).toMatch(/^error: one\n {2}two\n/);
  });

  it('has the code of what this process itself refuses', () => {
    expect(explain(refuse('STATE_CONFLICT', 'it is not empty'))).toBe(
      `STATE_CONFLICT: ${CATALOGUE.STATE_CONFLICT.summary}: it is not empty`,
    );
  });

  it('gives advice only for codes that there are', async () => {
    const advised = Object.keys(CATALOGUE).filter(code => explain(refused(code, 400)).includes('what to do'));
    expect(advised).toContain('UNAUTHENTICATED');
    expect(explain(refused('NO_SUCH_CODE', 400))).toBe('NO_SUCH_CODE: It is so');
  });
});

it.each([
  [refused('FORBIDDEN', 403), 1],
  [new Error('x'), 1],
  [new UsageError('x'), 2],
  [new Unreachable('x'), 3],
  [refused('UNAUTHENTICATED', 401), 4],
])('%s ends with %d', (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});
