/**
 * Jobs on BullMQ: one queue for each kind, so that each kind runs one at a time over all processes. Redis keeps only
 * what waits; what is to be done is derived from the log and the stores. https://docs.bullmq.io
 */
import { type Job, Queue, WaitingError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { refuse, type StrongroomError } from '../../domain/errors.ts';
import type { JobHandler, Jobs } from '../port.ts';

export interface BullJobsOptions {
  /** `redis://…` */
  readonly url: string;
  readonly onError: (name: string, error: unknown) => void;
  /** of the keys in Redis; default `strongroom` */
  readonly prefix?: string;
  /** ms without a sign of life after which a worker's job is run again by another; default 30 000 */
  readonly lockMs?: number;
  /** ms before the first retry, doubled for each further one; default 1000 */
  readonly retryMs?: number;
}

type Data = Readonly<Record<string, string>>;

const ATTEMPTS = 3;
const ID = /^[A-Za-z0-9-]{1,200}$/;
/** Processes that die under a job do not make it fail: it is run again until it says itself how it went. */
const MAX_DEATHS = 1000;

/** @throws StrongroomError STORAGE_UNAVAILABLE when Redis cannot be reached */
export async function openBullJobs(options: BullJobsOptions): Promise<Jobs> {
  const { prefix = 'strongroom', lockMs = 30_000, retryMs = 1000 } = options;
  const onError: BullJobsOptions['onError'] = (name, error) => {
    // connections that are being closed complain about it
    if (!stop.signal.aborted) options.onError(name, error);
  };
  const stop = new AbortController();
  // what somebody waits for fails soon; what workers block on goes on for ever, as BullMQ wants it
  const asking = await connect(options.url, 2, onError);
  const blocking = asking.duplicate({ maxRetriesPerRequest: null });
  blocking.on('error', error => onError('redis', error));
  const handlers = new Map<string, JobHandler>();
  const schedules = new Map<string, number>();
  const queues = new Map<string, Queue>();
  const workers: Worker[] = [];
  const inside = new Set<Promise<void>>();
  const failures: Record<string, number> = {};
  const reached = () => asking.status === 'ready' && blocking.status === 'ready';
  // nothing is kept of what is over: its id can be used again
  const job = {
    attempts: ATTEMPTS,
    backoff: { type: 'exponential', delay: retryMs },
    removeOnComplete: true,
    removeOnFail: true,
  };

  function queueOf(name: string): Queue {
    const known = queues.get(name);
    if (known) return known;
    const queue = new Queue(name, { connection: asking, prefix, defaultJobOptions: job });
    queue.on('error', error => onError(name, error));
    queues.set(name, queue);
    return queue;
  }

  async function run(name: string, handler: JobHandler, { job, token }: Running): Promise<void> {
    try {
      const handling = handler(job.data as Data, { signal: stop.signal });
      inside.add(handling);
      await handling.finally(() => inside.delete(handling));
    } catch (error) {
      if (!stop.signal.aborted) {
        failures[name] = (failures[name] ?? 0) + 1;
        onError(name, error);
        throw error;
      }
    }
    if (!stop.signal.aborted) return;
    // it was told to end soon, so nobody knows whether it was done: another runs it, and no attempt is lost
    if (reached()) await job.moveToWait(token);
    throw new WaitingError();
  }

  function work(name: string, handler: JobHandler): Worker {
    const processor = (job: Job, token = '') => run(name, handler, { job, token });
    const worker = new Worker(name, processor, {
      connection: blocking,
      prefix,
      concurrency: 1,
      autorun: false,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: MAX_DEATHS,
    });
    worker.on('error', error => onError(name, error));
    return worker;
  }

  async function schedule(name: string, queue: Queue): Promise<void> {
    const ms = schedules.get(name);
    if (ms === undefined) await queue.removeJobScheduler(`every-${name}`);
    else await queue.upsertJobScheduler(`every-${name}`, { every: ms }, { name, opts: job });
  }

  return {
    define: (name, handler) => void handlers.set(name, handler),
    every: (name, ms) => void schedules.set(name, ms),
    async enqueue(name, id, data = {}) {
      if (!handlers.has(name)) throw new Error(`no job ${name} is defined`);
      if (!ID.test(id)) throw new Error(`${id} cannot be the id of a job`);
      // BullMQ takes no integers as ids
      const added = queueOf(name).add(name, data, { jobId: `run-${id}` });
      await added.catch(error => {
        throw unreachable(error);
      });
    },
    async start() {
      for (const [name, handler] of handlers) {
        const queue = queueOf(name);
        await queue.setGlobalConcurrency(1);
        await schedule(name, queue);
        const worker = work(name, handler);
        workers.push(worker);
        worker.run().catch(error => onError(name, error));
      }
    },
    failures: () => failures,
    async close() {
      stop.abort();
      await Promise.allSettled(inside);
      // without Redis there is nobody to say goodbye to
      await Promise.all(workers.map(worker => worker.close(!reached())));
      await Promise.all([...queues.values()].map(queue => queue.close()));
      asking.disconnect();
      blocking.disconnect();
    },
  };
}

interface Running {
  readonly job: Job;
  /** proves to BullMQ that this worker holds the job */
  readonly token: string;
}

async function connect(
  url: string,
  maxRetriesPerRequest: number,
  onError: BullJobsOptions['onError'],
): Promise<Redis> {
  const connection = new Redis(url, { maxRetriesPerRequest, lazyConnect: true });
  connection.on('error', error => onError('redis', error));
  try {
    await connection.connect();
    return connection;
  } catch (error) {
    connection.disconnect();
    throw unreachable(error);
  }
}

function unreachable(cause: unknown): StrongroomError {
  const refusal = refuse('STORAGE_UNAVAILABLE', 'Redis cannot be reached: check STRONGROOM_REDIS_URL');
  return Object.assign(refusal, { cause });
}
