/** The decider pattern: pure functions that say what happens and what is. Time, ids and randomness come in with the command. */
import type { EventMap, EventsOf } from './event.ts';

export interface Aggregate<C, S, M extends EventMap = EventMap> {
  /** prefix of the stream names, without the dash */
  readonly name: string;
  readonly events: M;
  readonly initial: S;
  /** Which events follow; none when the state holds already. @throws StrongroomError when it is not allowed */
  decide(command: C, state: S): readonly EventsOf<M>[];
  evolve(state: S, event: EventsOf<M>): S;
}

/** Folds events over the initial state. */
export function fold<C, S, M extends EventMap>(
  aggregate: Aggregate<C, S, M>,
  events: Iterable<EventsOf<M>>,
): S {
  let state = aggregate.initial;
  for (const event of events) state = aggregate.evolve(state, event);
  return state;
}
