/**
 * Loads, decides and appends: one command on one stream. Folded states are kept in memory; the log's expected revision
 * catches a stale one, and the command is decided again on the true state.
 */
import { createHash } from 'node:crypto';
import { readEvent } from '../domain/kernel/event.ts';
import type { Aggregate } from '../domain/kernel/decider.ts';
import type { EventMap, EventsOf } from '../domain/kernel/event.ts';
import { refuse } from '../domain/errors.ts';
import type { JsonObject } from '../domain/values/json.ts';
import { ConflictError, type EventLog, type NewEvent, type Position } from '../eventlog/port.ts';

export interface Outcome<S> {
  readonly state: S;
  /** undefined when nothing had to change */
  readonly position: Position | undefined;
  readonly changed: boolean;
}

export interface Streams {
  load<C, S, M extends EventMap>(aggregate: Aggregate<C, S, M>, stream: string): Promise<S>;
  /** @throws StrongroomError from the decider, CONCURRENT_CHANGE, LOG_UNAVAILABLE */
  execute<C, S, M extends EventMap>(
    aggregate: Aggregate<C, S, M>,
    stream: string,
    command: C & { readonly kind: string },
    meta: JsonObject & { readonly commandId: string },
  ): Promise<Outcome<S>>;
}

interface Folded {
  readonly revision: number;
  readonly state: unknown;
}

const ATTEMPTS = 20;
const PAGE = 1000;

export function createStreams(log: EventLog, maxCached = 20_000): Streams {
  const cache = new Map<string, Folded>();

  function remember(stream: string, folded: Folded): void {
    cache.delete(stream);
    cache.set(stream, folded);
    const oldest = cache.keys().next();
    if (cache.size > maxCached && !oldest.done) cache.delete(oldest.value);
  }

  async function catchUp<C, S, M extends EventMap>(aggregate: Aggregate<C, S, M>, stream: string): Promise<Folded> {
    let { revision, state } = (cache.get(stream) as { revision: number; state: S } | undefined) ?? {
      revision: -1,
      state: aggregate.initial,
    };
    for (;;) {
      const page = await log.readStream(stream, { from: revision + 1, limit: PAGE });
      for (const recorded of page) {
        state = aggregate.evolve(state, readEvent(aggregate.events, recorded) as EventsOf<M>);
        revision = recorded.revision;
      }
      if (page.length < PAGE) break;
    }
    const folded = { revision, state };
    remember(stream, folded);
    return folded;
  }

  return {
    async load<C, S, M extends EventMap>(aggregate: Aggregate<C, S, M>, stream: string) {
      return (await catchUp(aggregate, stream)).state as S;
    },

    async execute<C, S, M extends EventMap>(
      aggregate: Aggregate<C, S, M>,
      stream: string,
      command: C & { readonly kind: string },
      meta: JsonObject & { readonly commandId: string },
    ): Promise<Outcome<S>> {
      let known = cache.get(stream);
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const folded = known ?? (await catchUp(aggregate, stream));
        const state = folded.state as S;
        const decided = decideOrRefresh(() => aggregate.decide(command, state), known !== undefined);
        if (decided === 'stale') {
          known = undefined;
          continue;
        }
        if (decided.length === 0) {
          // "nothing to do" may rest on a state that is behind: make sure before it is told to anybody
          if (known === undefined) return { state, position: undefined, changed: false };
          known = undefined;
          continue;
        }
        const events = decided.map((event, index) => newEvent(aggregate.events, event, { stream, command, meta, index }));
        try {
          const result = await log.append(stream, events, {
            expected: folded.revision < 0 ? 'none' : folded.revision,
          });
          if (result.repeated) {
            cache.delete(stream);
            return { state, position: result.position, changed: false };
          }
          const next = decided.reduce((current, event) => aggregate.evolve(current, event), state);
          const latest = cache.get(stream);
          if (!latest || latest.revision < result.revision) remember(stream, { revision: result.revision, state: next });
          return { state: next, position: result.position, changed: true };
        } catch (error) {
          if (!(error instanceof ConflictError)) throw error;
          known = undefined;
        }
      }
      throw refuse('CONCURRENT_CHANGE', { retryAfter: 1 });
    },
  };
}

/** A refusal that rests on a remembered state is decided again on the true one. */
function decideOrRefresh<E>(decide: () => readonly E[], remembered: boolean): readonly E[] | 'stale' {
  try {
    return decide();
  } catch (error) {
    if (remembered) return 'stale';
    throw error;
  }
}

interface Making {
  readonly stream: string;
  readonly command: { readonly kind: string };
  readonly meta: JsonObject & { readonly commandId: string };
  readonly index: number;
}

function newEvent(events: EventMap, event: { type: string; data: unknown }, making: Making): NewEvent {
  const { stream, command, meta, index } = making;
  const definition = events[event.type];
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
