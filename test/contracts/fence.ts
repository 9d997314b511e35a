/** The contract of the fence (src/application/fence.ts), run over every adapter. An adapter's test is one call. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fence } from '../../src/application/fence.ts';

export interface FenceUnderTest {
  readonly fence: Fence;
  /** another holder: a second process, as far as the adapter can tell; closed by `dispose` */
  another(): Promise<Fence>;
  dispose(): Promise<void>;
}

/** Registers the suite for one adapter. */
export function fenceContract(name: string, make: () => Promise<FenceUnderTest>): void {
  describe(`fence: ${name}`, () => {
    let under: FenceUnderTest;
    let here: Fence;
    let there: Fence;
    beforeEach(async () => {
      under = await make();
      here = under.fence;
      there = await under.another();
    });
    afterEach(() => under.dispose());

    it('gives what the work gives', async () => {
      expect(await here.shared(async () => 1)).toBe(1);
      expect(await here.exclusive(async () => 'two')).toBe('two');
    });

    it('lets sharers overlap, here and there', async () => {
      const all = [here, there, here, there].map(fence => hold(fence, 'shared'));
      await Promise.all(all.map(one => one.entered));
      await finish(all);
    });

    it('keeps the exclusive holder alone: nobody shares or excludes meanwhile', async () => {
      let alone = 0;
      let sharing = 0;
      const seen: string[] = [];
      const exclusive = (fence: Fence) =>
        fence.exclusive(async () => {
          alone++;
          if (alone > 1 || sharing > 0) seen.push('not alone');
          await turns();
          if (alone > 1 || sharing > 0) seen.push('not alone any more');
          alone--;
        });
      const shared = (fence: Fence) =>
        fence.shared(async () => {
          sharing++;
          if (alone > 0) seen.push('shared with an exclusive holder');
          await turns();
          sharing--;
        });
      const work = Array.from({ length: 40 }, (_, index) => {
        const fence = index % 2 === 0 ? here : there;
        return index % 5 === 3 ? exclusive(fence) : shared(fence);
      });
      await Promise.all(work);
      expect(seen).toEqual([]);
    });

    it.each([
      ['here', 'here'],
      ['here', 'there'],
    ])('makes an exclusive holder wait for a sharer (%s, %s)', async (first, second) => {
      const fences: Record<string, Fence> = { here, there };
      const order: string[] = [];
      const sharer = hold(fences[first]!, 'shared', () => order.push('sharer'));
      await sharer.entered;
      const exclusive = fences[second]!.exclusive(async () => void order.push('exclusive'));
      await turns();
      expect(order).toEqual([]);
      await finish([sharer]);
      await exclusive;
      expect(order).toEqual(['sharer', 'exclusive']);
    });

    it.each([
      ['here', 'here'],
      ['here', 'there'],
    ])('makes a sharer wait for an exclusive holder (%s, %s)', async (first, second) => {
      const fences: Record<string, Fence> = { here, there };
      const order: string[] = [];
      const exclusive = hold(fences[first]!, 'exclusive', () => order.push('exclusive'));
      await exclusive.entered;
      const sharer = fences[second]!.shared(async () => void order.push('sharer'));
      await turns();
      expect(order).toEqual([]);
      await finish([exclusive]);
      await sharer;
      expect(order).toEqual(['exclusive', 'sharer']);
    });

    it('lets a waiting exclusive holder go before sharers that come later', async () => {
      const order: string[] = [];
      const first = hold(here, 'shared', () => order.push('first'));
      await first.entered;
      const exclusive = here.exclusive(async () => void order.push('exclusive'));
      const later = [1, 2, 3].map(() => here.shared(async () => void order.push('later')));
      await finish([first]);
      await Promise.all([exclusive, ...later]);
      expect(order).toEqual(['first', 'exclusive', 'later', 'later', 'later']);
    });

    it('does not starve an exclusive holder by sharers that never pause', async () => {
      let over = false;
      let rounds = 0;
      const relay = async () => {
        while (!over) {
          rounds++;
          await here.shared(turns);
        }
      };
      // at every moment at least one of them is inside
      const relays = [relay(), relay(), relay(), relay()];
      try {
        await here.shared(turns);
        await there.exclusive(turns);
      } finally {
        over = true;
        await Promise.all(relays);
      }
      expect(rounds).toBeGreaterThan(4);
    });

    it.each(['shared', 'exclusive'] as const)(
      'passes on an error in %s work, and is free again',
      async mode => {
        const failing = here[mode](async () => {
          throw new Error('broken work');
        });
        await expect(failing).rejects.toThrow('broken work');
        expect(await there.exclusive(async () => 'alone')).toBe('alone');
        expect(await here.shared(async () => 'shared')).toBe('shared');
      },
    );
  });
}

/** Holds a fence until `finish`; `entered` resolves when the work began. */
export function hold(fence: Fence, mode: 'shared' | 'exclusive', leaving?: () => void) {
  const { promise: entered, resolve: enter, reject } = Promise.withResolvers<void>();
  const { promise: end, resolve: leave } = Promise.withResolvers<void>();
  const done = fence[mode](async () => {
    enter();
    await end;
    leaving?.();
  });
  done.catch(reject);
  return { entered, leave, done };
}

export async function finish(holders: readonly ReturnType<typeof hold>[]): Promise<void> {
  for (const { leave } of holders) leave();
  await Promise.all(holders.map(({ done }) => done));
}

/** Long enough for others to run, if anything lets them. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
}
