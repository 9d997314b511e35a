/**
 * Jobs on BullMQ: one queue for each kind, so that each kind runs one at a time over all processes. Redis keeps only
 * what waits; what is to be done is derived from the log and the stores. https://docs.bullmq.io
 */
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { refuse } from '../../domain/errors.ts';
import type { JobHandler, Jobs } from '../port.ts';

export interface BullJobsOptions {
  /** `redis://…` */
  readonly url: string;
  readonly onError: (name: string, error: unknown) => void;
  /** of the keys in Redis; default `strongroom` */
  readonly prefix?: string;
}

type Data = Readonly<Record<string, string>>;

const JOB = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: true,
  removeOnFail: 100,
};
const ID = /^[A-Za-z][\w-]{0,200}$/;

/** @throws StrongroomError STORAGE_UNAVAILABLE when Redis cannot be reached */
export async function openBullJobs({ url, onError, prefix = 'strongroom' }: BullJobsOptions): Promise<Jobs> {
  const connection = await connect(url, onError);
  const handlers = new Map<string, JobHandler>();
  const schedules = new Map<string, number>();
  const queues = new Map<string, Queue>();
  const workers: Worker[] = [];
  const failures: Record<string, number> = {};
  const stop = new AbortController();

  function queueOf(name: string): Queue {
    const known = queues.get(name);
    if (known) return known;
    const queue = new Queue(name, { connection, prefix, defaultJobOptions: JOB });
    queue.on('error', error => onError(name, error));
    queues.set(name, queue);
    return queue;
  }

  function work(name: string, handler: JobHandler): Worker {
    const worker = new Worker(name, async job => handler(job.data as Data, { signal: stop.signal }), {
      connection,
      prefix,
      concurrency: 1,
      autorun: false,
      // a worker that dies is noticed after this long, and its job is run again by another
      lockDuration: 30_000,
    });
    worker.on('error', error => onError(name, error));
    worker.on('failed', (_job, error) => {
      failures[name] = (failures[name] ?? 0) + 1;
      onError(name, error);
    });
    return worker;
  }

  return {
    define: (name, handler) => void handlers.set(name, handler),
    every: (name, ms) => void schedules.set(name, ms),
    async enqueue(name, id, data = {}) {
      if (!handlers.has(name)) throw new Error(`no job ${name} is defined`);
      // BullMQ takes neither integers nor colons as ids
      if (!ID.test(id)) throw refuse('REQUEST_INVALID', `${id} cannot be the id of a job`);
      await queueOf(name).add(name, data, { jobId: id });
    },
    async start() {
      for (const [name, handler] of handlers) {
        const queue = queueOf(name);
        await queue.setGlobalConcurrency(1);
        const ms = schedules.get(name);
        if (ms !== undefined)
          await queue.upsertJobScheduler(`every-${name}`, { every: ms }, { name, opts: JOB });
        const worker = work(name, handler);
        workers.push(worker);
        worker.run().catch(error => onError(name, error));
      }
    },
    failures: () => failures,
    async close() {
      stop.abort();
      await Promise.all(workers.map(worker => worker.close()));
      await Promise.all([...queues.values()].map(queue => queue.close()));
      connection.disconnect();
    },
  };
}

async function connect(url: string, onError: BullJobsOptions['onError']): Promise<Redis> {
  // BullMQ wants no limit of retries on what its workers block on
  const connection = new Redis(url, { maxRetriesPerRequest: null, lazyConnect: true });
  connection.on('error', error => onError('redis', error));
  try {
    await connection.connect();
    return connection;
  } catch (error) {
    connection.disconnect();
    throw Object.assign(
      refuse('STORAGE_UNAVAILABLE', 'Redis cannot be reached: check STRONGROOM_REDIS_URL'),
      { cause: error },
    );
  }
}
