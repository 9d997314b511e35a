/** What to tell a client so that it works with a repository. */
import type { Command } from 'commander';
import { type Cli, command } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { parseRepository } from '../reference.ts';
import { SETUP_FORMATS, setupSteps } from '../setup.ts';
import { pathOf } from './project.ts';

const PLACEHOLDER = '<token>';

export function registerSetup(program: Command, cli: Cli): void {
  command(program, 'setup <format> [repository]', {
    summary: 'Print the configuration that clients of a format need for a repository',
    example: 'setup npm main/npm',
    more: `Formats: ${SETUP_FORMATS.join(', ')}. Without a repository: main/<format>. A token is made by “strongroom token create”.`,
  })
    .option('--token <token>', 'put it in, instead of a place for it')
    .option('--user <name>', 'the log-in name', 'token')
    .action(async (format: string, name: string | undefined, options: { token?: string; user: string }) => {
      const { project, repository } = parseRepository(name ?? `main/${format}`);
      if (!SETUP_FORMATS.includes(format))
        throw new UsageError(`there is no format ${format}: use one of ${SETUP_FORMATS.join(', ')}`);
      const client = await cli.client();
      const found = await client.get<{ format: string }>(pathOf({ project, repository }));
      const place = `${project}/${repository}`;
      if (found.format !== format)
        throw new UsageError(`${place} is for ${found.format}: strongroom setup ${found.format} ${place}`);
      const { token = PLACEHOLDER, user } = options;
      const steps = setupSteps(format, { url: client.url, project, repository, token, user }) ?? [];
      const text = steps.map(step => `# ${step.title}\n${step.text}`).join('\n\n');
      await cli.print.done(text, { body: { format, repository: `${project}/${repository}`, steps } });
    });
}
