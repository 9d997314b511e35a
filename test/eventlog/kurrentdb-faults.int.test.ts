/** What the KurrentDB adapter does when the server is in trouble, and what only this adapter has to get right. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/errors.ts';
import { type KurrentLogOptions, openKurrentLog } from '../../src/eventlog/kurrentdb/log.ts';
import { type EventLog, TooLargeError } from '../../src/eventlog/port.ts';
import { collect, eventsOf, everything, newEvent, newEvents } from '../contracts/eventlog.ts';
import { type KurrentDouble, startKurrentDouble } from '../support/kurrentdb-double.ts';

const DEADLINE = 400;
/** How much later than its deadline a call may fail on a busy machine. */
const SLACK = 600;

let double: KurrentDouble;
let log: EventLog;
let opened: EventLog[];

async function open(options: Partial<KurrentLogOptions> = {}): Promise<EventLog> {
  const another = await openKurrentLog({ url: double.url, deadlineMs: DEADLINE, idleMs: 100, ...options });
  opened.push(another);
  return another;
}

beforeEach(async () => {
  opened = [];
  double = await startKurrentDouble();
  log = await open();
});
afterEach(async () => {
  double.thaw();
  await Promise.all(opened.map(each => each.close()));
  await double.close();
});

const unavailable = (error: unknown) => isRefusal(error, 'LOG_UNAVAILABLE');
const caughtUp = (message: { kind: string }) => message.kind === 'caughtUp';

async function timed(work: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work;
  return performance.now() - began;
}

/** Collects from a running subscription, so that a test can do something to the server meanwhile. */
function follow(from: EventLog, count: number) {
  let sayLive = () => {};
  const live = new Promise<void>(resolve => {
    sayLive = resolve;
  });
  const done = collect(
    from,
    {},
    (message, seen) => {
      if (caughtUp(message)) sayLive();
      return eventsOf(seen).length >= count;
    },
    20_000,
  ).then(messages => eventsOf(messages).map(event => event.id));
  return { live, done };
}

describe('KurrentDB: appends', () => {
  it('never takes the batch path, nor asks whether there is one', async () => {
    await log.append('s', newEvents(2), { expected: 'none' });
    expect(double.calls).toMatchObject({ batchAppend: 0, features: 0 });
    expect(double.calls.append).toBeGreaterThan(0);
  });

  it.each(['any', 'none', 0] as const)('writes once when the reply is lost (expected %s)', async expected => {
    const before = expected === 0 ? newEvents(1) : [];
    if (before.length > 0) await log.append('s', before, { expected: 'none' });
    const batch = newEvents(3);
    double.loseNextReply();
    const result = await log.append('s', batch, { expected });
    const stream = await log.readStream('s');
    expect(stream.map(event => event.id)).toEqual([...before, ...batch].map(event => event.id));
    expect(result).toEqual({
      position: stream.at(-1)?.position,
      revision: stream.length - 1,
      repeated: false,
    });
  });

  it('fails at its deadline when the server is frozen, and settles it by the same ids', async () => {
    await log.append('s', newEvents(1), { expected: 'none' });
    const batch = newEvents(2);
    double.freeze();
    const took = await timed(expect(log.append('s', batch, { expected: 0 })).rejects.toSatisfy(unavailable));
    expect(took).toBeLessThan(DEADLINE + SLACK);
    // The server had it: now it writes
    double.thaw();
    await expect.poll(() => double.store.streams.get('s')?.length).toBe(3);
    const again = await log.append('s', batch, { expected: 0 });
    expect(again).toMatchObject({ revision: 2, repeated: true });
    expect(again.position).toBe(await log.head());
    expect(await log.readStream('s')).toHaveLength(3);
  });

  it('lets appends that wait for each other fail at their own deadlines', async () => {
    double.freeze();
    const appends = Array.from({ length: 5 }, () => log.append('s', newEvents(1), { expected: 'any' }));
    const took = await timed(Promise.all(appends.map(each => expect(each).rejects.toSatisfy(unavailable))));
    expect(took).toBeLessThan(DEADLINE + SLACK);
  });

  it('follows a stream that other processes write to', async () => {
    const other = await open({ deadlineMs: 5_000 });
    const patient = await open({ deadlineMs: 5_000 });
    const writers = [patient, other].flatMap(each =>
      Array.from({ length: 15 }, () => each.append('s', newEvents(1), { expected: 'any' })),
    );
    const revisions = (await Promise.all(writers)).map(result => result.revision);
    expect(revisions.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, revision) => revision));
  });

  it('finds a repeated id after a restart, below later events, whatever is expected', async () => {
    await log.append('s', newEvents(2), { expected: 'none' });
    const batch = newEvents(2);
    const first = await log.append('s', batch, { expected: 1 });
    await log.append('s', newEvents(300), { expected: 3 });
    for (const expected of ['none', 1, 2, 303, 'any', 'exists'] as const) {
      const restarted = await open();
      expect(await restarted.append('s', batch, { expected })).toEqual({ ...first, repeated: true });
    }
    expect(double.store.streams.get('s')).toHaveLength(304);
  });

  it('finds repeated ids of streams that were read from the beginning without reading them again', async () => {
    const batch = newEvents(1);
    await log.append('s', batch, { expected: 'none' });
    await log.append('s', newEvents(5), { expected: 0 });
    const restarted = await open();
    await restarted.readStream('s');
    const before = double.calls.read;
    expect((await restarted.append('s', batch, { expected: 5 })).repeated).toBe(true);
    expect((await restarted.append('s', newEvents(1), { expected: 5 })).revision).toBe(6);
    expect(double.calls.read).toBe(before);
  });

  it('refuses an append above what the server takes, and writes nothing', async () => {
    const heavy = () => newEvent({ text: 'x'.repeat(400_000) });
    const batch = [heavy(), heavy(), heavy()];
    await expect(log.append('s', batch, { expected: 'none' })).rejects.toBeInstanceOf(TooLargeError);
    expect(await log.head()).toBe(log.start);
  });
});

