import { expect, it } from 'vitest';
import { type ContractLimits, type Current, conflictOf, everything, newEvents } from './support.ts';

export function repeating(current: Current, limits: ContractLimits): void {
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
