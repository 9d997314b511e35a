/** Jobs in this process: nothing is kept, everything is derived again at the next start. */
import type { JobHandler, Jobs } from './port.ts';

export interface LocalJobsOptions {
  readonly onError: (name: string, error: unknown) => void;
}

export function createLocalJobs({ onError }: LocalJobsOptions): Jobs {
  const handlers = new Map<string, JobHandler>();
  const schedules: { name: string; ms: number }[] = [];
  const timers: NodeJS.Timeout[] = [];
  const waiting = new Map<string, () => Promise<void>>();
  const failures: Record<string, number> = {};
  const stop = new AbortController();
  let running: Promise<void> | undefined;

  async function run(name: string, data: Readonly<Record<string, string>>): Promise<void> {
    try {
      await handlers.get(name)?.(data, { signal: stop.signal });
    } catch (error) {
      failures[name] = (failures[name] ?? 0) + 1;
      onError(name, error);
    }
  }

  /** One at a time: jobs must not compete with requests for two cores. */
  async function drain(): Promise<void> {
    for (const [key, work] of waiting) {
      if (stop.signal.aborted) return;
      await work();
      // only now: what is under way is not added again
      waiting.delete(key);
    }
  }

  function add(name: string, id: string, data: Readonly<Record<string, string>>): void {
    const key = `${name} ${id}`;
    if (stop.signal.aborted || waiting.has(key)) return;
    waiting.set(key, () => run(name, data));
    running ??= Promise.resolve()
      .then(drain)
      .finally(() => {
        running = undefined;
      });
  }

  return {
    define: (name, handler) => void handlers.set(name, handler),
    every: (name, ms) => void schedules.push({ name, ms }),
    async enqueue(name, id, data = {}) {
      if (!handlers.has(name)) throw new Error(`no job ${name} is defined`);
      add(name, id, data);
    },
    async start() {
      for (const { name, ms } of schedules) {
        const timer = setInterval(() => add(name, 'scheduled', {}), ms);
        timer.unref();
        timers.push(timer);
      }
    },
    failures: () => failures,
    async close() {
      for (const timer of timers) clearInterval(timer);
      stop.abort();
      waiting.clear();
      await running;
    },
  };
}
