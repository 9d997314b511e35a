import { describe, expect, it } from 'vitest';
import { KnownIds } from '../../src/eventlog/kurrentdb/known-ids.ts';
import { fromStored, LOG_STREAM, toStored } from '../../src/eventlog/kurrentdb/names.ts';
import { fromPosition, START, toPosition } from '../../src/eventlog/kurrentdb/positions.ts';
import { shared } from '../../src/eventlog/kurrentdb/reader.ts';

describe('KurrentDB: positions', () => {
  it('order as text like the offsets do, also beyond 2^53', () => {
    const offsets = [1n, 255n, 256n, 2n ** 53n, 2n ** 63n - 1n].map(at => ({ commit: at, prepare: at }));
    const positions = offsets.map(toPosition);
    expect([...positions].sort()).toEqual(positions);
    expect(positions.map(fromPosition)).toEqual(offsets);
    expect(fromPosition(START)).toBe('start');
  });
});

describe('KurrentDB: stream names', () => {
  it.each(['a', '$a', '$$a', '~', '~a', '~~', '~$', LOG_STREAM])('%s is kept', name => {
    expect(fromStored(toStored(name))).toBe(name);
  });

  it.each(['$all', '$$meta', LOG_STREAM])('%s is hidden', stored => {
    expect(fromStored(stored)).toBeUndefined();
  });
});

describe('KurrentDB: known ids', () => {
  const place = (revision: number) => ({ position: String(revision), revision });
  const event = (id: string) => ({ id, type: 'T', version: 1, data: '{}', meta: '{}' });

  it('answer with the last that is known', () => {
    const known = new KnownIds(10);
    known.add('a', place(1));
    known.add('b', place(2));
    expect(known.find([event('a'), event('b')])).toEqual(place(2));
    expect(known.find([event('a'), event('x')])).toEqual(place(1));
    expect(known.find([event('x')])).toBeUndefined();
  });

  it('do not claim to cover a stream whose ids may have been dropped', () => {
    const known = new KnownIds(3);
    const mark = known.mark();
    known.add('a', place(0));
    known.cover('s', 0, mark);
    known.add('b', place(0));
    known.add('c', place(0));
    expect(known.covered('s')).toBe(0);
    known.add('d', place(0));
    expect(known.covered('s')).toBeUndefined();
    expect(known.find([event('a')])).toBeUndefined();
  });

  it('keep the older mark when a coverage grows', () => {
    const known = new KnownIds(3);
    known.cover('s', 0, known.mark());
    known.add('a', place(0));
    known.add('b', place(1));
    known.cover('s', 1, known.mark());
    known.add('c', place(0));
    known.add('d', place(0));
    expect(known.covered('s')).toBeUndefined();
  });
});

describe('KurrentDB: a shared query', () => {
  it('answers only from a query that began after it was asked for', async () => {
    const runs: ((value: number) => void)[] = [];
    const query = shared(() => new Promise<number>(resolve => runs.push(resolve)));
    const first = query();
    const second = query();
    const third = query();
    expect(runs).toHaveLength(1);
    runs[0]!(1);
    expect(await first).toBe(1);
    await Promise.resolve();
    expect(runs).toHaveLength(2);
    runs[1]!(2);
    expect(await Promise.all([second, third])).toEqual([2, 2]);
  });

  it('goes on after one that failed', async () => {
    let failing = true;
    const query = shared(async () => {
      if (failing) throw new Error('away');
      return 1;
    });
    const first = query();
    const second = query();
    failing = false;
    await expect(first).rejects.toThrow('away');
    expect(await second).toBe(1);
  });
});
