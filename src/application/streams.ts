/**
 * Loads, decides and appends: one command on one stream. Folded states are kept in memory; the log's expected revision
 * catches a stale one, and the command is decided again on the true state.
 */
import { createHash } from 'node:crypto';
import { refuse } from '../domain/errors.ts';
import type { Aggregate } from '../domain/kernel/decider.ts';
import type { EventMap, EventsOf } from '../domain/kernel/event.ts';
import { readEvent } from '../domain/kernel/event.ts';
import type { JsonObject } from '../domain/values/json.ts';
import {
  type AppendResult,
  ConflictError,
  type EventLog,
  type NewEvent,
  type Position,
} from '../eventlog/port.ts';
import type { Folded, Snapshots } from './snapshots.ts';

export interface Outcome<S> {
  readonly state: S;
  /** what the views must have reached for this to be seen; also when nothing had to change */
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

const ATTEMPTS = 20;
const PAGE = 1000;

export interface StreamsOptions {
  /** folded states kept in memory */
  readonly maxCached?: number;
  /** without them a stream that is not in memory is folded from its first event */
  readonly snapshots?: Snapshots | undefined;
}

export function createStreams(
  log: EventLog,
  { maxCached = 20_000, snapshots }: StreamsOptions = {},
): Streams {
  const cache = new Map<string, Folded>();

  function remember(stream: string, folded: Folded): void {
    cache.delete(stream);
    cache.set(stream, folded);
    const oldest = cache.keys().next();
    if (cache.size > maxCached && !oldest.done) cache.delete(oldest.value);
  }

  async function catchUp<C, S, M extends EventMap>(
    aggregate: Aggregate<C, S, M>,
    stream: string,
  ): Promise<Folded> {
    const known = cache.get(stream) ?? (await snapshots?.load(stream)) ?? start(aggregate);
    let { revision, eventId } = known;
    let state = known.state as S;
    for (;;) {
      const page = await log.readStream(stream, { from: revision + 1, limit: PAGE });
      for (const recorded of page) {
        state = aggregate.evolve(state, readEvent(aggregate.events, recorded) as EventsOf<M>);
        ({ revision, id: eventId } = recorded);
      }
      if (page.length < PAGE) break;
    }
    const folded = { revision, eventId, state };
    remember(stream, folded);
    await snapshots?.note(stream, folded, known.revision);
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
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        // only the first attempt may rest on a remembered or presumed state
        const done = await attemptOnce(aggregate, { stream, command, meta, remembered: attempt === 0 });
        if (done) return done;
      }
      throw refuse('CONCURRENT_CHANGE', { retryAfter: 1 });
    },
  };

  /** undefined: the state was stale, decide again */
  async function attemptOnce<C, S, M extends EventMap>(
    aggregate: Aggregate<C, S, M>,
    attempt: Attempt<C & { readonly kind: string }>,
  ): Promise<Outcome<S> | undefined> {
    const { stream, command, meta } = attempt;
    // a stream that is not remembered is most often new: presuming so saves a read, and the append finds out
    const remembered = attempt.remembered ? (cache.get(stream) ?? start(aggregate)) : undefined;
    const folded = remembered ?? (await catchUp(aggregate, stream));
    const state = folded.state as S;
    const decided = decideOrRefresh(() => aggregate.decide(command, state), remembered !== undefined);
    if (decided === 'stale') return undefined;
    // whoever else brought this state about may be ahead of the views: the caller waits for them all the same
    if (decided.length === 0) return { state, position: await log.head(), changed: false };
    const events = decided.map((event, index) =>
      newEvent(aggregate.events, event, { stream, command, meta, index }),
    );
    const result = await appendUnlessConflict(stream, events, folded.revision);
    return result && conclude(aggregate, { stream, folded, decided, result, eventId: events.at(-1)?.id });
  }

  async function appendUnlessConflict(stream: string, events: readonly NewEvent[], revision: number) {
    try {
      return await log.append(stream, events, { expected: revision < 0 ? 'none' : revision });
    } catch (error) {
      if (error instanceof ConflictError) return undefined;
      throw error;
    }
  }

  async function conclude<C, S, M extends EventMap>(
    aggregate: Aggregate<C, S, M>,
    done: Done<EventsOf<M>>,
  ): Promise<Outcome<S>> {
    const { stream, folded, decided, result, eventId } = done;
    const { position, revision } = result;
    if (result.repeated) {
      cache.delete(stream);
      return { state: (await catchUp(aggregate, stream)).state as S, position, changed: false };
    }
    const state = decided.reduce((current, event) => aggregate.evolve(current, event), folded.state as S);
    const latest = cache.get(stream);
    if (!latest || latest.revision < revision) remember(stream, { revision, eventId, state });
    await snapshots?.note(stream, { revision, eventId, state }, folded.revision);
    return { state, position, changed: true };
  }
}

const start = <C, S, M extends EventMap>(aggregate: Aggregate<C, S, M>): Folded => ({
  revision: -1,
  eventId: undefined,
  state: aggregate.initial,
});

/** A refusal, or "nothing to do", that rests on a remembered state is decided again on the true one. */
function decideOrRefresh<E>(decide: () => readonly E[], remembered: boolean): readonly E[] | 'stale' {
  try {
    const decided = decide();
    return decided.length === 0 && remembered ? 'stale' : decided;
  } catch (error) {
    if (remembered) return 'stale';
    throw error;
  }
}

interface Attempt<C> {
  readonly stream: string;
  readonly command: C;
  readonly meta: JsonObject & { readonly commandId: string };
  readonly remembered: boolean;
}

interface Done<E> {
  readonly stream: string;
  /** what was decided on */
  readonly folded: Folded;
  readonly decided: readonly E[];
  readonly result: AppendResult;
  /** of the last event appended */
  readonly eventId: string | undefined;
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
