/**
 * The event log port: an append-only store with one global order. It is the only truth in Strongroom.
 *
 * Guarantees every adapter gives (proved by test/contracts/eventlog.ts):
 *  - an acknowledged append is durable;
 *  - positions are opaque, fixed width within one log, and order as strings in the global order;
 *  - a reader that asks for everything after a position never misses an event, however slow a writer was;
 *  - one append is atomic and touches one stream; several in order end at the first that does not write;
 *  - appending an event id that the log already holds changes nothing and returns the first result.
 */
import type { JsonObject } from '../domain/values/json.ts';

/** Opaque, fixed width, ordered as a string. `after` arguments are exclusive. */
export type Position = string;

/** What a writer expects of the stream: its last revision (0-based), or a state. */
export type Expected = 'any' | 'none' | 'exists' | number;

export interface NewEvent {
  /** UUID; stable over retries of the same command */
  readonly id: string;
  readonly type: string;
  /** schema version of `data`, from 1 */
  readonly version: number;
  readonly data: JsonObject;
  readonly meta: JsonObject;
}

export interface RecordedEvent extends NewEvent {
  readonly position: Position;
  readonly stream: string;
  /** 0-based place in the stream */
  readonly revision: number;
  /** RFC 3339 UTC with milliseconds; given by the store, never goes back along positions */
  readonly recordedAt: string;
}

export interface AppendResult {
  /** of the last event of the append */
  readonly position: Position;
  /** of the last event of the append */
  readonly revision: number;
  /** true when the first event id was in the log already: nothing was written */
  readonly repeated: boolean;
}

/** One append of several: events for one stream, and what is expected of it. */
export interface StreamAppend {
  readonly stream: string;
  readonly events: readonly NewEvent[];
  readonly expected: Expected;
}

/** How far an ordered run of appends came. */
export interface AppendedInOrder {
  /** of the appends that were made, in their order; only the last can be a repetition */
  readonly results: readonly AppendResult[];
  /** of the append after those of `results`: neither it nor a later one was made */
  readonly conflict?: ConflictError;
}

export interface Filter {
  /** stream name prefixes, e.g. `tag-`; an event passes when any matches */
  readonly streamPrefixes?: readonly string[];
  /** event types; an event passes when any matches. Both kinds given: both must pass */
  readonly types?: readonly string[];
}

export interface ReadAllOptions {
  readonly after?: Position;
  readonly filter?: Filter;
  /** at most this many events; default 1000 */
  readonly limit?: number;
}

/** One page of the global order. */
export interface Page {
  readonly events: readonly RecordedEvent[];
  /** where the next page starts: the last position looked at, also when the filter dropped it */
  readonly next: Position;
  /** true when there was nothing after this page at the time of reading */
  readonly atHead: boolean;
}

export type SubscriptionMessage =
  | { readonly kind: 'event'; readonly event: RecordedEvent }
  /** everything that existed when this was emitted has been delivered; `position` is that head */
  | { readonly kind: 'caughtUp'; readonly position: Position }
  /** nothing up to here passes the filter: safe to store as a checkpoint */
  | { readonly kind: 'checkpoint'; readonly position: Position };

export interface SubscribeOptions {
  readonly after?: Position;
  readonly filter?: Filter;
  /** ends the iteration without an error */
  readonly signal?: AbortSignal;
}

export interface EventLog {
  /** random UUID of this log, given when it was created */
  readonly logId: string;
  /** raised by every restore from a backup, from 1 */
  readonly epoch: number;
  /** the position before the first event; every event's position is greater */
  readonly start: Position;

  /**
   * @throws ConflictError when the stream is not as expected (with the actual revision)
   * @throws TooLargeError when an event exceeds MAX_EVENT_BYTES or the append MAX_APPEND_EVENTS
   * @throws StrongroomError LOG_UNAVAILABLE when nothing is known to have been written
   */
  append(stream: string, events: readonly NewEvent[], options: { expected: Expected }): Promise<AppendResult>;

  /**
   * Several appends, one after another, in one group commit where the store can. Each keeps its own expectation and its
   * own ids. It stops at the first that does not write, be it a conflict or a repetition, because what follows was
   * decided in the belief that it would: so a later append is never made without the earlier ones. When it fails, or
   * the process dies, the first few may have been made; where the store commits them together, all or none.
   * @throws TooLargeError and StrongroomError as `append` does; for an append that no store would take, before any is made
   */
  appendInOrder(appends: readonly StreamAppend[]): Promise<AppendedInOrder>;

  /** Events of one stream in order, from revision `from` (inclusive, default 0); empty when there is none. */
  readStream(stream: string, options?: { from?: number; limit?: number }): Promise<readonly RecordedEvent[]>;

  readAll(options?: ReadAllOptions): Promise<Page>;

  /** The position of the last event, `start` for an empty log. Cheap; never older than any acknowledged append. */
  head(): Promise<Position>;

  /**
   * Catch-up subscription: history, then live, until the signal aborts. It survives lost connections by itself
   * (resuming after the last delivered position); it ends with an error only when it cannot go on.
   */
  subscribe(options?: SubscribeOptions): AsyncIterable<SubscriptionMessage>;

  close(): Promise<void>;
}

/** UTF-8 bytes of one event's data and metadata together. KurrentDB's default append limit is 1 MiB. */
export const MAX_EVENT_BYTES = 512 * 1024;
export const MAX_APPEND_EVENTS = 500;

/** The stream is not at the expected revision. `actual` is its last revision, or 'none'. */
export class ConflictError extends Error {
  readonly stream: string;
  readonly expected: Expected;
  readonly actual: number | 'none';
  constructor(stream: string, expected: Expected, actual: number | 'none') {
    super(`stream ${stream} was expected at ${expected} and is at ${actual}`);
    this.name = 'ConflictError';
    this.stream = stream;
    this.expected = expected;
    this.actual = actual;
  }
}

export class TooLargeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TooLargeError';
  }
}

/** Whether an event passes a filter; shared by adapters that filter in the process. */
export function passes(event: { stream: string; type: string }, filter: Filter | undefined): boolean {
  if (!filter) return true;
  if (filter.types && !filter.types.includes(event.type)) return false;
  return !filter.streamPrefixes || filter.streamPrefixes.some(prefix => event.stream.startsWith(prefix));
}
