/**
 * The contract of the event log port (src/eventlog/port.ts), run over every adapter.
 * An adapter's test is one call; what only that adapter has is tested beside the call.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/values/json.ts';
import {
  type AppendResult,
  ConflictError,
  type EventLog,
  type Expected,
  MAX_APPEND_EVENTS,
  MAX_EVENT_BYTES,
  type NewEvent,
  type RecordedEvent,
  type SubscribeOptions,
  type SubscriptionMessage,
  TooLargeError,
} from '../../src/eventlog/port.ts';

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
  /** false for a log that dies with the process; default true */
  readonly durable?: boolean;
}

/** Registers the whole suite for one adapter; `make` gives a new, empty log for each test. */
export function eventLogContract(
  name: string,
  make: () => Promise<LogUnderTest>,
  limits: ContractLimits = {},
): void {
  describe(`event log contract: ${name}`, () => {
    let under: LogUnderTest | undefined;
    const current = () => under!;
    beforeEach(async () => {
      under = undefined;
      under = await make();
    }, 30_000);
    afterEach(() => under?.dispose(), 30_000);

    appending(current);
    reading(current);
    awkwardInput(current);
    repeating(current, limits);
    subscribing(current);
    followingLive(current);
    lifetime(current);
    if (limits.durable !== false) reopening(current);
  });
}

type Current = () => LogUnderTest;

/** A new event with a random id; `data` and the rest can be overridden. */
export function newEvent(data: JsonObject = {}, rest: Partial<NewEvent> = {}): NewEvent {
  return { id: randomUUID(), type: 'ThingHappened', version: 1, meta: {}, data, ...rest };
}

/** `count` new events with `data.n` from 0. */
export function newEvents(count: number, rest: Partial<NewEvent> = {}): NewEvent[] {
  return Array.from({ length: count }, (_, n) => newEvent({ n }, rest));
}