describe('KurrentDB: reads', () => {
  it('fail at their deadline when the server is frozen, and go on when it thaws', async () => {
    await log.append('s', newEvents(1), { expected: 'none' });
    double.freeze();
    const reads = [() => log.head(), () => log.readAll(), () => log.readStream('s')];
    for (const read of reads) {
      const took = await timed(expect(read()).rejects.toSatisfy(unavailable));
      expect(took).toBeLessThan(DEADLINE + SLACK);
    }
    const opening = openKurrentLog({ url: double.url, deadlineMs: DEADLINE });
    expect(await timed(expect(opening).rejects.toSatisfy(unavailable))).toBeLessThan(2 * DEADLINE + SLACK);
    double.thaw();
    expect(await everything(log)).toHaveLength(1);
  });

  it('survive a dropped connection', async () => {
    await log.append('s', newEvents(1), { expected: 'none' });
    double.drop();
    expect(await log.readStream('s')).toHaveLength(1);
  });

  it('fail while the server is away, and work as soon as it is back', async () => {
    await log.append('s', newEvents(1), { expected: 'none' });
    await double.refuse();
    for (let n = 0; n < 3; n++) await expect(log.head()).rejects.toSatisfy(unavailable);
    await double.accept();
    expect(await log.readStream('s')).toHaveLength(1);
  });

  it('share one query for the head, that begins after each asked', async () => {
    await log.append('s', newEvents(1), { expected: 'none' });
    const before = double.calls.read;
    await Promise.all(Array.from({ length: 50 }, () => log.head()));
    expect(double.calls.read - before).toBeLessThanOrEqual(2);
  });

  it("do not see the server's own events", async () => {
    const first = await log.append('s', newEvents(1), { expected: 'none' });
    for (let n = 0; n < 700; n++) double.store.writeSystemEvent();
    expect(await log.head()).toBe(first.position);
    expect(await log.readAll({ limit: 10 })).toMatchObject({ next: first.position, atHead: false });
    expect(await everything(log)).toHaveLength(1);
    const fresh = await open();
    expect(await fresh.head()).toBe(first.position);
    expect(eventsOf(await collect(fresh, {}, caughtUp))).toHaveLength(1);
    const second = await log.append('s', newEvents(1), { expected: 0 });
    expect(await log.head()).toBe(second.position);
    const rest = await collect(log, { after: first.position }, caughtUp);
    expect(eventsOf(rest).map(event => event.position)).toEqual([second.position]);
  });

  it("keep streams whose names look like the server's or the log's own", async () => {
    const names = ['$stats', '$$meta', '~strongroom-log', 'strongroom-log', '~', '~$'];
    for (const name of names) await log.append(name, newEvents(1), { expected: 'none' });
    expect((await everything(log)).map(event => event.stream)).toEqual(names);
    const filter = { streamPrefixes: ['$', '~s'] };
    const some = (await log.readAll({ filter })).events.map(event => event.stream);
    expect(some).toEqual(['$stats', '$$meta', '~strongroom-log']);
    const live = eventsOf(await collect(log, { filter }, caughtUp)).map(event => event.stream);
    expect(live).toEqual(some);
  });

  it('give times that never go back, although the clock of the server does', async () => {
    let time = Date.parse('2026-01-01T12:00:00.500Z');
    double.store.now = () => time;
    await log.append('s', newEvents(1), { expected: 'none' });
    time -= 60_000;
    await log.append('s', newEvents(1), { expected: 0 });
    time += 120_000;
    await log.append('s', newEvents(1), { expected: 1 });
    const times = ['2026-01-01T12:00:00.500Z', '2026-01-01T12:00:00.500Z', '2026-01-01T12:01:00.500Z'];
    expect((await everything(log)).map(event => event.recordedAt)).toEqual(times);
    expect((await log.readStream('s')).map(event => event.recordedAt)).toEqual(times);
    expect(eventsOf(await collect(log, {}, caughtUp)).map(event => event.recordedAt)).toEqual(times);
  });

  it('halt at an event that is damaged or not of Strongroom', async () => {
    const type = 'Foreign';
    const contentType = 'application/json';
    for (const [data, metadata] of [
      ['{"half":', '{"meta":{},"version":1}'],
      ['{}', ''],
      ['[]', '{"meta":{},"version":1}'],
    ] as const) {
      const another = await startKurrentDouble();
      const event = { id: crypto.randomUUID(), type, contentType };
      another.store.append(
        's',
        [{ ...event, data: Buffer.from(data), metadata: Buffer.from(metadata) }],
        'any',
      );
      const damaged = await openKurrentLog({ url: another.url });
      const internal = (error: unknown) => isRefusal(error, 'INTERNAL');
      await expect(damaged.readAll()).rejects.toSatisfy(internal);
      await expect(damaged.readStream('s')).rejects.toSatisfy(internal);
      await expect(collect(damaged, {}, caughtUp)).rejects.toSatisfy(internal);
      await damaged.close();
      await another.close();
    }
  });

  it('refuse a position of another log', async () => {
    const invalid = (error: unknown) => isRefusal(error, 'CURSOR_INVALID');
    await expect(log.readAll({ after: '00000000000000000001' })).rejects.toSatisfy(invalid);
    await expect(collect(log, { after: 'x' }, caughtUp)).rejects.toSatisfy(invalid);
  });
});

