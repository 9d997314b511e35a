/** The work beside requests: what it is and how often. */
import { systemCaller } from '../application/caller.ts';
import { collect } from '../application/collect.ts';
import { expireDownloads } from '../application/expire.ts';
import { resumePromotions } from '../application/promote.ts';
import { sealDownloads } from '../application/seal.ts';
import type { Jobs } from '../jobs/port.ts';
import type { System } from './system.ts';

const MINUTE = 60_000;

/** What every process does for itself: its own counters and its own journal. */
export function startHousekeeping({ core, stores, logger, node }: System): () => void {
  const work = async () => {
    await core.denials.flush();
    await core.downloads.flush();
    await sealDownloads(core, stores.journal, node);
    await core.access.vault.purge();
  };
  const run = () =>
    work().catch(error => logger.error({ error: String(error) }, 'housekeeping failed, it runs again'));
  const timer = setInterval(run, MINUTE);
  timer.unref();
  void run();
  return () => clearInterval(timer);
}

/** What is done once for the installation, wherever a worker is free. */
export function defineJobs(jobs: Jobs, system: System): void {
  const { core, config, logger } = system;
  jobs.define('collect', async (_data, { signal }) => {
    const report = await collect(core, systemCaller(core.newId()), { signal });
    logger.info(report, 'unreferenced bytes were collected');
  });
  jobs.define('expire-uploads', async () => {
    const expired = await core.blobs.expireUploads(core.now().getTime() - config.leaseMs);
    if (expired.length > 0) logger.info({ uploads: expired.length }, 'abandoned uploads were removed');
  });
  jobs.define('resume-promotions', async () => {
    await resumePromotions(core);
  });
  jobs.define('expire-downloads', async (_data, { signal }) => {
    const report = await expireDownloads(core, { retentionMs: config.downloadRetentionMs, signal });
    if (report.expired > 0) logger.info(report, 'records of downloads have expired');
  });
  if (config.downloadRetentionMs > 0) jobs.every('expire-downloads', 60 * MINUTE);
  if (config.collectMs > 0) jobs.every('collect', config.collectMs);
  jobs.every('expire-uploads', Math.min(config.leaseMs, 60 * MINUTE));
  jobs.every('resume-promotions', MINUTE);
}