async function conflictOf(append: Promise<AppendResult>): Promise<ConflictError> {
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

const caughtUp = (message: SubscriptionMessage) => message.kind === 'caughtUp';
const ids = (events: readonly NewEvent[]) => events.map(event => event.id);
const events = (count: number) => (_: unknown, seen: readonly SubscriptionMessage[]) =>
  eventsOf(seen).length >= count;

function appending(current: Current): void {
  it('gives back what was appended', async () => {
    const { log } = current();
    const event = newEvent(
      { name: 'nginx', size: 12, nested: { list: [1, 'two', null, true] } },
      { type: 'PackagePublished', version: 3, meta: { actor: 'p1' } },
    );
    const result = await log.append('package-1', [event], { expected: 'none' });
    expect(result).toMatchObject({ revision: 0, repeated: false });
    const [recorded, ...others] = await log.readStream('package-1');
    expect(others).toEqual([]);
    expect(recorded).toEqual({
      ...event,
      stream: 'package-1',
      revision: 0,
      position: result.position,
      recordedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect((await log.readAll()).events).toEqual([recorded]);
  });

  it('numbers the events of an append and answers with the last', async () => {
    const { log } = current();
    await log.append('a', newEvents(3), { expected: 'none' });
    const second = await log.append('a', newEvents(2), { expected: 2 });
    expect(second.revision).toBe(4);
    const stream = await log.readStream('a');
    expect(stream.map(event => event.revision)).toEqual([0, 1, 2, 3, 4]);
    expect(stream.at(-1)?.position).toBe(second.position);
  });

  it('keeps revisions of streams apart', async () => {
    const { log } = current();
    await log.append('a', newEvents(2), { expected: 'none' });
    expect((await log.append('b', newEvents(1), { expected: 'none' })).revision).toBe(0);
  });

  const cases: { state: 'missing' | 'at 1'; expected: Expected; actual?: number | 'none' }[] = [
    { state: 'missing', expected: 'any' },
    { state: 'missing', expected: 'none' },
    { state: 'missing', expected: 'exists', actual: 'none' },
    { state: 'missing', expected: 0, actual: 'none' },
    { state: 'at 1', expected: 'any' },
    { state: 'at 1', expected: 'none', actual: 1 },
    { state: 'at 1', expected: 'exists' },
    { state: 'at 1', expected: 1 },
    { state: 'at 1', expected: 0, actual: 1 },
    { state: 'at 1', expected: 2, actual: 1 },
  ];
  for (const { state, expected, actual } of cases) {
    const outcome = actual === undefined ? 'appends' : `conflicts with ${actual}`;
    it(`expected ${expected} of a stream ${state}: ${outcome}`, async () => {
      const { log } = current();
      if (state === 'at 1') await log.append('s', newEvents(2), { expected: 'none' });
      const before = await log.readStream('s');
      const append = log.append('s', newEvents(1), { expected });
      if (actual === undefined) {
        expect((await append).revision).toBe(before.length);
        return;
      }
      const conflict = await conflictOf(append);
      expect(conflict).toMatchObject({ stream: 's', expected, actual });
      expect(await log.readStream('s')).toEqual(before);
    });
  }

  it('lets exactly one of many concurrent appends to one stream win', async () => {
    const { log } = current();
    await log.append('s', newEvents(1), { expected: 'none' });
    const attempts = Array.from({ length: 20 }, () => log.append('s', newEvents(1), { expected: 0 }));
    const outcomes = await Promise.allSettled(attempts);
    const lost = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(lost).toHaveLength(19);
    for (const error of lost) {
      expect(error).toBeInstanceOf(ConflictError);
      expect(error).toMatchObject({ actual: 1, expected: 0 });
    }
    expect(await log.readStream('s')).toHaveLength(2);
  });

  it('lets a conflict fail alone among concurrent appends to other streams', async () => {
    const { log } = current();
    await log.append('taken', newEvents(1), { expected: 'none' });
    const good = Array.from({ length: 10 }, (_, n) =>
      log.append(`s-${n}`, newEvents(2), { expected: 'none' }),
    );
    const bad = conflictOf(log.append('taken', newEvents(1), { expected: 'none' }));
    const more = Array.from({ length: 10 }, (_, n) =>
      log.append(`t-${n}`, newEvents(2), { expected: 'none' }),
    );
    await bad;
    for (const result of await Promise.all([...good, ...more])) expect(result.revision).toBe(1);
    expect(await everything(log)).toHaveLength(41);
  });

  it('keeps the events of one append together', async () => {
    const { log } = current();
    await Promise.all(
      Array.from({ length: 15 }, (_, n) => log.append(`s-${n}`, newEvents(4), { expected: 'none' })),
    );
    const order = (await everything(log)).map(event => event.stream);
    for (let at = 0; at < order.length; at += 4) {
      expect(new Set(order.slice(at, at + 4)).size).toBe(1);
    }
  });

  it('is not affected by changes to the arguments after the call', async () => {
    const { log } = current();
    const data = { tags: ['a'] };
    const batch = [newEvent(data)];
    const append = log.append('s', batch, { expected: 'none' });
    data.tags.push('b');
    batch.push(newEvent());
    await append;
    expect((await log.readStream('s')).map(event => event.data)).toEqual([{ tags: ['a'] }]);
  });
}

function reading(current: Current): void {
  it('reads an empty log', async () => {
    const { log } = current();
    expect(await log.head()).toBe(log.start);
    expect(await log.readAll()).toEqual({ events: [], next: log.start, atHead: true });
    expect(await log.readStream('missing')).toEqual([]);
  });

  it('reads part of a stream', async () => {
    const { log } = current();
    await log.append('s', newEvents(6), { expected: 'none' });
    const revisions = async (options: { from?: number; limit?: number }) =>
      (await log.readStream('s', options)).map(event => event.revision);
    expect(await revisions({ from: 4 })).toEqual([4, 5]);
    expect(await revisions({ from: 1, limit: 2 })).toEqual([1, 2]);
    expect(await revisions({ from: 9 })).toEqual([]);
  });

  it('gives fixed-width positions that order as strings, above start', async () => {
    const { log } = current();
    for (let n = 0; n < 12; n++) await log.append(`s-${n}`, newEvents(1), { expected: 'none' });
    const positions = (await everything(log)).map(event => event.position);
    expect(new Set([log.start, ...positions].map(position => position.length)).size).toBe(1);
    expect(new Set(positions).size).toBe(12);
    expect([...positions].sort()).toEqual(positions);
    expect(log.start < positions[0]!).toBe(true);
    expect(await log.head()).toBe(positions.at(-1));
  });

  it('keeps the global order in the order of acknowledgement', async () => {
    const { log } = current();
    const acknowledged: string[] = [];
    for (let n = 0; n < 10; n++) {
      acknowledged.push((await log.append(`s-${n % 3}`, newEvents(1), { expected: 'any' })).position);
    }
    expect((await everything(log)).map(event => event.position)).toEqual(acknowledged);
  });

  it('pages through everything, and says when it is at the head', async () => {
    const { log } = current();
    for (let n = 0; n < 10; n++) await log.append('s', newEvents(1), { expected: 'any' });
    const first = await log.readAll({ limit: 4 });
    expect(first.events).toHaveLength(4);
    expect(first.atHead).toBe(false);
    expect(first.next).toBe(first.events.at(-1)?.position);
    const second = await log.readAll({ after: first.next, limit: 4 });
    const third = await log.readAll({ after: second.next, limit: 4 });
    expect(third.atHead).toBe(true);
    expect(third.next).toBe(await log.head());
    const paged = [...first.events, ...second.events, ...third.events];
    expect(paged.map(event => event.revision)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await log.readAll({ after: third.next })).toEqual({ events: [], next: third.next, atHead: true });
  });

  it('filters by stream prefix, by type, and by both', async () => {
    const { log } = current();
    await log.append('tag-1', newEvents(1, { type: 'TagMoved' }), { expected: 'any' });
    await log.append('tag-2', newEvents(1, { type: 'TagDeleted' }), { expected: 'any' });
    await log.append('package-1', newEvents(1, { type: 'TagMoved' }), { expected: 'any' });
    await log.append('stag-1', newEvents(1, { type: 'Other' }), { expected: 'any' });
    const streams = async (filter: { streamPrefixes?: string[]; types?: string[] }) => {
      const found: string[] = [];
      let after = log.start;
      for (;;) {
        const page = await log.readAll({ after, filter });
        found.push(...page.events.map(event => event.stream));
        after = page.next;
        if (page.atHead) return found;
      }
    };
    expect(await streams({ streamPrefixes: ['tag-'] })).toEqual(['tag-1', 'tag-2']);
    expect(await streams({ streamPrefixes: ['stag-', 'package-'] })).toEqual(['package-1', 'stag-1']);
    expect(await streams({ types: ['TagMoved'] })).toEqual(['tag-1', 'package-1']);
    expect(await streams({ streamPrefixes: ['tag-'], types: ['TagMoved', 'Other'] })).toEqual(['tag-1']);
    expect(await streams({ types: [] })).toEqual([]);
  });

  it('moves `next` past events that the filter drops', async () => {
    const { log } = current();
    await log.append('noise', newEvents(5), { expected: 'none' });
    const filter = { streamPrefixes: ['tag-'] };
    let page = await log.readAll({ filter, limit: 2 });
    while (!page.atHead) {
      const further = await log.readAll({ after: page.next, filter, limit: 2 });
      expect(further.next > page.next || further.atHead).toBe(true);
      page = further;
    }
    expect(page.next).toBe(await log.head());
  });

  it('never gives a head older than an acknowledged append', async () => {
    const { log } = current();
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; n < 5; n++) {
          const { position } = await log.append(`s-${writer}`, newEvents(1), { expected: 'any' });
          expect((await log.head()) >= position).toBe(true);
        }
      }),
    );
  });

  it('records times that never go back', async () => {
    const { log } = current();
    await Promise.all(
      Array.from({ length: 30 }, (_, n) => log.append(`s-${n % 4}`, newEvents(1), { expected: 'any' })),
    );
    const times = (await everything(log)).map(event => event.recordedAt);
    expect([...times].sort()).toEqual(times);
  });
}