describe('KurrentDB: subscriptions', () => {
  it('resume after dropped connections, missing and repeating nothing', async () => {
    const writer = await open({ deadlineMs: 5_000 });
    const { done } = follow(log, 60);
    const written: string[] = [];
    for (let n = 0; n < 20; n++) {
      if (n % 4 === 2) double.drop();
      const batch = newEvents(3);
      await writer.append(`s-${n % 3}`, batch, { expected: 'any' });
      written.push(...batch.map(event => event.id));
    }
    expect(await done).toEqual(written);
  });

  it('resume when the server was away', async () => {
    await log.append('s', newEvents(2), { expected: 'none' });
    const { live, done } = follow(log, 4);
    await live;
    await double.refuse();
    await expect(log.head()).rejects.toSatisfy(unavailable);
    await double.accept();
    const writer = await open();
    await writer.append('s', newEvents(2), { expected: 'any' });
    expect(await done).toEqual((await everything(writer)).map(event => event.id));
  });

  it('notice that they were forgotten', async () => {
    const { live, done } = follow(log, 3);
    await live;
    double.silenceSubscriptions();
    await log.append('s', newEvents(3), { expected: 'none' });
    expect(await done).toHaveLength(3);
  });

  it('wait out a frozen server', async () => {
    await log.append('s', newEvents(1), { expected: 'none' });
    const { live, done } = follow(log, 2);
    await live;
    double.freeze();
    await expect(log.append('s', newEvents(1), { expected: 0 })).rejects.toSatisfy(unavailable);
    double.thaw();
    expect(await done).toHaveLength(2);
  });

  it('end when they are told to while the server is frozen or away', async () => {
    for (const trouble of [() => double.freeze(), () => double.refuse()]) {
      await trouble();
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 50);
      for await (const message of log.subscribe({ signal: stop.signal })) throw new Error(message.kind);
    }
  });

  it('move the checkpoint past what is filtered, also when the server says nothing', async () => {
    const filter = { streamPrefixes: ['tag-'] };
    let wrote: string | undefined;
    for await (const message of log.subscribe({ filter })) {
      if (message.kind === 'event') throw new Error('the filter let it through');
      if (wrote && message.position >= wrote) break;
      wrote ??= (await log.append('noise', newEvents(1), { expected: 'none' })).position;
    }
  });
});

describe('KurrentDB: identity and connection', () => {
  it('gives one identity to a new log that several open at once', async () => {
    const another = await startKurrentDouble();
    const logs = await Promise.all(Array.from({ length: 4 }, () => openKurrentLog({ url: another.url })));
    expect(new Set(logs.map(each => each.logId)).size).toBe(1);
    await Promise.all(logs.map(each => each.close()));
    await another.close();
  });

  it('keeps what a restore made of it', async () => {
    const restored = { logId: crypto.randomUUID(), epoch: 2 };
    expect(await open({ restored })).toMatchObject(restored);
    expect(await open()).toMatchObject(restored);
    expect(await log.head()).toBe(log.start);
  });

  it('refuses a bad URL without repeating the password in it', async () => {
    const opening = openKurrentLog({ url: 'http://admin:hunter2@localhost:2113' });
    const error = await opening.catch((thrown: Error) => thrown);
    expect(isRefusal(error, 'REQUEST_INVALID')).toBe(true);
    expect(JSON.stringify([error, String(error)])).not.toContain('hunter2');
  });

  it('takes credentials over a channel that ignores them', async () => {
    const withPassword = await open({ credentials: { username: 'admin', password: 'changeit' } });
    await withPassword.append('s', newEvents(1), { expected: 'none' });
    expect(await everything(withPassword)).toHaveLength(1);
  });

  it('leaves no reads behind that closing would wait for', async () => {
    await log.append('s', newEvents(50), { expected: 'none' });
    for (let n = 0; n < 20; n++) await log.readAll({ limit: 1 });
    for await (const message of log.subscribe()) if (message.kind === 'event') break;
    expect(await timed(log.close())).toBeLessThan(500);
  });
});
