/** Commands on streams: what is asked of one, and steps that belong together. */
import type { Aggregate } from '../domain/kernel/decider.ts';
import type { EventMap } from '../domain/kernel/event.ts';
import type { JsonObject } from '../domain/values/json.ts';
import type { Position } from '../eventlog/port.ts';

export interface Outcome<S> {
  readonly state: S;
  /** what the views must have reached for this to be seen; also when nothing had to change */
  readonly position: Position | undefined;
  readonly changed: boolean;
}

export type Meta = JsonObject & { readonly commandId: string };

/** One command on one stream, as a part of several that belong together. Steps are told apart by identity. */
export interface Step<S = unknown> {
  readonly aggregate: Aggregate<unknown, S>;
  readonly stream: string;
  /** may ask what the steps before it lead to */
  command(earlier: Earlier): { readonly kind: string };
}

/** A step, and what its events carry beside their data. */
export interface Run {
  readonly step: Step;
  readonly meta: Meta;
}

export interface Earlier {
  of<S>(step: Step<S>): S;
}

export interface Outcomes {
  of<S>(step: Step<S>): Outcome<S>;
}

/** Steps on different aggregates go through the same hands: who made them knows the types. */
export const erased = <C, S, M extends EventMap>(aggregate: Aggregate<C, S, M>) =>
  aggregate as unknown as Aggregate<unknown, S>;

export function step<C extends { readonly kind: string }, S, M extends EventMap>(
  aggregate: Aggregate<C, S, M>,
  stream: string,
  command: (earlier: Earlier) => NoInfer<C>,
): Step<S> {
  return { aggregate: erased(aggregate), stream, command };
}

/** Looks a step up; one that has not come yet is a mistake of the program. */
export function known<T>(of: ReadonlyMap<Step, T>, asked: Step): T {
  const found = of.get(asked);
  if (found === undefined) throw new Error(`the step on ${asked.stream} has not been taken yet`);
  return found;
}
