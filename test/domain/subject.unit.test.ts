import { describe, expect, it } from 'vitest';
import { subject, subjectStream } from '../../src/domain/subject/subject.ts';
import type { HoldKind } from '../../src/domain/values/schemas.ts';
import { given } from '../support/spec.ts';
import { INHERITED, sha256 } from './facts.ts';

const of = sha256('layer');

const hold = (holdId: string, holdKind: HoldKind = 'manual') =>
  ({ kind: 'HoldSubject', subject: of, holdId, holdKind, reason: 'sealed:why' }) as const;
const lift = (holdId: string, holdKind: HoldKind = 'manual', reason?: string) =>
  ({ kind: 'LiftSubjectHold', subject: of, holdId, holdKind, reason }) as const;
const judge = (verdict: 'clean' | 'suspect' | 'malicious', evidence?: string, by = 'trivy 0.70') =>
  ({ kind: 'JudgeSubject', subject: of, judge: by, verdict, evidence }) as const;

const held = (holdId: string, kind: HoldKind = 'manual') =>
  ({ type: 'SubjectHeld', data: { subject: of, holdId, kind, reason: 'sealed:why' } }) as const;
const lifted = (holdId: string, kind: HoldKind = 'manual') =>
  ({ type: 'SubjectHoldLifted', data: { subject: of, holdId, kind } }) as const;
const judged = (verdict: 'clean' | 'suspect' | 'malicious', evidence?: string, by = 'trivy 0.70') =>
  ({
    type: 'SubjectJudged',
    data: { subject: of, judge: by, verdict, ...(evidence ? { evidence } : {}) },
  }) as const;

describe('holds of a subject', () => {
  it('need nothing before them: bytes may be held before they arrive', () => {
    given(subject)
      .when(hold('h1'))
      .thenEvents([held('h1')]);
  });

  it('placed again change nothing', () => {
    given(subject, [held('h1')])
      .when(hold('h1'))
      .thenNothing();
  });

  it('placed again after they were lifted hold again', () => {
    given(subject, [held('h1'), lifted('h1')])
      .when(hold('h1'))
      .thenEvents([held('h1')]);
  });

  it('are lifted with and without a reason', () => {
    given(subject, [held('h1')])
      .when(lift('h1'))
      .thenEvents([lifted('h1')]);
    given(subject, [held('h1')])
      .when(lift('h1', 'manual', 'sealed:fine'))
      .thenEvents([{ type: 'SubjectHoldLifted', data: { ...lifted('h1').data, reason: 'sealed:fine' } }]);
  });

  it('that nobody placed, or somebody lifted, cannot be lifted', () => {
    for (const holdId of ['h1', ...INHERITED]) given(subject).when(lift(holdId)).thenRefused('HOLD_UNKNOWN');
    given(subject, [held('h1'), lifted('h1')])
      .when(lift('h1'))
      .thenRefused('HOLD_UNKNOWN');
  });

  it.each(INHERITED)('may have the id %s', holdId => {
    given(subject)
      .when(hold(holdId))
      .thenEvents([held(holdId)]);
  });

  it.each(['manual', 'policy', 'scan'] as const)('of kind %s are lifted by their own kind only', kind => {
    for (const other of ['manual', 'policy', 'scan'] as const) {
      const then = given(subject, [held('h1', kind)]).when(lift('h1', other));
      if (other === kind) then.thenEvents([lifted('h1', kind)]);
      else then.thenRefused('STATE_CONFLICT');
    }
  });

  it('are independent', () => {
    const { state } = given(subject, [held('h1'), held('h2', 'scan'), lifted('h1')]);
    expect(state.holds).toEqual({ h2: 'scan' });
  });
});

describe('verdicts', () => {
  it('are kept with their evidence', () => {
    given(subject)
      .when(judge('clean'))
      .thenEvents([judged('clean')]);
    given(subject)
      .when(judge('suspect', sha256('report')))
      .thenEvents([judged('suspect', sha256('report'))]);
  });

  it('given again on the same evidence change nothing', () => {
    given(subject, [judged('clean')])
      .when(judge('clean'))
      .thenNothing();
    given(subject, [judged('clean', sha256('report'))])
      .when(judge('clean', sha256('report')))
      .thenNothing();
  });

  it('differ by verdict and by evidence', () => {
    given(subject, [judged('clean')])
      .when(judge('malicious'))
      .thenEvents([judged('malicious')]);
    given(subject, [judged('clean', sha256('one'))])
      .when(judge('clean', sha256('two')))
      .thenEvents([judged('clean', sha256('two'))]);
    given(subject, [judged('clean', sha256('one'))])
      .when(judge('clean'))
      .thenEvents([judged('clean')]);
  });

  it('clean → malicious → clean is three changes', () => {
    given(subject, [judged('clean'), judged('malicious')])
      .when(judge('clean'))
      .thenEvents([judged('clean')]);
  });

  it('are kept for each judge', () => {
    given(subject, [judged('clean', undefined, 'clamav 1.4')])
      .when(judge('clean'))
      .thenEvents([judged('clean')]);
  });

  it('leave holds alone: only whoever holds lifts', () => {
    const { state } = given(subject, [held('h1', 'scan'), judged('clean')]);
    expect(state.holds).toEqual({ h1: 'scan' });
  });
});

it('has a stream for each digest', () => {
  expect(subjectStream(of)).toBe(`subject-${of}`);
});
