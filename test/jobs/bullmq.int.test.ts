import { afterAll, describe, expect, it } from 'vitest';
import { openBullJobs } from '../../src/jobs/bullmq/jobs.ts';
import { jobsContract } from '../contracts/jobs.ts';
import { startRedis } from '../support/redis.ts';
import { describeWith } from '../support/services.ts';

describeWith(['redis'], 'BullMQ', () => {
  const redis = startRedis();
  afterAll(async () => (await redis)?.stop());
  let run = 0;

  jobsContract('Redis', async () => {
    const url = (await redis)?.url ?? '';
    const prefix = `test-${process.pid}-${run++}`;
    return {
      shared: true,
      open: errors =>
        openBullJobs({ url, prefix, onError: (_name, error) => void errors.push(String(error)) }),
    };
  });

  describe('without Redis', () => {
    it('says what to check', async () => {
      const opening = openBullJobs({ url: 'redis://127.0.0.1:1', onError: () => undefined });
      await expect(opening).rejects.toMatchObject({
        code: 'STORAGE_UNAVAILABLE',
        message: /STRONGROOM_REDIS_URL/,
      });
    });
  });
});
