/** A worker process that begins a job and never ends it: `bullmq-worker.ts <url> <prefix>`. */
import { openBullJobs } from '../../src/jobs/bullmq/jobs.ts';

const [url, prefix] = process.argv.slice(2) as [string, string];
const jobs = await openBullJobs({ url, prefix, lockMs: 300, onError: () => undefined });
jobs.define('deadly', data => {
  process.stdout.write(`working on ${data.n}\n`);
  return new Promise(() => undefined);
});
await jobs.start();
