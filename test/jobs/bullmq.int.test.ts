import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { openBullJobs } from '../../src/jobs/bullmq/jobs.ts';
import { jobsContract } from '../contracts/jobs.ts';
import { startRedis } from '../support/redis.ts';
import { describeWith } from '../support/services.ts';

describeWith(['redis'], 'BullMQ', () => {
  const redis = startRedis();
  afterAll(async () => (await redis)?.stop());
  let run = 0;
  const nextPrefix = () => `test-${process.pid}-${run++}`;

  jobsContract('Redis', async () => {
    const url = (await redis)?.url ?? '';
    const prefix = nextPrefix();
    return {
      shared: true,
      open: errors =>
        openBullJobs({
          url,
          prefix,
          retryMs: 20,
          onError: (_name, error) => void errors.push(String(error)),
        }),
    };
  });

  describe('a worker that is killed', () => {
    it('leaves its job to another, also twice', async () => {
      const url = (await redis)?.url ?? '';
      const prefix = nextPrefix();
      const jobs = await openBullJobs({ url, prefix, lockMs: 300, onError: () => undefined });
      onTestFinished(() => jobs.close());
      const { promise: done, resolve } = Promise.withResolvers<unknown>();
      jobs.define('deadly', async data => resolve(data));
      await jobs.enqueue('deadly', '1', { n: '1' });
      for (let death = 0; death < 2; death++) {
        const worker = spawn(process.execPath, [join(import.meta.dirname, 'bullmq-worker.ts'), url, prefix], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const [said] = await once(worker.stdout, 'data');
        expect(String(said)).toBe('working on 1\n');
        worker.kill('SIGKILL');
        await once(worker, 'exit');
      }
      await jobs.start();
      expect(await done).toEqual({ n: '1' });
      expect(jobs.failures()).toEqual({});
    });
  });

  describe('a kind that fails', () => {
    it('is tried three times, each told and counted', async () => {
      const url = (await redis)?.url ?? '';
      const told: string[] = [];
      const onError = (name: string, error: unknown) => void told.push(`${name}: ${error}`);
      const jobs = await openBullJobs({ url, prefix: nextPrefix(), retryMs: 5, onError });
      onTestFinished(() => jobs.close());
      jobs.define('broken', async () => {
        throw new Error('no luck');
      });
      await jobs.start();
      await jobs.enqueue('broken', '1');
      await expect.poll(() => jobs.failures().broken).toBe(3);
      expect(told).toEqual(Array(3).fill('broken: Error: no luck'));
    });
  });

  describe('a schedule that is gone', () => {
    it('is forgotten by the next start', async () => {
      const url = (await redis)?.url ?? '';
      const prefix = nextPrefix();
      const open = async (scheduled: boolean) => {
        const jobs = await openBullJobs({ url, prefix, onError: () => undefined });
        let runs = 0;
        jobs.define('tick', async () => void runs++);
        if (scheduled) jobs.every('tick', 20);
        await jobs.start();
        return { jobs, runs: () => runs };
      };
      const first = await open(true);
      await expect.poll(first.runs).toBeGreaterThan(1);
      await first.jobs.close();
      const second = await open(false);
      onTestFinished(() => second.jobs.close());
      const before = second.runs();
      await new Promise(resolve => setTimeout(resolve, 200));
      // at most the run that waited already
      expect(second.runs() - before).toBeLessThanOrEqual(1);
    });
  });

  describe('without Redis', () => {
    it('says what to check', async () => {
      const opening = openBullJobs({ url: 'redis://127.0.0.1:1', onError: () => undefined });
      await expect(opening).rejects.toMatchObject({
        code: 'STORAGE_UNAVAILABLE',
        message: /STRONGROOM_REDIS_URL/,
      });
    });

    it('refuses new runs soon when it is lost, and keeps no process from its end', async () => {
      const own = await startRedis({ own: true });
      const jobs = await openBullJobs({ url: own?.url ?? '', onError: () => undefined });
      jobs.define('late', async () => undefined);
      await jobs.start();
      await own?.stop();
      await expect(jobs.enqueue('late', '1')).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
      await jobs.close();
    });
  });
});