const AWKWARD_NAMES = [
  'package-ünïcödé/☃/🦀',
  'package-e\u0301', // the same letter in two normalisations: two streams
  'package-\u00e9',
  'Package-A',
  'package-a',
  ' leading and trailing ',
  'line\nbreak\ttab\r\n',
  `quotes ' " \` \\ ; DROP TABLE events; --`,
  '../../etc/passwd',
  '%2e%2e%00_like%',
  '{"json":["yes"]}',
  '-',
  '0',
  'constructor',
  '__proto__',
  '\u202Ertl\u200Bzero width',
];

const LONG = `package-${'x'.repeat(4_991)}`;

function awkwardInput(current: Current): void {
  it('keeps streams with awkward names apart', async () => {
    const { log } = current();
    for (const [n, name] of AWKWARD_NAMES.entries()) {
      await log.append(name, [newEvent({ n, name })], { expected: 'none' });
    }
    for (const [n, name] of AWKWARD_NAMES.entries()) {
      const stream = await log.readStream(name);
      expect(stream.map(event => [event.stream, event.data])).toEqual([[name, { n, name }]]);
    }
    expect((await everything(log)).map(event => event.stream)).toEqual(AWKWARD_NAMES);
  });

  it('takes stream names of 5,000 characters that differ in the last', async () => {
    const { log } = current();
    // Not compressible, since an index may hide the length of a repeated letter
    const noise = Array.from({ length: 140 }, () => randomUUID())
      .join('')
      .slice(0, 4_990);
    const names = [`${LONG}1`, `${LONG}2`, `package-${noise}1`, `package-${noise}2`];
    for (const name of names) await log.append(name, [newEvent({ name })], { expected: 'none' });
    await conflictOf(log.append(names[0]!, newEvents(1), { expected: 'none' }));
    for (const name of names) expect(await log.readStream(name)).toHaveLength(1);
    const page = await log.readAll({ filter: { streamPrefixes: [`package-${noise}`] } });
    expect(page.events.map(event => event.stream)).toEqual(names.slice(2));
  });

  it('refuses a stream name that is empty or cannot be stored as it is', async () => {
    const { log } = current();
    for (const name of ['', 'nul\0', 'half \ud83e']) {
      await expect(log.append(name, newEvents(1), { expected: 'any' })).rejects.toSatisfy(error =>
        isRefusal(error, 'REQUEST_INVALID'),
      );
    }
    expect(await log.head()).toBe(log.start);
  });

  it('keeps awkward payloads', async () => {
    const { log } = current();
    const data: JsonObject = {
      '': 'empty key',
      ['__proto__']: 'own',
      'ключ ☃ 🦀': ['\u0000\u0001\u007f\u2028\u2029"\\/', '', ' '],
      numbers: [0, -1, 1.5, 1e21, 1e-7, Number.MAX_SAFE_INTEGER, 5e-324],
      empty: { list: [], object: {}, nothing: null, no: false },
    };
    const meta: JsonObject = { z: 1, a: { z: 1, a: 2 } };
    await log.append('s', [newEvent(data, { meta })], { expected: 'none' });
    const [recorded] = await log.readStream('s');
    expect(recorded?.data).toEqual(data);
    expect(recorded?.meta).toEqual(meta);
    expect(Object.keys(recorded?.data ?? {})).toContain('__proto__');
  });

  it('keeps deep payloads', async () => {
    const { log } = current();
    const depth = 400;
    let data: JsonObject = { leaf: true };
    for (let level = 0; level < depth; level++) data = level % 2 ? { in: data } : { list: [data] };
    await log.append('s', [newEvent(data)], { expected: 'none' });
    const [recorded] = await log.readStream('s');
    expect(JSON.stringify(recorded?.data)).toBe(JSON.stringify(data));
  });

  it('takes the largest event and refuses one byte more', async () => {
    const { log } = current();
    const payload = (bytes: number) => ({ text: 'x'.repeat(bytes - '{"text":""}{}'.length) });
    await log.append('s', [newEvent(payload(MAX_EVENT_BYTES))], { expected: 'none' });
    await expect(
      log.append('s', [newEvent(payload(MAX_EVENT_BYTES + 1))], { expected: 0 }),
    ).rejects.toBeInstanceOf(TooLargeError);
    // Bytes count, not characters
    const snow = { text: '☃'.repeat(MAX_EVENT_BYTES / 3) };
    await expect(log.append('s', [newEvent(snow)], { expected: 0 })).rejects.toBeInstanceOf(TooLargeError);
    // Metadata counts too, and a good event beside it is not written
    const heavy = newEvent({}, { meta: payload(MAX_EVENT_BYTES + 1) });
    await expect(log.append('s', [newEvent(), heavy], { expected: 0 })).rejects.toBeInstanceOf(TooLargeError);
    expect(await log.readStream('s')).toHaveLength(1);
  });

  it('takes the largest number of events and refuses one more', async () => {
    const { log } = current();
    await expect(
      log.append('s', newEvents(MAX_APPEND_EVENTS + 1), { expected: 'none' }),
    ).rejects.toBeInstanceOf(TooLargeError);
    await log.append('s', newEvents(MAX_APPEND_EVENTS), { expected: 'none' });
    const stream = await log.readStream('s');
    expect(stream.map(event => event.data.n)).toEqual(Array.from({ length: MAX_APPEND_EVENTS }, (_, n) => n));
  });

  it('refuses an append without events, and one that names an id twice', async () => {
    const { log } = current();
    const twice = newEvent();
    for (const batch of [[], [twice, twice]]) {
      await expect(log.append('s', batch, { expected: 'any' })).rejects.toSatisfy(error =>
        isRefusal(error, 'REQUEST_INVALID'),
      );
    }
  });
}

