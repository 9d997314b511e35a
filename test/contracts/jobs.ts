/** What every queue of jobs keeps to. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JobHandler, Jobs } from '../../src/jobs/port.ts';

export interface JobsUnderTest {
  /** Another process's view of the same queue; errors of handlers are collected in `errors`. */
  open(errors: string[]): Promise<Jobs>;
  /** false: queues of several processes do not share their runs */
  readonly shared: boolean;
}

/** Resolves when `count` calls were made. */
function counter(count: number) {
  const calls: Record<string, string>[] = [];
  let enough: () => void = () => undefined;
  const done = new Promise<void>(resolve => {
    enough = resolve;
  });
  const handler: JobHandler = async data => {
    calls.push({ ...data });
    if (calls.length === count) enough();
  };
  return { calls, done, handler };
}

export function jobsContract(name: string, make: () => Promise<JobsUnderTest>): void {
  const opened = async (errors: string[] = []) => {
    const under = await make();
    const jobs = await under.open(errors);
    onTestFinished(() => jobs.close());
    return { jobs, under };
  };

  describe(`${name}: jobs`, () => {
    it('runs what is added, with its data', async () => {
      const { jobs } = await opened();
      const { calls, done, handler } = counter(1);
      jobs.define('greet', handler);
      await jobs.start();
      await jobs.enqueue('greet', 'greet-1', { who: 'world' });
      await done;
      expect(calls).toEqual([{ who: 'world' }]);
    });

    it('refuses a kind that nobody defined', async () => {
      const { jobs } = await opened();
      await expect(jobs.enqueue('unknown', 'unknown-1')).rejects.toThrow(/unknown/);
    });

    it('adds one run for one id while it waits or is under way', async () => {
      const { jobs } = await opened();
      const first = counter(1);
      let release: () => void = () => undefined;
      const gate = new Promise<void>(resolve => {
        release = resolve;
      });
      const { promise: began, resolve: begin } = Promise.withResolvers<void>();
      jobs.define('slow', async (data, context) => {
        begin();
        await gate;
        await first.handler(data, context);
      });
      const last = counter(1);
      jobs.define('last', last.handler);
      await jobs.start();
      await jobs.enqueue('slow', 'slow-running', { n: '0' });
      await began;
      await jobs.enqueue('slow', 'slow-running', { n: 'again' });
      for (let n = 0; n < 5; n++) await jobs.enqueue('slow', 'slow-waiting', { n: String(n) });
      release();
      await expect.poll(() => first.calls.length).toBe(2);
      await jobs.enqueue('last', 'last-1');
      await last.done;
      expect(first.calls).toEqual([{ n: '0' }, { n: '0' }]);
    });

    it('runs an id again when its run is over, done or failed', async () => {
      const { jobs } = await opened();
      let runs = 0;
      jobs.define('often', async () => {
        runs++;
        if (runs <= 3) throw new Error('not yet');
      });
      await jobs.start();
      // again and again, since nobody says when a run is over
      const again = async () => {
        await jobs.enqueue('often', '42');
        return runs;
      };
      await expect.poll(again, { timeout: 10_000 }).toBeGreaterThanOrEqual(6);
      expect(jobs.failures()).toEqual({ often: 3 });
    });

    it('keeps what is added before the start until then', async () => {
      const { jobs } = await opened();
      const { calls, done, handler } = counter(1);
      jobs.define('early', handler);
      await jobs.enqueue('early', 'early-1');
      await jobs.start();
      await done;
      expect(calls).toHaveLength(1);
    });

    it('never runs two of one kind at a time', async () => {
      const { jobs } = await opened();
      let running = 0;
      let most = 0;
      const finished = counter(6);
      jobs.define('alone', async (data, context) => {
        most = Math.max(most, ++running);
        await new Promise(resolve => setImmediate(resolve));
        running--;
        await finished.handler(data, context);
      });
      await jobs.start();
      for (let n = 0; n < 6; n++) await jobs.enqueue('alone', `alone-${n}`);
      await finished.done;
      expect(most).toBe(1);
    });

    it('runs again and again what is scheduled', async () => {
      const { jobs } = await opened();
      const { done, handler } = counter(3);
      jobs.define('tick', handler);
      jobs.every('tick', 50);
      await jobs.start();
      await done;
    });

    it('counts a failed run, tells it, and goes on with the next', async () => {
      const errors: string[] = [];
      const { jobs } = await opened(errors);
      const { done, handler } = counter(1);
      jobs.define('broken', async () => {
        throw new Error('no luck');
      });
      jobs.define('fine', handler);
      await jobs.start();
      await jobs.enqueue('broken', 'broken-1');
      await expect.poll(() => jobs.failures().broken).toBeGreaterThan(0);
      await jobs.enqueue('fine', 'fine-1');
      await done;
      expect(errors.join()).toContain('no luck');
    });

    it('aborts what runs when it closes, and waits for it', async () => {
      const under = await make();
      const jobs = await under.open([]);
      let ended = false;
      let began: () => void = () => undefined;
      const beginning = new Promise<void>(resolve => {
        began = resolve;
      });
      jobs.define('long', async (_data, { signal }) => {
        began();
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
        ended = true;
      });
      await jobs.start();
      await jobs.enqueue('long', 'long-1');
      await beginning;
      await jobs.close();
      expect(ended).toBe(true);
    });

    it('shares runs among processes: each is done once', async () => {
      const under = await make();
      if (!under.shared) return;
      const [one, two] = [await under.open([]), await under.open([])];
      onTestFinished(async () => void (await Promise.all([one.close(), two.close()])));
      const { calls, done, handler } = counter(20);
      for (const jobs of [one, two]) jobs.define('shared', handler);
      await Promise.all([one.start(), two.start()]);
      for (let n = 0; n < 20; n++) await one.enqueue('shared', `shared-${n}`, { n: String(n) });
      await done;
      expect(calls.map(({ n }) => Number(n)).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, n) => n),
      );
    });

    it('never runs two of one kind at a time over all processes, and schedules each once', async () => {
      const under = await make();
      if (!under.shared) return;
      const processes = [await under.open([]), await under.open([]), await under.open([])];
      onTestFinished(async () => void (await Promise.all(processes.map(jobs => jobs.close()))));
      let running = 0;
      let most = 0;
      let runs = 0;
      const handler: JobHandler = async () => {
        most = Math.max(most, ++running);
        runs++;
        await new Promise(resolve => setTimeout(resolve, 5));
        running--;
      };
      for (const jobs of processes) {
        jobs.define('once', handler);
        jobs.every('once', 200);
      }
      const began = performance.now();
      await Promise.all(processes.map(jobs => jobs.start()));
      for (let n = 0; n < 10; n++) await processes[n % 3]!.enqueue('once', `once-${n}`);
      await expect.poll(() => runs, { timeout: 10_000 }).toBeGreaterThanOrEqual(14);
      expect(most).toBe(1);
      const slots = Math.floor((performance.now() - began) / 200) + 2;
      expect(runs).toBeLessThanOrEqual(10 + slots);
    });

    it('gives what was under way at its end to another process, as the same attempt', async () => {
      const under = await make();
      if (!under.shared) return;
      const [one, two] = [await under.open([]), await under.open([])];
      onTestFinished(() => two.close());
      const { promise: began, resolve: begin } = Promise.withResolvers<void>();
      one.define('handed', async (_data, { signal }) => {
        begin();
        await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
        throw new Error('aborted');
      });
      await one.start();
      await one.enqueue('handed', 'handed-1', { n: '1' });
      await began;
      await one.close();
      expect(one.failures()).toEqual({});
      const { calls, done, handler } = counter(1);
      two.define('handed', handler);
      await two.start();
      await done;
      expect(calls).toEqual([{ n: '1' }]);
    });
  });
}
