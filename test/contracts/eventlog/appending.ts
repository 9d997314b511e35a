import { expect, it } from 'vitest';
import { ConflictError, type Expected } from '../../../src/eventlog/port.ts';
import { type Current, conflictOf, everything, newEvent, newEvents } from './support.ts';

export function appending(current: Current): void {
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
