/** What the parts of the event log contract share. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { JsonObject } from '../../../src/domain/values/json.ts';
import {
  type AppendResult,
  ConflictError,
  type EventLog,
  type NewEvent,
  type RecordedEvent,
  type SubscribeOptions,
  type SubscriptionMessage,
} from '../../../src/eventlog/port.ts';

export interface LogUnderTest {
  readonly log: EventLog;
  /** closes the log handed out last and opens the same storage again */
  readonly reopen?: () => Promise<EventLog>;
  /** closes what is open and removes the storage */
  dispose(): Promise<void>;
}

export interface ContractLimits {
  /** where event ids are unique: in the whole log (default), or only within one stream */
  readonly idsUniqueIn?: 'log' | 'stream';
  /** false for a log that commits one stream at a time; default true */
  readonly groups?: boolean;
  /** false for a log that dies with the process; default true */
  readonly durable?: boolean;
}

export type Current = () => LogUnderTest;

/** A new event with a random id; `data` and the rest can be overridden. */
export function newEvent(data: JsonObject = {}, rest: Partial<NewEvent> = {}): NewEvent {
  return { id: randomUUID(), type: 'ThingHappened', version: 1, meta: {}, data, ...rest };
}

/** `count` new events with `data.n` from 0. */
export function newEvents(count: number, rest: Partial<NewEvent> = {}): NewEvent[] {
  return Array.from({ length: count }, (_, n) => newEvent({ n }, rest));
}

export async function conflictOf(append: Promise<AppendResult>): Promise<ConflictError> {
  const error = await append.then(
    () => new Error('the append went through'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConflictError);
  return error as ConflictError;
}

/** Every event of the log, page by page. */
export async function everything(log: EventLog, pageSize = 100): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  let after = log.start;
  for (;;) {
    const page = await log.readAll({ after, limit: pageSize });
    all.push(...page.events);
    after = page.next;
    if (page.atHead) return all;
  }
}

/**
 * Messages of a subscription up to and including the first that `enough` accepts.
 * Fails after `patience` ms, telling what came until then.
 */
export async function collect(
  log: EventLog,
  options: Omit<SubscribeOptions, 'signal'>,
  enough: (message: SubscriptionMessage, seen: readonly SubscriptionMessage[]) => boolean,
  patience = 10_000,
): Promise<SubscriptionMessage[]> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), patience);
  const seen: SubscriptionMessage[] = [];
  try {
    for await (const message of log.subscribe({ ...options, signal: stop.signal })) {
      seen.push(message);
      if (enough(message, seen)) return seen;
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
  throw new Error(`the subscription ended too early, after ${JSON.stringify(seen.slice(-5))}`);
}

export function eventsOf(messages: readonly SubscriptionMessage[]): RecordedEvent[] {
  return messages.flatMap(message => (message.kind === 'event' ? [message.event] : []));
}

export const caughtUp = (message: SubscriptionMessage) => message.kind === 'caughtUp';
export const ids = (events: readonly NewEvent[]) => events.map(event => event.id);
export const events = (count: number) => (_: unknown, seen: readonly SubscriptionMessage[]) =>
  eventsOf(seen).length >= count;
