/**
 * A subject: bytes by their canonical digest (or a purl), wherever they are. Bytes are judged, places are governed.
 * Stream: `subject-<canonical digest or purl>`.
 */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { own } from '../values/own.ts';
import { type HoldKind, holdKind, id, sealed } from '../values/schemas.ts';

const subjectId = z.string().min(1).max(1024);

export const subjectEvents = {
  SubjectHeld: event(z.strictObject({ subject: subjectId, holdId: id, kind: holdKind, reason: sealed })),
  SubjectHoldLifted: event(
    z.strictObject({ subject: subjectId, holdId: id, kind: holdKind, reason: sealed.optional() }),
  ),
  SubjectJudged: event(
    z.strictObject({
      subject: subjectId,
      /** who judged: a scanner's name and version */
      judge: z.string().max(255),
      verdict: z.enum(['clean', 'suspect', 'malicious']),
      /** digest of the report in evidence */
      evidence: z.string().optional(),
    }),
  ),
};

export type SubjectCommand =
  | {
      readonly kind: 'HoldSubject';
      readonly subject: string;
      readonly holdId: string;
      readonly holdKind: HoldKind;
      readonly reason: string;
    }
  | {
      readonly kind: 'LiftSubjectHold';
      readonly subject: string;
      readonly holdId: string;
      readonly holdKind: HoldKind;
      readonly reason?: string | undefined;
    }
  | {
      readonly kind: 'JudgeSubject';
      readonly subject: string;
      readonly judge: string;
      readonly verdict: 'clean' | 'suspect' | 'malicious';
      readonly evidence?: string | undefined;
    };

export interface SubjectState {
  readonly holds: Readonly<Record<string, HoldKind>>;
  /** the latest verdict of each judge, with its evidence */
  readonly verdicts: Readonly<Record<string, string>>;
}
type SubjectEvent = EventsOf<typeof subjectEvents>;

const verdictKey = (verdict: string, evidence: string | undefined) => `${verdict} ${evidence ?? ''}`;

function decide(command: SubjectCommand, state: SubjectState): readonly SubjectEvent[] {
  const { subject } = command;
  if (command.kind === 'HoldSubject') {
    const { holdId, holdKind: kind, reason } = command;
    return own(state.holds, holdId) ? [] : [{ type: 'SubjectHeld', data: { subject, holdId, kind, reason } }];
  }
  if (command.kind === 'JudgeSubject') {
    const { judge, verdict, evidence } = command;
    if (own(state.verdicts, judge) === verdictKey(verdict, evidence)) return [];
    const data = { subject, judge, verdict };
    return [{ type: 'SubjectJudged', data: evidence === undefined ? data : { ...data, evidence } }];
  }
  const kind = own(state.holds, command.holdId);
  if (!kind) throw refuse('HOLD_UNKNOWN', { holdId: command.holdId });
  if (kind !== command.holdKind)
    throw refuse('STATE_CONFLICT', `a ${kind} hold is lifted by its own kind only`);
  const data = { subject, holdId: command.holdId, kind };
  return [
    {
      type: 'SubjectHoldLifted',
      data: command.reason === undefined ? data : { ...data, reason: command.reason },
    },
  ];
}

function evolve(state: SubjectState, { type, data }: SubjectEvent): SubjectState {
  switch (type) {
    case 'SubjectHeld':
      return { ...state, holds: { ...state.holds, [data.holdId]: data.kind } };
    case 'SubjectHoldLifted': {
      const { [data.holdId]: _lifted, ...holds } = state.holds;
      return { ...state, holds };
    }
    case 'SubjectJudged':
      return {
        ...state,
        verdicts: { ...state.verdicts, [data.judge]: verdictKey(data.verdict, data.evidence) },
      };
  }
}

export const subject: Aggregate<SubjectCommand, SubjectState, typeof subjectEvents> = {
  name: 'subject',
  events: subjectEvents,
  initial: { holds: {}, verdicts: {} },
  decide,
  evolve,
};

export const subjectStream = (subjectName: string) => `subject-${subjectName}`;
