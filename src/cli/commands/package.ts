/** Packages: advice about versions, single files, staged versions, search. Commands of the group `artifact`. */
import type { Command } from 'commander';
import { type Cli, command } from '../cli.ts';
import { confirm } from '../io.ts';
import type { ListShape } from '../output/print.ts';
import { shortId, time } from '../output/text.ts';
import { formatPlace, parseArtifact, parseRepository } from '../reference.ts';
import { pathOf } from './project.ts';

interface Staged {
  readonly package: string;
  readonly version: string;
  readonly stagedBy: string;
  readonly stagedAt: string;
}

interface Found {
  readonly project: string;
  readonly repository: string;
  readonly format: string;
  readonly package: string;
}

const FOUND: ListShape<Found> = {
  what: 'packages',
  id: formatPlace,
  columns: [
    { title: 'PACKAGE', value: formatPlace },
    { title: 'FORMAT', value: ({ format }) => format },
  ],
};

export function registerPackages(artifact: Command, cli: Cli): void {
  registerAdvice(artifact, cli);
  registerStaged(artifact, cli);
  command(artifact, 'describe <artifact>', {
    summary: 'What a version says about itself: summary, licence, dependencies, README',
    example: 'artifact describe main/npm/@acme/widget:latest',
  }).action(async (name: string) => {
    const said = await (await cli.client()).get<Record<string, unknown>>('/artifact/description', {
      ...parseArtifact(name),
    });
    await cli.print.item(said, name, ({ readme, dependencies, authors, keywords, ...rest }) => ({
      fields: {
        ...(rest as Record<string, string>),
        keywords: Array.isArray(keywords) ? keywords.join(', ') : undefined,
        authors: Array.isArray(authors) ? authors.map(({ name: who }) => who).join(', ') : undefined,
        dependencies: Array.isArray(dependencies)
          ? dependencies.map(({ name: on, requirement = '' }) => `${on} ${requirement}`.trim()).join(', ')
          : undefined,
      },
      tables: typeof readme === 'string' ? [readme] : [],
    }));
  });
  command(artifact, 'search <words...>', {
    summary: 'Find packages by words in their name, summary and keywords',
    example: 'artifact search http client',
  })
    .option('--format <format>', 'only packages of this format')
    .action(async (words: string[], { format }: { format?: string }) => {
      const { list, most } = cli.print;
      const client = await cli.client();
      await list(client.items<Found>('/search', { q: words.join(' '), format }, most + 1), FOUND);
    });
  command(artifact, 'delete-file <artifact> <file>', {
    summary: 'Delete one file of a version with its sidecars; it cannot be restored',
    example: 'artifact delete-file main/python/widget@1.0 widget-1.0.tar.gz',
  })
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, file: string, { yes }: { yes?: boolean }) => {
      await confirm(cli.io, `Delete ${file} of ${name} for good?`, yes);
      await (await cli.client()).send('POST', '/artifact/file/delete', { ...parseArtifact(name), file });
      await cli.print.done(`Deleted ${file} of ${name}`);
    });
}

function registerAdvice(artifact: Command, cli: Cli): void {
  command(artifact, 'deprecate <artifact> [message]', {
    summary: 'Advise against a version, as its clients show it; without a message the advice is taken back',
    example: 'artifact deprecate main/npm/@acme/widget@1.0.0 "use 2.x"',
  }).action(async (name: string, message?: string) => {
    await (await cli.client()).send('POST', '/artifact/deprecate', { ...parseArtifact(name), message });
    await cli.print.done(message === undefined ? `${name} is not deprecated any more` : `Deprecated ${name}`);
  });
  command(artifact, 'yank <artifact>', {
    summary: 'Let no range choose a version any more; who names it exactly still gets it',
    example: 'artifact yank main/python/widget@1.0 --reason "broken on 3.12"',
  })
    .option('--reason <text>', 'why')
    .option('--undo', 'let it be chosen again')
    .action(async (name: string, options: { reason?: string; undo?: boolean }) => {
      await (await cli.client()).send('POST', '/artifact/yank', { ...parseArtifact(name), ...options });
      await cli.print.done(options.undo ? `${name} is chosen again` : `Yanked ${name}`);
    });
}

function registerStaged(artifact: Command, cli: Cli): void {
  command(artifact, 'staged <repository>', {
    summary: 'List versions that were published as staged and wait for approval',
    example: 'artifact staged main/npm',
  }).action(async (repository: string) => {
    const of = parseRepository(repository);
    const nameOf = (row: Staged) => formatPlace({ ...of, package: row.package, version: row.version });
    const client = await cli.client();
    const { items } = await client.get<{ items: Staged[] }>(`${pathOf(of)}/staged`);
    await cli.print.list(each(items), {
      what: 'staged versions',
      id: nameOf,
      columns: [
        { title: 'VERSION', value: nameOf },
        { title: 'SINCE', value: ({ stagedAt }) => time(stagedAt) },
        { title: 'BY', value: ({ stagedBy }) => shortId(stagedBy) },
      ],
    });
  });
  command(artifact, 'approve <artifact>', {
    summary: 'Approve a staged version: from then on it can be had',
    example: 'artifact approve main/npm/@acme/widget@2.0.0',
  }).action(async (name: string) => {
    await (await cli.client()).send('POST', '/artifact/approve', parseArtifact(name));
    await cli.print.done(`Approved ${name}`);
  });
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
