/** What a command leads to on a state: the events to append, and the state after them. */
import { createHash } from 'node:crypto';
import type { Aggregate } from '../domain/kernel/decider.ts';
import type { JsonObject } from '../domain/values/json.ts';
import type { NewEvent } from '../eventlog/port.ts';
import type { Folded } from './snapshots.ts';
import type { Meta } from './stepping.ts';

export type AnyAggregate = Aggregate<unknown, unknown>;

export interface Asked {
  readonly aggregate: AnyAggregate;
  readonly stream: string;
  readonly command: { readonly kind: string };
  readonly meta: Meta;
}

/** What a command leads to on a state. */
export interface Draft {
  readonly aggregate: AnyAggregate;
  readonly stream: string;
  /** what was decided on */
  readonly folded: Folded;
  readonly expected: number | 'none';
  readonly events: readonly NewEvent[];
  /** after the events */
  readonly state: unknown;
}

export const start = (aggregate: AnyAggregate): Folded => ({
  revision: -1,
  eventId: undefined,
  state: aggregate.initial,
});

/** @throws StrongroomError from the decider */
export function draftOn(asked: Asked, folded: Folded): Draft {
  const { aggregate, stream, command } = asked;
  const decided = aggregate.decide(command, folded.state);
  return {
    aggregate,
    stream,
    folded,
    expected: folded.revision < 0 ? 'none' : folded.revision,
    events: decided.map((event, index) => newEvent(asked, event, index)),
    state: decided.reduce((state, event) => aggregate.evolve(state, event), folded.state),
  };
}

function newEvent(asked: Asked, event: { type: string; data: unknown }, index: number): NewEvent {
  const { aggregate, stream, command, meta } = asked;
  const definition = aggregate.events[event.type];
  if (!definition) throw new Error(`event ${event.type} is not in the aggregate's table`);
  return {
    id: derivedId(`${meta.commandId}\n${stream}\n${command.kind}\n${index}`),
    type: event.type,
    version: definition.version,
    data: definition.schema.parse(event.data) as JsonObject,
    meta,
  };
}

/** A UUID (version 8, RFC 9562) from a text: a retried command gives its events the same ids. */
export function derivedId(text: string): string {
  const hash = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hash[16] ?? '0', 16) & 3) | 8).toString(16);
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}
