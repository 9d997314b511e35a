/** Building a generation of views from the first event on. */
import { setImmediate as turn } from 'node:timers/promises';
import { type DomainEvent, toDomainEvent } from '../domain/catalogue.ts';
import type { JsonObject } from '../domain/values/json.ts';
import type { EventLog, RecordedEvent } from '../eventlog/port.ts';
import type { Generation, Identity, Views } from './port.ts';

/** An event that cannot be understood: nothing after it may be folded. */
export class HaltError extends Error {
  constructor(event: RecordedEvent, cause: unknown) {
    const reason = (cause as Error).message.replace(/\s+/g, ' ').slice(0, 500);
    super(`at position ${event.position}: ${reason}`, { cause });
    this.name = 'HaltError';
  }
}

interface Decoded {
  readonly events: DomainEvent[];
  /** what the first event that could not be read said; `events` end before it */
  readonly failure?: HaltError;
}

export function decode(recorded: readonly RecordedEvent[]): Decoded {
  const events: DomainEvent[] = [];
  for (const event of recorded) {
    try {
      events.push(toDomainEvent(event));
    } catch (error) {
      return { events, failure: new HaltError(event, error) };
    }
  }
  return { events };
}

/** Fetches what an event names in evidence; undefined: erased, or never kept here. An unreachable store throws. */
export type Documents = (digest: string) => Promise<JsonObject | undefined>;

/** Events with the documents that they name, so that folds stay pure: the same log and evidence give the same rows. */
export async function withDocuments(
  events: readonly DomainEvent[],
  documents: Documents | undefined,
): Promise<readonly DomainEvent[]> {
  if (!documents || !events.some(namesDocument)) return events;
  return Promise.all(
    events.map(async event =>
      namesDocument(event) ? { ...event, document: await documents(event.data.metadata) } : event,
    ),
  );
}

const namesDocument = (event: DomainEvent): event is DomainEvent & { data: { metadata: string } } =>
  'metadata' in event.data && typeof event.data.metadata === 'string';

interface Replay {
  readonly documents: Documents | undefined;
  readonly log: EventLog;
  readonly batch: number;
  readonly signal: AbortSignal;
  /** called after each batch with the position that it reached, and with nothing at the end */
  readonly onProgress: (position: string | undefined) => void;
}

interface Build extends Replay {
  readonly store: Views;
  readonly identity: Identity;
  /** keeps the serving generation where it is while `work` runs */
  readonly exclusive: (work: () => Promise<void>) => Promise<void>;
  readonly takeOver: (generation: Generation, checkpoint: string) => void;
}

/**
 * A new generation, from the first event to the head; then it takes the place of the one that serves.
 * False when another node builds one.
 */
export async function buildGeneration(options: Build): Promise<boolean> {
  const { log, store, identity, exclusive, takeOver, onProgress } = options;
  const built = await store.build(identity, log.start);
  if (!built) return false;
  try {
    onProgress(log.start);
    let cursor = await replay(built, log.start, options);
    await store.finish(built);
    // making indexes took a while: what came in meanwhile need not hold anybody up
    cursor = await replay(built, cursor, options);
    const catchUp = async () => {
      cursor = await replay(built, cursor, options);
    };
    await exclusive(async () => takeOver(await store.flip(built, catchUp), cursor));
    return true;
  } catch (error) {
    await store.abandon(built).catch(() => {});
    throw error;
  } finally {
    onProgress(undefined);
  }
}

/**
 * Folds everything after `from` into the generation, until the head; returns the position reached. Other work has
 * its turn between batches.
 * @throws HaltError
 */
async function replay(generation: Generation, from: string, options: Replay): Promise<string> {
  let reached = from;
  for await (const page of pages(options.log, from, options.batch)) {
    options.signal.throwIfAborted();
    const { events, failure } = decode(page.events);
    if (failure) throw failure;
    const known = await withDocuments(events, options.documents);
    if (events.length > 0) await generation.apply(known, { from: reached, to: page.next });
    reached = events.length > 0 ? page.next : reached;
    options.onProgress(reached);
    await turn();
  }
  return reached;
}

/** Pages up to the head; the next one is read while the caller works on this one. */
export async function* pages(log: EventLog, after: string, limit: number) {
  let page = await log.readAll({ after, limit });
  while (!page.atHead) {
    const next = log.readAll({ after: page.next, limit });
    next.catch(() => {});
    yield page;
    page = await next;
  }
  yield page;
}