function repeating(current: Current, limits: ContractLimits): void {
  it('answers a repeated append with the first result', async () => {
    const { log } = current();
    const batch = newEvents(3);
    const first = await log.append('s', batch, { expected: 'none' });
    expect(await log.append('s', batch, { expected: 'none' })).toEqual({ ...first, repeated: true });
    expect(await everything(log)).toHaveLength(3);
  });

  it('does so also after later events of the stream, whatever is expected', async () => {
    const { log } = current();
    await log.append('s', newEvents(2), { expected: 'none' });
    const batch = newEvents(2);
    const first = await log.append('s', batch, { expected: 1 });
    await log.append('s', newEvents(2), { expected: 3 });
    for (const expected of [1, 3, 5, 'any', 'none', 'exists'] as const) {
      expect(await log.append('s', batch, { expected })).toEqual({ ...first, repeated: true });
    }
    expect(await log.readStream('s')).toHaveLength(6);
  });

  it('writes once when the same append runs several times at once', async () => {
    const { log } = current();
    const batch = newEvents(2);
    const results = await Promise.all(
      Array.from({ length: 8 }, () => log.append('s', batch, { expected: 'none' })),
    );
    expect(results.filter(result => !result.repeated)).toHaveLength(1);
    expect(new Set(results.map(result => `${result.position} ${result.revision}`)).size).toBe(1);
    expect(await everything(log)).toHaveLength(2);
  });

  it('does not take a conflict for a first result', async () => {
    const { log } = current();
    await log.append('s', newEvents(1), { expected: 'none' });
    const batch = newEvents(1);
    await conflictOf(log.append('s', batch, { expected: 'none' }));
    expect(await log.append('s', batch, { expected: 0 })).toMatchObject({ repeated: false, revision: 1 });
  });

  if (limits.idsUniqueIn !== 'stream') {
    it('knows a repeated id in another stream too', async () => {
      const { log } = current();
      const batch = newEvents(2);
      const first = await log.append('s', batch, { expected: 'none' });
      expect(await log.append('other', batch, { expected: 'none' })).toEqual({ ...first, repeated: true });
      expect(await log.readStream('other')).toEqual([]);
    });
  }
}

