import { expect, it } from 'vitest';
import {
  ConflictError,
  MAX_APPEND_EVENTS,
  type StreamAppend,
  TooLargeError,
} from '../../../src/eventlog/port.ts';
import {
  type ContractLimits,
  type Current,
  collect,
  eventsOf,
  everything,
  events as many,
  newEvent,
  newEvents,
} from './support.ts';

const to = (stream: string, events = newEvents(1)): StreamAppend => ({ stream, events, expected: 'none' });
const streamsOf = (events: readonly { stream: string }[]) => events.map(({ stream }) => stream);

export function appendingInOrder(current: Current, { groups = true }: ContractLimits): void {
  it('makes several appends in their order, with a result for each', async () => {
    const { log } = current();
    const appends = [to('z', newEvents(2)), to('a'), to('m', newEvents(3))];
    const { results, conflict } = await log.appendInOrder(appends);
    expect(conflict).toBeUndefined();
    expect(results.map(({ revision, repeated }) => [revision, repeated])).toEqual([
      [1, false],
      [0, false],
      [2, false],
    ]);
    const all = await everything(log);
    expect(all.map(({ id, stream }) => [stream, id])).toEqual(
      appends.flatMap(({ stream, events }) => events.map(({ id }) => [stream, id])),
    );
    expect(results.map(({ position }) => position)).toEqual([1, 2, 5].map(at => all[at]?.position));
    expect(await log.head()).toBe(results.at(-1)?.position);
  });

  it('keeps for each its own expectation, also of a stream that comes up twice', async () => {
    const { log } = current();
    await log.append('old', newEvents(2), { expected: 'none' });
    const { results } = await log.appendInOrder([
      { stream: 'old', events: newEvents(1), expected: 1 },
      to('new'),
      { stream: 'old', events: newEvents(1), expected: 2 },
    ]);
    expect(results.map(({ revision }) => revision)).toEqual([2, 0, 3]);
  });

  it('makes none after the first that conflicts, and keeps those before', async () => {
    const { log } = current();
    await log.append('taken', newEvents(2), { expected: 'none' });
    const { results, conflict } = await log.appendInOrder([to('first'), to('taken'), to('last'), to('more')]);
    expect(results).toMatchObject([{ revision: 0, repeated: false }]);
    expect(conflict).toBeInstanceOf(ConflictError);
    expect(conflict).toMatchObject({ stream: 'taken', expected: 'none', actual: 1 });
    expect(streamsOf(await everything(log))).toEqual(['taken', 'taken', 'first']);
  });

  it('makes none at all when the first conflicts', async () => {
    const { log } = current();
    const appends: StreamAppend[] = [{ stream: 'gone', events: newEvents(1), expected: 0 }, to('last')];
    const { results, conflict } = await log.appendInOrder(appends);
    expect(results).toEqual([]);
    expect(conflict).toMatchObject({ stream: 'gone', expected: 0, actual: 'none' });
    expect(await log.head()).toBe(log.start);
  });

  it('makes none after the first that the log holds already, and answers with its first result', async () => {
    const { log } = current();
    const [version, tag] = [to('version'), to('tag')];
    const first = await log.append('version', version.events, { expected: 'none' });
    await log.append('version', newEvents(1), { expected: 0 });
    const { results, conflict } = await log.appendInOrder([to('package'), version, tag]);
    expect(conflict).toBeUndefined();
    expect(results).toEqual([expect.objectContaining({ repeated: false }), { ...first, repeated: true }]);
    expect(await log.readStream('tag')).toEqual([]);
    expect((await log.append('tag', tag.events, { expected: 'none' })).repeated).toBe(false);
  });

  it('writes once when the same appends run several times at once', async () => {
    const { log } = current();
    const appends = [to('a', newEvents(2)), to('b')];
    await Promise.all(Array.from({ length: 6 }, () => log.appendInOrder(appends)));
    expect(streamsOf(await everything(log))).toEqual(['a', 'a', 'b']);
  });

  it('lets a conflict end its own appends only', async () => {
    const { log } = current();
    await log.append('taken', newEvents(1), { expected: 'none' });
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        log.appendInOrder([to(`a-${n}`), n % 3 === 1 ? to('taken') : to(`b-${n}`), to(`c-${n}`)]),
      ),
    );
    for (const [n, { results, conflict }] of outcomes.entries()) {
      expect([results.length, conflict?.stream]).toEqual(n % 3 === 1 ? [1, 'taken'] : [3, undefined]);
      expect(await log.readStream(`c-${n}`)).toHaveLength(n % 3 === 1 ? 0 : 1);
    }
  });

  it('lets exactly one of many concurrent runs have a stream, and nobody else what follows it', async () => {
    const { log } = current();
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, n) => log.appendInOrder([to('one'), to(`after-${n}`)])),
    );
    expect(outcomes.filter(({ conflict }) => conflict === undefined)).toHaveLength(1);
    expect(streamsOf(await everything(log)).filter(name => name.startsWith('after-'))).toHaveLength(1);
  });

  if (groups) {
    it('makes all of them in one commit: no reader sees a part', async () => {
      const { log } = current();
      const runs = Array.from({ length: 60 }, (_, n) => [to(`a-${n}`), to(`b-${n}`), to(`c-${n}`)]);
      let writing = true;
      const writers = Array.from({ length: 3 }, async (_, writer) => {
        for (const run of runs.filter((_, n) => n % 3 === writer)) await log.appendInOrder(run);
      });
      const written = Promise.all(writers).finally(() => {
        writing = false;
      });
      const sizes = new Set<number>();
      while (writing) sizes.add((await log.readAll()).events.length);
      await written;
      expect(sizes.size).toBeGreaterThan(2);
      expect([...sizes].filter(size => size % 3 !== 0)).toEqual([]);
    });
  }

  it('delivers what was appended to subscribers, in order', async () => {
    const { log } = current();
    const following = collect(log, {}, many(3));
    await log.appendInOrder([to('a'), to('b'), to('c')]);
    expect(streamsOf(eventsOf(await following))).toEqual(['a', 'b', 'c']);
  });

  it('refuses what no store would take before anything is written', async () => {
    const { log } = current();
    const tooMany = newEvents(MAX_APPEND_EVENTS);
    await expect(log.appendInOrder([to('a'), to('b', tooMany)])).rejects.toBeInstanceOf(TooLargeError);
    const nameless = newEvent({}, { id: 'not a uuid' });
    await expect(log.appendInOrder([to('a'), to('b', [nameless])])).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    expect(await log.head()).toBe(log.start);
  });
}
