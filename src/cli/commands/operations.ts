/** For operators: views, collection, usage, self-examination. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Cli, command, group } from '../cli.ts';
import type { Client } from '../client.ts';
import { EXIT, Unreachable } from '../errors.ts';
import type { ListShape } from '../output/print.ts';
import { createProgress, meanwhile } from '../output/progress.ts';
import { count, size, time } from '../output/text.ts';
import { parseRepository } from '../reference.ts';
import { pathOf } from './project.ts';

interface Views {
  readonly state: string;
  readonly position: string;
  readonly head: string;
  readonly lag: { readonly seconds: number; readonly events?: number };
  readonly generation: number;
  readonly rebuilding: boolean;
  readonly rebuiltTo?: string;
  readonly reason?: string;
}

const describeViews = ({ state, position, head, lag, generation, rebuiltTo, reason }: Views) => ({
  state,
  position,
  head,
  behind: `${lag.events === undefined ? '' : `${count(lag.events, 'event')}, `}${lag.seconds.toFixed(1)} s`,
  generation,
  'rebuilt to': rebuiltTo,
  reason,
});

interface Collection {
  readonly runId: string;
  readonly startedAt: string;
  readonly completed: boolean;
  readonly completedAt: string | null;
  readonly examined: number;
  readonly removed: number;
  readonly bytes: number;
}

const COLLECTIONS: ListShape<Collection> = {
  what: 'collections',
  id: ({ runId }) => runId,
  columns: [
    { title: 'STARTED', value: ({ startedAt }) => time(startedAt) },
    {
      title: 'ENDED',
      value: ({ completed, completedAt }) => (completed ? time(completedAt) : 'not complete'),
    },
    { title: 'EXAMINED', value: ({ examined }) => examined, right: true },
    { title: 'REMOVED', value: ({ removed }) => removed, right: true },
    { title: 'FREED', value: ({ bytes }) => size(bytes), right: true },
    { title: 'RUN', value: ({ runId }) => runId },
  ],
};

interface Usage {
  readonly repositories?: number;
  readonly versions: number;
  readonly bytes: number;
  readonly downloads: number;
}

interface Examination {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
  readonly version: string;
  readonly node: string;
  readonly log: { readonly id: string; readonly epoch: number; readonly head: string };
  readonly views: Views;
  readonly jobs: { readonly failures: Readonly<Record<string, number>> };
  readonly data: string;
}

export function registerOperations(program: Command, cli: Cli): void {
  registerViews(group(program, 'views', 'What is computed from the log, and can be computed again'), cli);
  registerCollection(program, cli);
  command(program, 'usage [repository]', {
    summary: 'What the installation or a repository holds',
    example: 'usage main/oci',
  }).action(async (repository: string | undefined) => {
    const client = await cli.client();
    const usage =
      repository === undefined
        ? await client.get<Usage>('/usage')
        : (await client.get<{ usage: Usage }>(pathOf(parseRepository(repository)))).usage;
    await cli.print.item(usage, String(usage.bytes), ({ repositories, versions, bytes, downloads }) => ({
      fields: { repositories, versions, bytes: size(bytes), downloads },
    }));
  });
  command(program, 'doctor', {
    summary: 'Examine the installation: log, views, blobs, jobs',
    example: 'doctor',
    more: 'Ends with 1 when the server is not ready.',
  }).action(() => doctor(cli));
}

function registerViews(views: Command, cli: Cli): void {
  command(views, 'status', { summary: 'How far the views are', example: 'views status' }).action(async () => {
    const status = await (await cli.client()).get<Views>('/views');
    await cli.print.item(status, status.state, value => ({ fields: describeViews(value) }));
  });
  command(views, 'rebuild', {
    summary: 'Build all views anew beside the serving ones, then let them take over',
    example: 'views rebuild --wait',
  })
    .option('--wait', 'until they have taken over')
    .action(async ({ wait }: { wait?: boolean }) => {
      const client = await cli.client();
      const before = await client.get<Views>('/views');
      const body = await client.send('POST', '/views/rebuild');
      if (!wait)
        return cli.print.done('The views are rebuilt; strongroom views status tells how far it is', { body });
      const after = await takenOver(cli, client, before.generation);
      if (after.generation > before.generation)
        return cli.print.done(`The views were rebuilt: generation ${after.generation} serves`, {
          body: after,
        });
      cli.exitCode = EXIT.refused;
      return cli.print.note(
        `the views were not rebuilt: ${after.reason ?? 'the log of the server tells why'}`,
      );
    });
}

const POLL_MS = 250;
/** how long a rebuild may take to begin */
const BEGIN_MS = 15_000;

/** The status when the new generation serves, or when there will be none. */
async function takenOver(cli: Cli, client: Client, generation: number): Promise<Views> {
  const progress = createProgress(cli.io, cli.quiet);
  const began = performance.now();
  let seen = false;
  try {
    for (;;) {
      const status = await client.get<Views>('/views');
      if (status.generation > generation) return status;
      if (status.state === 'halted' || (seen && !status.rebuilding)) return status;
      if (!seen && performance.now() - began > BEGIN_MS) return status;
      seen ||= status.rebuilding;
      progress.update(`rebuilding: ${status.rebuiltTo ?? 'begins'} of ${status.head}`);
      await sleep(POLL_MS);
    }
  } finally {
    progress.end();
  }
}

function registerCollection(program: Command, cli: Cli): void {
  const gc = command(program, 'gc', {
    summary: 'Remove bytes that nothing names any more, while the server runs',
    example: 'gc --dry-run',
  })
    .option('--dry-run', 'only say what would be removed')
    .action(async ({ dryRun = false }: { dryRun?: boolean }) => {
      const client = await cli.client();
      const report = await collected(cli, client, dryRun);
      const { examined, removed, bytes } = report;
      const verb = dryRun ? 'Would remove' : 'Removed';
      await cli.print.done(`${verb} ${removed} of ${count(examined, 'blob')}: ${size(bytes)}`, {
        body: report,
        id: report.runId,
      });
    });
  command(gc, 'list', { summary: 'List past collections, newest first', example: 'gc list' }).action(
    async () => {
      const { list, most } = cli.print;
      await list((await cli.client()).items<Collection>('/collections', {}, most + 1), COLLECTIONS);
    },
  );
}

async function collected(cli: Cli, client: Client, dryRun: boolean): Promise<Collection> {
  try {
    return await meanwhile(cli, 'collecting', () =>
      client.send<Collection>('POST', '/collections', { dryRun }),
    );
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    throw new Unreachable(`${error.message}; strongroom gc list tells what was removed until then`);
  }
}

async function doctor(cli: Cli): Promise<void> {
  const found = await (await cli.client()).get<Examination>('/doctor');
  await cli.print.item(
    found,
    found.ready ? 'ready' : 'not ready',
    ({ ready, checks, log, views, jobs, ...rest }) => ({
      fields: {
        ready: ready ? 'yes' : 'no',
        ...checks,
        version: `${rest.version} on Node ${rest.node}`,
        'log id': log.id,
        'log epoch': log.epoch,
        'log head': log.head,
        'views at': views.position,
        'failed jobs':
          Object.entries(jobs.failures)
            .map(([name, times]) => `${name}: ${times}`)
            .join(', ') || 'none',
        data: rest.data,
      },
    }),
  );
  if (!found.ready) cli.exitCode = EXIT.refused;
}