function subscribing(current: Current): void {
  it('says at once that an empty log is caught up', async () => {
    const { log } = current();
    expect(await collect(log, {}, caughtUp)).toEqual([{ kind: 'caughtUp', position: log.start }]);
  });

  it('delivers the history, then says that it is caught up', async () => {
    const { log } = current();
    for (let n = 0; n < 5; n++) await log.append(`s-${n}`, newEvents(3), { expected: 'none' });
    const messages = await collect(log, {}, caughtUp);
    expect(eventsOf(messages)).toEqual(await everything(log));
    expect(messages.at(-1)).toEqual({ kind: 'caughtUp', position: await log.head() });
  });

  it('delivers a history longer than a page', async () => {
    const { log } = current();
    for (let n = 0; n < 5; n++) await log.append('s', newEvents(450), { expected: 'any' });
    const messages = await collect(log, {}, caughtUp);
    expect(eventsOf(messages).map(event => event.revision)).toEqual(
      Array.from({ length: 2_250 }, (_, revision) => revision),
    );
  });

  it('resumes after a position', async () => {
    const { log } = current();
    await log.append('s', newEvents(6), { expected: 'none' });
    const all = await everything(log);
    for (const at of [0, 3, 5]) {
      const messages = await collect(log, { after: all[at]!.position }, caughtUp);
      expect(ids(eventsOf(messages))).toEqual(ids(all.slice(at + 1)));
      expect(messages.at(-1)).toEqual({ kind: 'caughtUp', position: all[5]!.position });
    }
  });

  it('filters, with a checkpoint past what it dropped', async () => {
    const { log } = current();
    await log.append('tag-1', newEvents(2), { expected: 'none' });
    await log.append('noise', newEvents(300), { expected: 'none' });
    const filter = { streamPrefixes: ['tag-'] };
    const messages = await collect(log, { filter }, caughtUp);
    expect(eventsOf(messages).map(event => event.stream)).toEqual(['tag-1', 'tag-1']);
    const head = await log.head();
    expect(messages.at(-1)).toEqual({ kind: 'caughtUp', position: head });
    // Live, a dropped event moves the safe position too
    const { position } = await log.append('noise', newEvents(1), { expected: 'any' });
    const live = await collect(
      log,
      { filter, after: head },
      message => message.kind !== 'event' && message.position >= position,
    );
    expect(eventsOf(live)).toEqual([]);
  });

  it('never names a checkpoint above an event that it delivers later', async () => {
    const { log } = current();
    const filter = { streamPrefixes: ['tag-'] };
    const write = (async () => {
      for (let n = 0; n < 40; n++) {
        await log.append(n % 5 === 0 ? 'tag-1' : 'noise', newEvents(2), { expected: 'any' });
      }
    })();
    const messages = await collect(log, { filter }, events(16));
    await write;
    let safe = log.start;
    for (const message of messages) {
      if (message.kind === 'event') expect(message.event.position > safe).toBe(true);
      else expect(message.position >= safe).toBe(true);
      safe = message.kind === 'event' ? message.event.position : message.position;
    }
    expect(eventsOf(messages)).toHaveLength(16);
  });
}

