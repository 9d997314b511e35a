/** Reading: pages of $all, one stream, and the head. */
import {
  type AllStreamRecordedEvent,
  BACKWARDS,
  END,
  FORWARDS,
  type ReadPosition,
  type ResolvedEvent,
  StreamNotFoundError,
} from '@eventstore/db-client';
import { type Page, type Position, passes, type ReadAllOptions, type RecordedEvent } from '../port.ts';
import { asRefusal, type Connection, drain, mustBeOpen, reading, within } from './connection.ts';
import { createRecorder, type Read, toRead } from './events.ts';
import type { KnownIds } from './known-ids.ts';
import { toStored } from './names.ts';
import { fromPosition, later, START } from './positions.ts';

/** How far a page looks at least, so that a narrow filter does not cost a call per event. */
const WINDOW = 500;
/** How many events of a stream are looked through, from its end, for a repeated id. */
const SCAN = 512;

export class Reader {
  readonly #connection: Connection;
  readonly #known: KnownIds;
  /** the latest position of an event that this process has met */
  #met: Position = START;
  /** Up to `looked` everything is known to be hidden but `head` and what is before it. */
  #floor = { looked: START, head: START };
  readonly #head = shared(() => reading(this.#connection, ms => this.#findHead(ms)));

  constructor(connection: Connection, known: KnownIds) {
    this.#connection = connection;
    this.#known = known;
  }

  /** The latest position that this process has met; what is written from now on is after it. */
  get met(): Position {
    return this.#met;
  }

  /** Remembers an event that was read, delivered or written. */
  meet(event: { readonly id: string; readonly position: Position; readonly revision: number }): void {
    this.#known.add(event.id, { position: event.position, revision: event.revision });
    this.#met = later(this.#met, event.position);
  }

