/** Random sequences of commands through every decider: what holds whatever is asked, in whatever order. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/errors.ts';
import { type Aggregate, fold } from '../../src/domain/kernel/decider.ts';
import { type EventMap, type EventsOf, readEvent } from '../../src/domain/kernel/event.ts';
import type { JsonObject } from '../../src/domain/values/json.ts';
import { type Case, cases } from './commands.ts';

/** Commands that ask for what can be done once: the second time is refused, since nothing is there any more. */
const ONCE = new Set(['LiftHold', 'LiftSubjectHold', 'BreakGlass']);

type Step<S> =
  | { readonly refused: string }
  | { readonly events: readonly EventsOf<EventMap>[]; readonly state: S };

/** @throws whatever a decider throws that is no refusal */
function step<C, S>(aggregate: Aggregate<C, S>, state: S, command: C): Step<S> {
  try {
    const events = aggregate.decide(command, state);
    return { events, state: events.reduce((folded, event) => aggregate.evolve(folded, event), state) };
  } catch (error) {
    if (isRefusal(error)) return { refused: error.code };
    throw error;
  }
}

function run({ aggregate, commands }: Case, check: (command: { kind: string }, of: Taken) => void): void {
  const sequence = fc.array(commands, { maxLength: 30, size: 'max' });
  fc.assert(
    fc.property(sequence, given => {
      const events: EventsOf<EventMap>[] = [];
      let state = aggregate.initial;
      for (const command of given) {
        const taken = step(aggregate, state, command);
        check(command, { before: state, taken, events });
        if ('refused' in taken) continue;
        events.push(...taken.events);
        state = taken.state;
      }
    }),
    { numRuns: 100 },
  );
}

interface Taken {
  readonly before: unknown;
  readonly taken: Step<unknown>;
  /** all events until the command */
  readonly events: readonly EventsOf<EventMap>[];
}

describe.each(cases)('$name', subject => {
  const { aggregate } = subject;

  it('refuses with an entry of the catalogue or not at all', () => {
    // anything else that a decider throws passes through `step`
    run(subject, (_command, { taken }) => expect(Object.keys(taken)).not.toEqual([]));
  });

  it('does nothing when it is asked for the same again', () => {
    run(subject, (command, { taken }) => {
      if ('refused' in taken) return;
      const again = step(aggregate, taken.state, command);
      if (ONCE.has(command.kind)) expect(again).toHaveProperty('refused');
      else expect(again).toHaveProperty('events', []);
    });
  });

  it('refuses again what it has just refused, and neither changes the state', () => {
    run(subject, (command, { before, taken }) => {
      if ('refused' in taken) expect(step(aggregate, before, command)).toEqual(taken);
    });
  });

  it('folds what was stored to what was decided on, each time', () => {
    run(subject, (_command, { before, events }) => {
      const stored = JSON.parse(JSON.stringify(events)) as typeof events;
      expect(fold(aggregate, stored)).toEqual(before);
      expect(fold(aggregate, events)).toEqual(before);
    });
  });

  it('makes events that their own schema reads back as they are', () => {
    run(subject, (_command, { taken }) => {
      if ('refused' in taken) return;
      for (const { type, data } of taken.events) {
        const version = aggregate.events[type]?.version ?? 0;
        const stored = JSON.parse(JSON.stringify(data)) as JsonObject;
        expect(readEvent(aggregate.events, { type, version, data: stored })).toEqual({ type, data });
      }
    });
  });
});