function followingLive(current: Current): void {
  it('delivers what is appended while it waits', async () => {
    const { log } = current();
    await log.append('s', newEvents(1), { expected: 'none' });
    const stop = new AbortController();
    const seen: RecordedEvent[] = [];
    let appended = false;
    for await (const message of log.subscribe({ signal: stop.signal })) {
      if (message.kind === 'event') seen.push(message.event);
      if (message.kind === 'caughtUp' && !appended) {
        appended = true;
        await log.append('s', newEvents(2, { type: 'Later' }), { expected: 0 });
      }
      if (seen.length === 3) stop.abort();
    }
    expect(seen).toEqual(await everything(log));
  });

  it('misses nothing and repeats nothing while several slow writers interleave', async () => {
    const { log } = current();
    const writers = 6;
    const rounds = 12;
    const total = writers * rounds * 2;
    const writer = async (number: number) => {
      for (let round = 0; round < rounds; round++) {
        // Uneven pauses, so that a slow append is overtaken by later ones
        if ((round + number) % 3 === 0) await new Promise(resolve => setTimeout(resolve, number));
        const size = (round + number) % 2 === 0 ? 1 : 3;
        await log.append(`w-${number}`, newEvents(size, { meta: { pad: 'x'.repeat(number * 2_000) } }), {
          expected: 'any',
        });
      }
    };
    const subscribers = [collect(log, {}, events(total))];
    const writing = Array.from({ length: writers }, (_, number) => writer(number));
    subscribers.push(collect(log, {}, events(total)));
    await writing[0];
    subscribers.push(collect(log, {}, events(total)));
    await Promise.all(writing);
    const all = await everything(log);
    expect(all).toHaveLength(total);
    subscribers.push(collect(log, {}, events(total)));
    for (const messages of await Promise.all(subscribers)) expect(ids(eventsOf(messages))).toEqual(ids(all));
  }, 20_000);

  it('loses nothing over many interruptions, resuming after the last event seen', async () => {
    const { log } = current();
    const write = (async () => {
      for (let n = 0; n < 60; n++) await log.append(`s-${n % 3}`, newEvents(1), { expected: 'any' });
    })();
    const seen: RecordedEvent[] = [];
    while (seen.length < 60) {
      const after = seen.at(-1)?.position ?? log.start;
      seen.push(...eventsOf(await collect(log, { after }, events(Math.min(7, 60 - seen.length)))));
    }
    await write;
    expect(ids(seen)).toEqual(ids(await everything(log)));
  });

  it('waits for a slow reader', async () => {
    const { log } = current();
    const stop = new AbortController();
    const seen: RecordedEvent[] = [];
    let writing: Promise<unknown> | undefined;
    for await (const message of log.subscribe({ signal: stop.signal })) {
      writing ??= Promise.all(
        Array.from({ length: 40 }, (_, n) => log.append(`s-${n}`, newEvents(50), { expected: 'none' })),
      );
      if (message.kind === 'event') seen.push(message.event);
      if (seen.length % 500 === 1) await new Promise(resolve => setTimeout(resolve, 2));
      if (seen.length === 2_000) stop.abort();
    }
    await writing;
    expect(ids(seen)).toEqual(ids(await everything(log, 1000)));
  }, 20_000);
}

