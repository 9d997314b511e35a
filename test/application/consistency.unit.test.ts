import { beforeEach, describe, expect, it } from 'vitest';
import { type Consistency, createConsistency } from '../../src/application/consistency.ts';
import type { Core } from '../../src/application/core.ts';
import { isRefusal, refuse } from '../../src/domain/errors.ts';
import { clock } from './support.ts';

/** A log and views whose every step a test takes by hand. */
function world() {
  const time = clock('2026-01-01T00:00:00.000Z');
  const asked: PromiseWithResolvers<string>[] = [];
  const waits: { position: string; reach: () => void; fail: (error: unknown) => void }[] = [];
  const state = { position: '0' };
  const views = {
    position: () => state.position,
    reached: (position: string) =>
      new Promise<void>((resolve, fail) => {
        const reach = () => {
          state.position = position;
          resolve();
        };
        waits.push({ position, reach, fail });
      }),
    rebuilding: () => false,
  };
  const log = {
    head: () => {
      const head = Promise.withResolvers<string>();
      asked.push(head);
      return head.promise;
    },
  };
  const settings = { viewWaitMs: 1000, maxStalenessMs: 30_000 };
  const core = (maxStalenessMs = settings.maxStalenessMs) =>
    ({ log, views, now: time.now, settings: { ...settings, maxStalenessMs } }) as unknown as Pick<
      Core,
      'log' | 'views' | 'settings' | 'now'
    >;
  return { time, asked, waits, state, core };
}

/** Lets everything run that can. */
const turns = () => new Promise(resolve => setImmediate(resolve));

/** Tells whether a promise settled already. */
function watch(promise: Promise<unknown>) {
  const so = { settled: false, error: undefined as unknown };
  promise.then(
    () => {
      so.settled = true;
    },
    error => {
      so.settled = true;
      so.error = error;
    },
  );
  return so;
}

describe('consistency', () => {
  let under: ReturnType<typeof world>;
  let consistency: Consistency;
  beforeEach(() => {
    under = world();
    consistency = createConsistency(under.core());
  });

  describe('settling before a governed read', () => {
    it('asks for the head, and waits until the views reached it', async () => {
      const read = watch(consistency.settle());
      await turns();
      under.asked[0]?.resolve('5');
      await turns();
      expect(read.settled).toBe(false);
      expect(under.waits.map(({ position }) => position)).toEqual(['5']);
      under.waits[0]?.reach();
      await turns();
      expect(read).toEqual({ settled: true, error: undefined });
    });

    it('does not wait for views that are there already', async () => {
      under.state.position = '5';
      const read = watch(consistency.settle());
      await turns();
      under.asked[0]?.resolve('5');
      await turns();
      expect([read.settled, under.waits.length]).toEqual([true, 0]);
    });

    it('shares one head among the requests that wait at once', async () => {
      const reads = [1, 2, 3].map(() => watch(consistency.settle()));
      await turns();
      expect(under.asked).toHaveLength(1);
      under.asked[0]?.resolve('0');
      await turns();
      expect(reads.every(({ settled }) => settled)).toBe(true);
    });

    it('never uses a head that was asked for before the request arrived', async () => {
      const early = watch(consistency.settle());
      await turns();
      // from here on something may be acknowledged that the first head does not contain
      const late = [watch(consistency.settle()), watch(consistency.settle())];
      await turns();
      expect(under.asked).toHaveLength(2);
      under.asked[0]?.resolve('0');
      await turns();
      expect([early.settled, ...late.map(({ settled }) => settled)]).toEqual([true, false, false]);
      under.asked[1]?.resolve('7');
      await turns();
      under.waits[0]?.reach();
      await turns();
      expect(late.every(({ settled }) => settled)).toBe(true);
      expect(under.state.position).toBe('7');
    });

    it('asks anew for each request that comes alone', async () => {
      for (let n = 0; n < 3; n++) {
        const read = consistency.settle();
        await turns();
        under.asked[n]?.resolve('0');
        await read;
      }
      expect(under.asked).toHaveLength(3);
    });

    it('refuses when the views stay behind', async () => {
      const read = watch(consistency.settle());
      await turns();
      under.asked[0]?.resolve('5');
      await turns();
      under.waits[0]?.fail(refuse('VIEWS_BEHIND'));
      await turns();
      expect(isRefusal(read.error, 'VIEWS_BEHIND')).toBe(true);
    });
  });

  describe('settling without the log', () => {
    const settled = async (of: Consistency, headTakesMs = 0) => {
      const read = of.settle();
      await turns();
      under.time.pass(headTakesMs);
      under.asked.at(-1)?.resolve('0');
      await read;
    };
    const away = async (of: Consistency, error: unknown = refuse('LOG_UNAVAILABLE')) => {
      const read = watch(of.settle());
      await turns();
      under.asked.at(-1)?.reject(error);
      await turns();
      return read.error;
    };

    it('goes on for as long as is allowed, then refuses, and goes on when the log is back', async () => {
      await settled(consistency);
      under.time.pass(29_999);
      expect(await away(consistency)).toBeUndefined();
      under.time.pass(1);
      expect(isRefusal(await away(consistency), 'LOG_UNAVAILABLE')).toBe(true);
      await settled(consistency);
      expect(await away(consistency)).toBeUndefined();
    });

    it('counts from the moment when the head was asked for', async () => {
      await settled(consistency, 10_000);
      under.time.pass(20_000);
      expect(isRefusal(await away(consistency), 'LOG_UNAVAILABLE')).toBe(true);
    });

    it('refuses when it never knew a head', async () => {
      expect(isRefusal(await away(consistency), 'LOG_UNAVAILABLE')).toBe(true);
    });

    it('refuses at once when no staleness is allowed', async () => {
      const strict = createConsistency(under.core(0));
      await settled(strict);
      expect(isRefusal(await away(strict), 'LOG_UNAVAILABLE')).toBe(true);
    });

    it('hides no other failure', async () => {
      await settled(consistency);
      expect(await away(consistency, new Error('broken'))).toEqual(new Error('broken'));
    });
  });

  describe('waiting for what was appended', () => {
    it('waits only when there is something that the views do not know', async () => {
      under.state.position = '5';
      await consistency.wait(undefined);
      await consistency.wait('4');
      await consistency.wait('5');
      expect(under.waits).toEqual([]);
      const waiting = watch(consistency.wait('6'));
      await turns();
      expect(waiting.settled).toBe(false);
      under.waits[0]?.reach();
      await turns();
      expect(waiting.settled).toBe(true);
    });

    it('says that it was stored when the views stay behind', async () => {
      const waiting = consistency.wait('6');
      under.waits[0]?.fail(refuse('VIEWS_BEHIND'));
      await expect(waiting).rejects.toMatchObject({
        code: 'VIEWS_BEHIND',
        detail: { reason: /stored/, retryAfter: 1 },
      });
    });

    it('passes on any other failure', async () => {
      const waiting = consistency.wait('6');
      under.waits[0]?.fail(new Error('broken'));
      await expect(waiting).rejects.toThrow('broken');
    });
  });
});