  /** The position of the last event that is not hidden, asked of the leader after this call. */
  async head(): Promise<Position> {
    mustBeOpen(this.#connection);
    // Its own deadline: the query shared with others may start only after the one that runs
    return within(this.#connection.deadlineMs, this.#head()).catch(error => {
      throw asRefusal(this.#connection, error);
    });
  }

  async page(options: ReadAllOptions = {}): Promise<Page> {
    fromPosition(options.after ?? START);
    return reading(this.#connection, ms => this.#page(options, ms));
  }

  async stream(name: string, from: number, limit: number): Promise<readonly RecordedEvent[]> {
    return reading(this.#connection, async ms => {
      const mark = this.#known.mark();
      const events = await this.#forwards(name, { from, limit, ms });
      const last = events.at(-1)?.revision;
      // From the beginning to the end: its ids need no scan when something is appended next
      if (from === 0 && events.length < limit && last !== undefined) this.#known.cover(name, last, mark);
      return events;
    });
  }

  /**
   * Learns the ids of the last events of a stream, down to what is known already.
   * @returns the stream's last revision, 'none' when there is no such stream
   */
  async scan(name: string, ms: number): Promise<number | 'none'> {
    const mark = this.#known.mark();
    const down = this.#known.covered(name) ?? -1;
    let last: number | 'none' = 'none';
    const options = {
      direction: BACKWARDS,
      fromRevision: END,
      maxCount: SCAN,
      ...this.#connection.base,
    } as const;
    for await (const event of this.#stream(name, ms, options)) {
      if (last === 'none') last = event.revision;
      if (event.revision <= down) break;
      this.meet(event);
    }
    if (last !== 'none') this.#known.cover(name, last, mark);
    return last;
  }

  /** The position of one event, undefined when the stream does not have it. */
  async positionOf(name: string, revision: number, ms: number): Promise<Position | undefined> {
    const [event] = await this.#forwards(name, { from: revision, limit: 1, ms });
    return event?.position;
  }

  async #forwards(name: string, read: { from: number; limit: number; ms: number }): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    const options = {
      direction: FORWARDS,
      fromRevision: BigInt(read.from),
      maxCount: Math.min(read.limit, Number.MAX_SAFE_INTEGER),
      ...this.#connection.base,
    } as const;
    for await (const event of this.#stream(name, read.ms, options)) {
      this.meet(event);
      events.push(event);
    }
    return events;
  }

  async *#stream(
    name: string,
    ms: number,
    options: NonNullable<Parameters<Connection['client']['readStream']>[1]>,
  ): AsyncGenerator<RecordedEvent, void, undefined> {
    const record = createRecorder();
    const stream = this.#connection.client.readStream(toStored(name), options);
    try {
      for await (const { event } of drain<ResolvedEvent>(ms, stream)) {
        if (event) yield record(event, name);
      }
    } catch (error) {
      if (!(error instanceof StreamNotFoundError)) throw error;
    }
  }

  async #page({ after = START, filter, limit = 1000 }: ReadAllOptions, ms: number): Promise<Page> {
    const record = createRecorder();
    const events: RecordedEvent[] = [];
    const window = Math.max(limit, WINDOW);
    let [next, looked, count] = [after, after, 0];
    // One more than the window tells whether there is more
    for await (const read of this.#after(after, window + 2, ms)) {
      // Where all was hidden the page ends at what was looked at, so that reading goes on
      if (count++ === window) return { events, next: next === after ? looked : next, atHead: false };
      looked = read.position;
      const recorded = recordVisible(read, record);
      if (!recorded) continue;
      if (events.length >= limit) return { events, next, atHead: false };
      next = recorded.position;
      this.meet(recorded);
      if (passes(recorded, filter)) events.push(recorded);
    }
    return { events, next, atHead: true };
  }

  /** Forwards, without the event at `after`, which the server gives again. */
  async *#after(after: Position, maxCount: number, ms: number): AsyncGenerator<Read, void, undefined> {
    for await (const read of this.#all({ from: fromPosition(after), direction: FORWARDS, maxCount }, ms)) {
      if (read.position > after) yield read;
    }
  }

  /**
   * Backwards from the end, in growing steps, to the first event that is not hidden: servers write events of their
   * own (statistics, by default every 30 seconds). What an earlier call looked at is not looked at again.
   */
  async #findHead(ms: number): Promise<Position> {
    let newest: Position | undefined;
    let from: ReadPosition = END;
    for (let maxCount = 1; ; maxCount = Math.min(maxCount * 16, 4096)) {
      let count = 0;
      for await (const read of this.#all({ from, direction: BACKWARDS, maxCount }, ms)) {
        newest ??= read.position;
        if (read.position <= this.#floor.looked) return this.#settle(newest, this.#floor.head);
        if (read.stream !== undefined) return this.#settle(newest, read.position);
        from = fromPosition(read.position);
        count++;
      }
      if (count < maxCount) return this.#settle(newest ?? START, this.#floor.head);
    }
  }

  #settle(looked: Position, head: Position): Position {
    this.#floor = { looked, head };
    this.#met = later(this.#met, head);
    return head;
  }

  async *#all(
    read: { from: ReadPosition; direction: typeof FORWARDS | typeof BACKWARDS; maxCount: number },
    ms: number,
  ): AsyncGenerator<Read, void, undefined> {
    const { from, direction, maxCount } = read;
    const options = { fromPosition: from, direction, maxCount, ...this.#connection.base };
    for await (const resolved of drain(ms, this.#connection.client.readAll(options))) yield toRead(resolved);
  }
}

/** The event of the log, unless it is hidden. */
export function recordVisible(
  { event, stream }: Read,
  record: (event: AllStreamRecordedEvent, stream: string) => RecordedEvent,
): RecordedEvent | undefined {
  return event && stream !== undefined ? record(event, stream) : undefined;
}

/**
 * One query at a time, shared by all who ask while the one before runs: an answer always comes from a query that
 * started after it was asked for.
 */
export function shared<T>(query: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let waiting: Promise<T> | undefined;
  const start = () => {
    const run = query().finally(() => {
      if (running === run) running = undefined;
    });
    running = run;
    return run;
  };
  return () => {
    if (!running) return start();
    waiting ??= running
      .catch(() => {})
      .then(() => {
        waiting = undefined;
        return start();
      });
    return waiting;
  };
}