/** Reads until the subscription ends; fails when it does not end in time. */
async function ended(
  subscription: AsyncIterable<SubscriptionMessage>,
  onCaughtUp: () => void,
): Promise<void> {
  const drain = (async () => {
    for await (const message of subscription) if (message.kind === 'caughtUp') onCaughtUp();
  })();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the subscription did not end')), 5_000);
  });
  await Promise.race([drain, late]).finally(() => clearTimeout(timer));
}

function lifetime(current: Current): void {
  it('ends a subscription when its signal aborts, before and while it waits', async () => {
    const { log } = current();
    await log.append('s', newEvents(3), { expected: 'none' });
    await ended(log.subscribe({ signal: AbortSignal.abort() }), () => {
      throw new Error('an aborted subscription delivered');
    });
    const stop = new AbortController();
    await ended(log.subscribe({ signal: stop.signal }), () => setTimeout(() => stop.abort(), 5));
    // The log itself goes on
    await log.append('s', newEvents(1), { expected: 2 });
  });

  it('can be left with break', async () => {
    const { log } = current();
    await log.append('s', newEvents(3), { expected: 'none' });
    for await (const message of log.subscribe()) if (message.kind === 'event') break;
    expect(await log.readStream('s')).toHaveLength(3);
  });

  it('ends waiting subscriptions without an error when it is closed', async () => {
    const { log } = current();
    await log.append('s', newEvents(1), { expected: 'none' });
    let closing: Promise<void> | undefined;
    await ended(log.subscribe(), () => {
      closing ??= log.close();
    });
    await closing;
  });

  it('refuses everything after it was closed, and may be closed twice', async () => {
    const { log } = current();
    await log.append('s', newEvents(1), { expected: 'none' });
    await log.close();
    await log.close();
    const calls = [
      () => log.append('s', newEvents(1), { expected: 'any' }),
      () => log.readAll(),
      () => log.readStream('s'),
      () => log.head(),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toSatisfy(error => isRefusal(error, 'LOG_UNAVAILABLE'));
    }
  });

  it('has an identity of its own', async () => {
    const { log } = current();
    expect(log.logId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(log.epoch).toBe(1);
  });
}

function durable(current: Current): Required<LogUnderTest> {
  const { log, reopen, dispose } = current();
  if (!reopen) throw new Error('a durable log needs `reopen`');
  return { log, reopen, dispose };
}

function reopening(current: Current): void {
  it('knows a repeated id after the log was opened again', async () => {
    const { log, reopen } = durable(current);
    const batch = newEvents(2);
    const first = await log.append('s', batch, { expected: 'none' });
    const again = await reopen();
    expect(await again.append('s', batch, { expected: 'none' })).toEqual({ ...first, repeated: true });
  });

  it('finishes the appends that run when it is closed', async () => {
    const { log, reopen } = durable(current);
    const appends = Array.from({ length: 20 }, (_, n) =>
      log.append(`s-${n}`, newEvents(1), { expected: 'none' }),
    );
    const closing = log.close();
    const outcomes = await Promise.allSettled(appends);
    await closing;
    const acknowledged = outcomes.flatMap(outcome =>
      outcome.status === 'fulfilled' ? [outcome.value.position] : [],
    );
    const kept = (await everything(await reopen())).map(event => event.position);
    expect(kept).toEqual(expect.arrayContaining(acknowledged));
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(isRefusal(outcome.reason, 'LOG_UNAVAILABLE')).toBe(true);
    }
  });

  it('keeps everything, and who it is, when it is opened again', async () => {
    const { log, reopen } = durable(current);
    for (let n = 0; n < 5; n++) await log.append(`s-${n % 2}`, newEvents(2), { expected: 'any' });
    const before = await everything(log);
    const { logId, epoch, start } = log;
    const head = await log.head();
    const again = await reopen();
    expect(await everything(again)).toEqual(before);
    expect({ logId: again.logId, epoch: again.epoch, start: again.start }).toEqual({ logId, epoch, start });
    expect(await again.head()).toBe(head);
    const next = await again.append('s-1', newEvents(1), { expected: 3 });
    expect(next.position > head).toBe(true);
    expect(eventsOf(await collect(again, { after: head }, caughtUp))).toHaveLength(1);
  });
}
