/** Given what happened, when this is asked for, then that follows: specifications of deciders. */
import { expect } from 'vitest';
import { type ErrorCode, StrongroomError } from '../../src/domain/errors.ts';
import { type Aggregate, fold } from '../../src/domain/kernel/decider.ts';
import { type EventMap, type EventsOf, readEvent } from '../../src/domain/kernel/event.ts';
import type { JsonObject } from '../../src/domain/values/json.ts';

export interface Then<M extends EventMap> {
  /** Exactly these events, in order; each is valid by its schema. */
  thenEvents(events: readonly EventsOf<M>[]): void;
  /** A refusal from the catalogue. Gives it back for tests that look at its detail. */
  thenRefused(code: ErrorCode): StrongroomError;
  /** No event: the state holds already. */
  thenNothing(): void;
}

/** History is validated as if it were read from the log, so that no test rests on one that cannot be. */
export function given<C, S, M extends EventMap>(
  aggregate: Aggregate<C, S, M>,
  events: readonly EventsOf<M>[] = [],
): { readonly state: S; when(command: C): Then<M> } {
  for (const event of events) read(aggregate, event);
  const state = frozen(fold(aggregate, events));
  return {
    state,
    when(command) {
      const decide = () => aggregate.decide(frozen(command), state);
      return {
        thenEvents(expected) {
          const decided = decide();
          for (const event of decided) read(aggregate, event);
          expect(decided).toStrictEqual(expected);
        },
        thenRefused(code) {
          const refusal = refusalOf(decide);
          expect(refusal.code).toBe(code);
          return refusal;
        },
        thenNothing: () => expect(decide()).toEqual([]),
      };
    },
  };
}

/** Runs commands one after the other, each on what the ones before brought about. */
export function eventsOf<C, S, M extends EventMap>(
  aggregate: Aggregate<C, S, M>,
  commands: readonly C[],
): EventsOf<M>[] {
  const events: EventsOf<M>[] = [];
  for (const command of commands) events.push(...aggregate.decide(command, fold(aggregate, events)));
  return events;
}

function read<C, S, M extends EventMap>(aggregate: Aggregate<C, S, M>, { type, data }: EventsOf<M>): void {
  const version = aggregate.events[type]?.version ?? 0;
  const known = readEvent(aggregate.events, { type, version, data: data as JsonObject });
  // a schema that rewrites would make the folded state differ from what was decided
  expect(known.data).toEqual(data);
}

/** The refusal that a function throws, from the catalogue. */
export function refusalOf(act: () => unknown): StrongroomError {
  try {
    act();
  } catch (error) {
    if (error instanceof StrongroomError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** Deciders and folds are pure: they change nothing that they are given. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) frozen(inner);
  return value;
}
