/** Portable archives: they move an installation between machines, forms and versions. They work on this host. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Cli, command } from '../cli.ts';
import { EXIT } from '../errors.ts';
import { createProgress } from '../output/progress.ts';
import { count, size } from '../output/text.ts';
import { configOf, onHost } from './host.ts';

interface Counts {
  readonly events: number;
  readonly evidence: number;
  readonly blobs: number;
}

const describe = ({ events, evidence, blobs }: Counts) =>
  `${count(events, 'event')}, ${count(evidence, 'piece')} of evidence, ${count(blobs, 'blob')}`;

export function registerArchives(program: Command, cli: Cli): void {
  command(program, 'backup <file>', {
    summary: 'Write everything into an archive, also while the server runs',
    example: 'backup /var/backups/strongroom.tar',
    more: 'It holds secrets (verifiers and keys): keep it as safe as the data itself.',
  }).action(async (file: string) => {
    // the server that writes it has another working folder
    const command = { kind: 'backup' as const, file: resolve(file) };
    const work = (onProgress: OnProgress) => onHost(cli, command, onProgress);
    const report = (await counting(cli, 'backed up', work)) as Counts & { bytes: number };
    await cli.print.done(`Wrote ${file}: ${describe(report)}, ${size(report.bytes)}`, { body: report });
  });
  command(program, 'restore <file>', {
    summary: 'Fill an empty installation from an archive, while no server runs on it',
    example: 'restore /var/backups/strongroom.tar',
    more: 'STRONGROOM_DATA and the other settings say where to; the views are built at the next start.',
  }).action(async (file: string) => {
    await access(file);
    const [config, { restore }] = await Promise.all([configOf(cli), import('../../main.ts')]);
    const report = await counting(cli, 'restored', onProgress => restore(config, file, onProgress));
    await cli.print.done(`Restored ${describe(report)} into ${config.data}; epoch ${report.epoch} begins`, {
      body: report,
    });
  });
  command(program, 'verify <file>', {
    summary: 'Read an archive to its end: every digest, and whether all is there that events name',
    example: 'verify /var/backups/strongroom.tar',
    more: 'Ends with 1 when something is missing or damaged.',
  }).action(async (file: string) => {
    const { verify } = await import('../../main.ts');
    const report = await counting(cli, 'verified', onProgress => verify(file, onProgress));
    if (report.missing.length > 0) cli.exitCode = EXIT.refused;
    await cli.print.item(
      report,
      report.missing.join('\n') || 'complete',
      ({ head, missing, expired, ...counts }) => ({
        fields: {
          archive: missing.length === 0 ? 'complete' : 'incomplete',
          holds: describe(counts),
          'up to position': head,
          ...(expired > 0 ? { 'expired by retention': `${count(expired, 'hour')} of download records` } : {}),
          missing,
        },
      }),
    );
  });
}

type OnProgress = (so: { readonly phase: string; readonly done: number }) => void;

async function counting<T>(cli: Cli, verb: string, work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  const progress = createProgress(cli.io, cli.quiet);
  return work(({ phase, done }) => progress.update(`${verb} ${done} ${phase}`)).finally(() => progress.end());
}
