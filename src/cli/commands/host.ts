/** What works on this host itself: the server, and what its owner may do past users and policies. */
import { access } from 'node:fs/promises';
import type { Command } from 'commander';
import { VERSION } from '../../main/version.ts';
import { type Cli, command, group } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { readSecret } from '../io.ts';

/** A setting of the server, with its default. */
export interface Setting {
  readonly name: string;
  readonly meaning: string;
  readonly fallback: string;
}

export function registerHost(program: Command, cli: Cli, settings: readonly Setting[]): void {
  command(program, 'start', {
    summary: 'Start the registry here, in the foreground',
    example: 'start',
    more: describeSettings(settings),
  }).action(async () => {
    // loaded only here: the other commands are done before the server would be read
    const { start } = await import('../../main.ts');
    await start();
  });
  command(program, 'version', { summary: 'Print the version', example: 'version' }).action(() =>
    cli.print.item({ version: VERSION, node: process.version }, VERSION, value => ({ fields: value })),
  );
  registerAdmin(program, cli);
}

function describeSettings(settings: readonly Setting[]): string {
  const width = Math.max(0, ...settings.map(({ name }) => name.length));
  const lines = settings.map(({ name, meaning, fallback }) => {
    const told = fallback === '' ? meaning : `${meaning} [${fallback}]`;
    return `  ${name.padEnd(width)}  ${told}`;
  });
  return ['Environment:', ...lines].join('\n');
}

function registerAdmin(program: Command, cli: Cli): void {
  const admin = group(
    program,
    'admin',
    'For the owner of the host: works without logging in, also while the server runs',
  );
  command(admin, 'reset-password', {
    summary: 'Give a user a new password; admin also gets the role back',
    example: 'admin reset-password',
    more: 'Without --password-stdin a password is made up and printed.',
  })
    .option('--user <name>', 'whose', 'admin')
    .option('--password-stdin', 'read the password from stdin')
    .action(async ({ user, passwordStdin }: { user: string; passwordStdin?: boolean }) => {
      const given = passwordStdin
        ? await readSecret(cli.io, 'Password', { stdin: true, option: '--password-stdin' })
        : undefined;
      const reply = (await onHost(cli, { kind: 'reset-password', name: user, password: given })) as {
        password: string;
      };
      if (given !== undefined) return cli.print.done(`${user} has the new password`);
      return cli.print.done(`${user} has the password ${reply.password} (shown only now)`, {
        body: reply,
        id: reply.password,
      });
    });
  command(admin, 'break-glass <attachment>', {
    summary: 'Take a policy off past the gate, when it locks everybody out; recorded with its reason',
    example: 'admin break-glass 0b6a4a34-9f0e-4b46-8a37-5a2d3c4e5f60 --reason "denies its own removal"',
  })
    .requiredOption('--reason <text>', 'why: it is recorded')
    .action(async (attachmentId: string, { reason }: { reason: string }) => {
      const reply = await onHost(cli, { kind: 'break-glass', attachmentId, reason });
      await cli.print.done(`${attachmentId} was taken off`, { body: reply });
    });
}

type HostCommand = Parameters<typeof import('../../main.ts').runOnHost>[1];

/** The settings of the server on this host. stdout is the command's: what the server would log does not belong there. */
export async function configOf({ io }: Cli) {
  const { ConfigError, readConfig } = await import('../../config.ts');
  try {
    return { ...readConfig(io.env), logLevel: 'silent' as const };
  } catch (error) {
    throw error instanceof ConfigError ? new UsageError(error.message) : error;
  }
}

/** Through the running server when there is one, else on its data. @throws UsageError when there is no data */
export async function onHost(
  cli: Cli,
  wanted: HostCommand,
  onProgress?: Parameters<typeof import('../../main.ts').runOnHost>[2],
): Promise<unknown> {
  const [config, { runOnHost }] = await Promise.all([configOf(cli), import('../../main.ts')]);
  // a wrong folder would quietly become a second, empty installation
  await access(config.data).catch(() => {
    throw new UsageError(
      `there is no data in ${config.data}: name its folder in STRONGROOM_DATA, or start the server first`,
    );
  });
  return runOnHost(config, wanted, onProgress);
}
