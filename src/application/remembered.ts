/** Folded states that are kept in memory, brought up to the log where that is asked. */
import { readEvent } from '../domain/kernel/event.ts';
import type { AppendResult, EventLog } from '../eventlog/port.ts';
import { type AnyAggregate, type Draft, start } from './drafts.ts';
import type { Folded, Snapshots } from './snapshots.ts';
import type { Outcome } from './stepping.ts';

const PAGE = 1000;

export interface Remembered {
  /** undefined when it is not in memory; it may be stale */
  get(stream: string): Folded | undefined;
  /** with every event that the log has of it */
  catchUp(aggregate: AnyAggregate, stream: string): Promise<Folded>;
  /** takes over what an append led to */
  conclude(draft: Draft, result: AppendResult): Promise<Outcome<unknown>>;
}

export interface RememberedOptions {
  /** folded states kept in memory */
  readonly maxCached?: number;
  /** without them a stream that is not in memory is folded from its first event */
  readonly snapshots?: Snapshots | undefined;
}

export function createRemembered(
  log: EventLog,
  { maxCached = 20_000, snapshots }: RememberedOptions,
): Remembered {
  const cache = new Map<string, Folded>();

  function remember(stream: string, folded: Folded): void {
    cache.delete(stream);
    cache.set(stream, folded);
    const oldest = cache.keys().next();
    if (cache.size > maxCached && !oldest.done) cache.delete(oldest.value);
  }

  async function catchUp(aggregate: AnyAggregate, stream: string): Promise<Folded> {
    const from = cache.get(stream) ?? (await snapshots?.load(stream)) ?? start(aggregate);
    let { revision, eventId, state } = from;
    for (;;) {
      const page = await log.readStream(stream, { from: revision + 1, limit: PAGE });
      for (const recorded of page) {
        state = aggregate.evolve(state, readEvent(aggregate.events, recorded));
        ({ revision, id: eventId } = recorded);
      }
      if (page.length < PAGE) break;
    }
    const folded = { revision, eventId, state };
    remember(stream, folded);
    await snapshots?.note(stream, folded, from.revision);
    return folded;
  }

  async function conclude(draft: Draft, result: AppendResult): Promise<Outcome<unknown>> {
    const { aggregate, stream, folded, events, state } = draft;
    const { position, revision } = result;
    if (result.repeated) {
      cache.delete(stream);
      return { state: (await catchUp(aggregate, stream)).state, position, changed: false };
    }
    const now = { revision, eventId: events.at(-1)?.id, state };
    const latest = cache.get(stream);
    if (!latest || latest.revision < revision) remember(stream, now);
    await snapshots?.note(stream, now, folded.revision);
    return { state, position, changed: true };
  }

  return { get: stream => cache.get(stream), catchUp, conclude };
}
