import { expect, it } from 'vitest';
import { type Current, everything, newEvents } from './support.ts';

export function reading(current: Current): void {
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
