/** The server: a system, a listener, jobs, and an orderly end. */
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Operations } from '../http/api/route.ts';
import { ROUTES } from '../http/api/routes/index.ts';
import { createApp } from '../http/app.ts';
import { createIdentify } from '../http/identify.ts';
import { createMetrics, type Metrics } from '../http/metrics.ts';
import { createLocalJobs } from '../jobs/local.ts';
import type { Jobs } from '../jobs/port.ts';
import { PROTOCOLS } from '../protocols/index.ts';
import { listenOnHost } from './host.ts';
import { defineJobs, startHousekeeping } from './jobs.ts';
import { openSystem, type System } from './system.ts';
import { VERSION } from './version.ts';

export interface Running {
  readonly system: System;
  readonly url: string;
  /** where a generated password was written, or the password itself when a terminal is attached */
  readonly login: { readonly shown?: string; readonly file?: string };
  /** Finishes what runs, then closes everything. */
  close(): Promise<void>;
}

export async function startServer(
  config: Config,
  options: { terminal: boolean; onBroken: (error: Error) => void },
): Promise<Running> {
  const system = await openSystem(config, options.onBroken);
  const login = await tellPassword(system, options.terminal);
  const jobs = await openJobs(system);
  defineJobs(jobs, system);
  const stopHousekeeping = startHousekeeping(system);
  const metrics = createMetrics();
  describe(metrics, system, jobs);
  const app = config.role === 'worker' ? undefined : createServer(system, metrics, jobs);
  await app?.listen({ host: config.host, port: config.port });
  const host = await listenOnHost(system);
  if (config.role !== 'app') await jobs.start();
  return {
    system,
    login,
    url: app ? urlOf(config, app.server.address() as AddressInfo) : '',
    async close() {
      // no new work, then the end of what runs, then the stores
      await app?.close();
      await host.close();
      await jobs.close();
      stopHousekeeping();
      await system.close();
    },
  };
}

function createServer(system: System, metrics: Metrics, jobs: Jobs) {
  const { core, consistency, registry, authenticator, logger, config } = system;
  const identify = createIdentify({
    ...{ authenticator, consistency },
    trustedProxies: config.trustedProxies,
    secure: config.tls !== undefined,
  });
  const vault = core.access.vault;
  const context = { core, consistency, operations: operationsOf(system, jobs) };
  return createApp({
    ...{ registry, identify, metrics, logger, tls: config.tls, protocols: PROTOCOLS },
    maxFileBytes: config.maxBlobBytes,
    api: { ...context, routes: ROUTES, identify, metrics, logger, vault, version: VERSION },
    health: { ready: () => readiness(system) },
  });
}

function operationsOf(system: System, jobs: Jobs): Operations {
  const { runner, logger, config } = system;
  let rebuilding: Promise<void> | undefined;
  return {
    viewsStatus: () => runner.status(),
    rebuildViews() {
      if (rebuilding) return;
      rebuilding = runner
        .rebuild()
        .catch(error => logger.error({ error: String(error) }, 'the views could not be rebuilt'))
        .finally(() => {
          rebuilding = undefined;
        });
    },
    async examine() {
      const { ready, checks } = await readiness(system);
      const { log } = system.core;
      return {
        ready,
        checks,
        version: VERSION,
        node: process.version,
        log: { id: log.logId, epoch: log.epoch, head: await log.head() },
        views: runner.status(),
        jobs: { failures: jobs.failures() },
        data: config.data,
      };
    },
  };
}

async function readiness({ core, runner }: System) {
  const status = runner.status();
  const check = async (work: () => Promise<unknown>) => {
    try {
      await work();
      return 'ok';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const [log, blobs] = await Promise.all([check(() => core.log.head()), check(() => core.blobs.check())]);
  const views = status.state === 'following' ? 'ok' : `the views are ${status.state}`;
  const checks = { log, blobs, views };
  return { ready: Object.values(checks).every(text => text === 'ok'), checks };
}

function describe(metrics: Metrics, { runner, stores }: System, jobs: Jobs): void {
  metrics.gauge(
    'strongroom_views_lag_events',
    'Events that the views have not applied',
    () => runner.status().lag.events ?? 0,
  );
  metrics.gauge(
    'strongroom_views_lag_seconds',
    'Since when events wait for the views',
    () => runner.status().lag.seconds,
  );
  metrics.gauge(
    'strongroom_memory_cache_bytes',
    'Small blobs kept in memory',
    () => stores.blobs.cacheUsage().bytes,
  );
  metrics.gauge('strongroom_jobs_failed', 'Runs of jobs that failed since the start', () =>
    Object.values(jobs.failures()).reduce((sum, count) => sum + count, 0),
  );
}

async function openJobs({ config, logger, core }: System): Promise<Jobs> {
  const onError = (name: string, error: unknown) =>
    logger.error({ job: name, error: String(error) }, 'a job failed');
  if (!config.redisUrl) return createLocalJobs({ onError });
  const { openBullJobs } = await import('../jobs/bullmq/jobs.ts');
  // installations that share a Redis do not do each other's work
  return openBullJobs({ url: config.redisUrl, onError, prefix: `strongroom-${core.log.logId}` });
}

/** Never into a log: to the terminal that a person looks at, else to a file that only this user reads. */
async function tellPassword({ config, firstStart }: System, terminal: boolean): Promise<Running['login']> {
  const password = firstStart.generatedPassword;
  if (password === undefined) return {};
  if (terminal) return { shown: password };
  const file = join(config.data, 'initial-admin-password');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  return { file };
}

function urlOf(config: Config, address: AddressInfo): string {
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${config.tls ? 'https' : 'http'}://${host}:${address.port}`;
}
