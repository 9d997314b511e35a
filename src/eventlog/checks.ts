/** What every adapter checks before it takes an append, so that all refuse the same. */
import canonicalize from 'canonicalize';
import { refuse } from '../domain/errors.ts';
import type { JsonObject } from '../domain/values/json.ts';
import {
  type Expected,
  MAX_APPEND_EVENTS,
  MAX_EVENT_BYTES,
  type NewEvent,
  type StreamAppend,
  TooLargeError,
} from './port.ts';

/** An event whose payloads are RFC 8785 text already: what is stored, byte for byte. */
export interface EncodedEvent {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly data: string;
  readonly meta: string;
}

export interface EncodedAppend {
  readonly stream: string;
  readonly expected: Expected;
  readonly events: readonly EncodedEvent[];
}

/** RFC 9562, in the lower case that every store gives back */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TYPE = /^[A-Za-z][A-Za-z0-9._-]{0,127}$/;

/**
 * The append as it will be stored.
 * @throws TooLargeError for too many events, or one above MAX_EVENT_BYTES
 * @throws StrongroomError REQUEST_INVALID for what no store could keep as it is
 */
export function encodeAppend(stream: string, events: readonly NewEvent[], expected: Expected): EncodedAppend {
  checkStream(stream);
  if (events.length === 0) throw refuse('REQUEST_INVALID', 'an append has at least one event');
  if (events.length > MAX_APPEND_EVENTS) {
    throw new TooLargeError(
      `an append has at most ${MAX_APPEND_EVENTS} events, this one has ${events.length}`,
    );
  }
  if (typeof expected === 'number' && !(Number.isSafeInteger(expected) && expected >= 0)) {
    throw refuse('REQUEST_INVALID', `a revision is a whole number from 0, not ${expected}`);
  }
  if (new Set(events.map(event => event.id)).size < events.length) {
    throw refuse('REQUEST_INVALID', 'two events of one append have the same id');
  }
  return { stream, expected, events: events.map(encodeEvent) };
}

/** Several appends as they will be stored; throws as `encodeAppend` does, and for more events together. */
export function encodeAppends(appends: readonly StreamAppend[]): readonly EncodedAppend[] {
  const count = appends.reduce((sum, { events }) => sum + events.length, 0);
  if (count > MAX_APPEND_EVENTS)
    throw new TooLargeError(`appends in order have at most ${MAX_APPEND_EVENTS} events, these have ${count}`);
  return appends.map(({ stream, events, expected }) => encodeAppend(stream, events, expected));
}

function checkStream(stream: string): void {
  // A lone surrogate has no UTF-8, and PostgreSQL has no NUL in text: stored, they would become another name
  if (stream === '' || stream.includes('\0') || !stream.isWellFormed()) {
    throw refuse('REQUEST_INVALID', 'a stream name is not empty, and is Unicode without NUL');
  }
}

/** One event as it will be stored; throws as `encodeAppend` does. */
export function encodeEvent(event: NewEvent): EncodedEvent {
  if (!UUID.test(event.id))
    throw refuse('REQUEST_INVALID', `an event id is a lower-case UUID, not ${event.id}`);
  if (!TYPE.test(event.type)) throw refuse('REQUEST_INVALID', `${event.type} cannot be an event type`);
  if (!(Number.isSafeInteger(event.version) && event.version >= 1)) {
    throw refuse('REQUEST_INVALID', `an event version is a whole number from 1, not ${event.version}`);
  }
  const data = canonicalObject(event.data);
  const meta = canonicalObject(event.meta);
  const bytes = Buffer.byteLength(data) + Buffer.byteLength(meta);
  if (bytes > MAX_EVENT_BYTES) {
    throw new TooLargeError(`an event has at most ${MAX_EVENT_BYTES} bytes, this ${event.type} has ${bytes}`);
  }
  return { id: event.id, type: event.type, version: event.version, data, meta };
}

function canonicalObject(value: JsonObject): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (error) {
    throw refuse('REQUEST_INVALID', `a payload is not JSON: ${(error as Error).message}`);
  }
  if (text?.startsWith('{') !== true) throw refuse('REQUEST_INVALID', 'a payload is a JSON object');
  return text;
}
