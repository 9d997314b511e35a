/** Catch-up subscriptions: the client's, supervised, since those end with the connection and may fall silent. */
import {
  type AllStreamResolvedEvent,
  type AllStreamSubscription,
  eventTypeFilter,
  type Filter as ServerFilter,
  type Position as ServerPosition,
  streamNameFilter,
} from '@eventstore/db-client';
import { StrongroomError } from '../../domain/errors.ts';
import {
  type Filter,
  type Position,
  passes,
  type SubscribeOptions,
  type SubscriptionMessage,
} from '../port.ts';
import { asRefusal, backoff, type Connection, hold, pause } from './connection.ts';
import { createRecorder, toRead } from './events.ts';
import { toStored, VISIBLE } from './names.ts';
import { fromPosition, later, START, toPosition } from './positions.ts';
import { type Reader, recordVisible } from './reader.ts';

/** What the client's stream carries once the markers are put in their places between the events. */
type Item = AllStreamResolvedEvent | { readonly caughtUp: true } | { readonly checkpoint: ServerPosition };

export interface Supervision {
  readonly connection: Connection;
  readonly reader: Reader;
  /** after so many ms without a message the log is asked whether there should have been one */
  readonly idleMs: number;
}

/** How far a subscription has come; it outlives connections. */
interface Cursor {
  position: Position;
}

/**
 * Follows the log until the signal aborts or the log is closed. A connection that breaks, or keeps quiet about events
 * that a read finds, is replaced; the next one goes on after the last position that was delivered.
 * @throws StrongroomError for an event that cannot be understood: it is never skipped
 */
export async function* supervise(
  supervision: Supervision,
  { after = START, filter, signal }: SubscribeOptions,
): AsyncGenerator<SubscriptionMessage, void, undefined> {
  const { connection } = supervision;
  const stop = signal ? AbortSignal.any([signal, connection.closing]) : connection.closing;
  fromPosition(after);
  const following = { cursor: { position: after }, filter, stop, record: createRecorder() };
  for (let failures = 1; !stop.aborted; failures++) {
    try {
      for await (const message of new Follower(supervision, following).messages()) {
        failures = 0;
        yield message;
      }
    } catch (error) {
      if (!stop.aborted && isFinal(error)) throw error;
    }
    await pause(backoff(failures), stop);
  }
}

function isFinal(error: unknown): boolean {
  return error instanceof StrongroomError && error.code !== 'LOG_UNAVAILABLE';
}

interface Following {
  readonly cursor: Cursor;
  readonly filter: Filter | undefined;
  readonly stop: AbortSignal;
  readonly record: ReturnType<typeof createRecorder>;
}

/** One connection of a subscription. */
class Follower {
  readonly #supervision: Supervision;
  readonly #following: Following;
  #live = false;
  /** what the log held when this connection began: what `caughtUp` promises at least */
  #head: Position = START;

  constructor(supervision: Supervision, following: Following) {
    this.#supervision = supervision;
    this.#following = following;
  }

  async *messages(): AsyncGenerator<SubscriptionMessage, void, undefined> {
    this.#head = await this.#supervision.reader.head();
    const subscription = this.#open();
    const release = hold(subscription);
    const items = subscription[Symbol.asyncIterator]() as AsyncIterator<Item>;
    let pending: Promise<IteratorResult<Item>> | undefined;
    try {
      while (!this.#following.stop.aborted) {
        pending ??= items.next();
        // Reading ahead has no need for timers
        const quiet = subscription.readableLength === 0 && (await this.#isQuiet(pending));
        if (quiet) {
          yield* this.#check();
          continue;
        }
        const { done, value } = await pending;
        pending = undefined;
        if (done) return;
        const message = this.#take(value);
        if (message) yield message;
      }
    } finally {
      pending?.catch(() => {});
      release();
    }
  }

  #open(): AllStreamSubscription {
    const { connection } = this.#supervision;
    const { cursor, filter } = this.#following;
    const markers: { push(item: Item): void }[] = [];
    const put = (item: Item) => markers[0]?.push(item);
    const subscription = connection.client.subscribeToAll(
      {
        fromPosition: fromPosition(cursor.position),
        filter: serverFilter(filter, position => put({ checkpoint: position })),
        ...connection.base,
      },
      { highWaterMark: 256 },
    );
    // The client announces these beside the stream, at the moment when they would have passed through it
    markers.push(subscription as unknown as { push(item: Item): void });
    subscription.on('caughtUp', () => put({ caughtUp: true }));
    return subscription;
  }

  /** Whether nothing came for the idle time. */
  async #isQuiet(pending: Promise<unknown>): Promise<boolean> {
    const { stop } = this.#following;
    const done = new AbortController();
    const timeUp = pause(this.#supervision.idleMs, AbortSignal.any([stop, done.signal])).then(() => true);
    try {
      return await Promise.race([pending.then(() => false), timeUp]);
    } finally {
      done.abort();
    }
  }

  #take(item: Item): SubscriptionMessage | undefined {
    if ('caughtUp' in item) return this.#caughtUp();
    if ('checkpoint' in item) {
      const position = toPosition(item.checkpoint);
      // Before the head was reached, servers' own events beyond it must not move `caughtUp` past the head
      return this.#advance(this.#live || position < this.#head ? position : this.#head);
    }
    const read = toRead(item);
    const { cursor, filter, record } = this.#following;
    if (read.position <= cursor.position) return undefined;
    const event = recordVisible(read, record);
    if (!event) return undefined;
    cursor.position = event.position;
    this.#supervision.reader.meet(event);
    return passes(event, filter) ? { kind: 'event', event } : undefined;
  }

  /** A checkpoint is of use only to those who filter: to others every event is one. */
  #advance(position: Position): SubscriptionMessage | undefined {
    const { cursor, filter } = this.#following;
    if (position <= cursor.position) return undefined;
    cursor.position = position;
    return filter && { kind: 'checkpoint', position };
  }

  #caughtUp(): SubscriptionMessage {
    this.#live = true;
    const { cursor } = this.#following;
    cursor.position = later(cursor.position, this.#head);
    return { kind: 'caughtUp', position: cursor.position };
  }

  /**
   * Looks whether there is something that should have been delivered. If not, what was looked at is safe, and at the
   * head a server that does not announce it (before 23.10) has been caught up with.
   */
  async *#check(): AsyncGenerator<SubscriptionMessage, void, undefined> {
    const { cursor, filter, stop } = this.#following;
    if (stop.aborted) return;
    const page = await this.#supervision.reader.page({
      after: cursor.position,
      limit: 1,
      ...(filter && { filter }),
    });
    if (page.events.length > 0)
      throw asRefusal(this.#supervision.connection, new Error('silent subscription'));
    const moved = this.#advance(page.next);
    if (moved) yield moved;
    if (page.atHead && !this.#live) yield this.#caughtUp();
  }
}

/** One filter is all the server takes: the narrower kind goes there, the rest is filtered here. */
function serverFilter(
  filter: Filter | undefined,
  reached: (position: ServerPosition) => unknown,
): ServerFilter {
  const checkpointReached = (_: unknown, position: ServerPosition) => {
    reached(position);
  };
  const prefixes = filter?.streamPrefixes?.map(toStored) ?? [];
  if (prefixes.length > 0 && !prefixes.includes('')) return streamNameFilter({ prefixes, checkpointReached });
  const types = filter?.types ?? [];
  if (types.length > 0) return eventTypeFilter({ prefixes: [...types], checkpointReached });
  return streamNameFilter({ regex: VISIBLE, checkpointReached });
}
