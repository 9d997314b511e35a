/** The command line. Commands are thin clients of the management API; `start` and `admin` work on this host. */
import { pathToFileURL } from 'node:url';
import { Command, CommanderError } from 'commander';
import { VERSION } from '../main/version.ts';
import { type Cli, createCli, wholeNumber } from './cli.ts';
import { registerAccess } from './commands/access.ts';
import { registerArchives } from './commands/archive.ts';
import { registerArtifacts } from './commands/artifact.ts';
import { registerDecisions } from './commands/decision.ts';
import { registerEvents } from './commands/events.ts';
import { registerHost, type Setting } from './commands/host.ts';
import { registerLogin } from './commands/login.ts';
import { registerOperations } from './commands/operations.ts';
import { registerPolicies } from './commands/policy.ts';
import { registerProjects } from './commands/project.ts';
import { registerPromotions } from './commands/promotion.ts';
import { registerSetup } from './commands/setup.ts';
import { registerTokens } from './commands/token.ts';
import { EXIT, exitCodeOf, explain } from './errors.ts';
import { type Io, processIo } from './io.ts';

const AFTER = `
Names: <project>, <project>/<repository>, <project>/<repository>/<package>:<tag> or …@<version>, as in an image's name.

Environment: STRONGROOM_URL, and STRONGROOM_TOKEN or STRONGROOM_USER with STRONGROOM_PASSWORD, go before what
strongroom login stored.

Exit codes: 0 done, 1 refused or different, 2 wrong usage, 3 server not reached, 4 not logged in.`;

/** All commands, in the order of the help. */
export function createProgram(
  io: Io,
  settings: readonly Setting[] = [],
): { readonly program: Command; readonly cli: Cli } {
  const program = new Command('strongroom')
    .description('An artifact registry that keeps its books like a bank')
    .version(VERSION, '-V, --version')
    .option('--json', 'print what the API gives, as JSON')
    .option('--limit <n>', 'how many items of a list (tables: 100 unless told; JSON: all)', wholeNumber)
    .option('-q, --quiet', 'only ids or names, one a line; no notes, no progress')
    .option('--profile <name>', 'which log-in to use, where there are several')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: text => void io.stdout.write(text),
      writeErr: text => void io.stderr.write(text),
    })
    .exitOverride()
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', AFTER);
  const cli = createCli(program, io);
  registerHost(program, cli, settings);
  registerArchives(program, cli);
  for (const register of [
    registerLogin,
    registerSetup,
    registerProjects,
    registerArtifacts,
    registerPromotions,
    registerAccess,
    registerTokens,
    registerPolicies,
    registerDecisions,
    registerEvents,
    registerOperations,
  ])
    register(program, cli);
  return { program, cli };
}

/**
 * Runs one command.
 * @param argv as in `process.argv`: the program's two words first
 * @returns the exit code: 0 done, 1 refused or different, 2 wrong usage, 3 server not reached, 4 not logged in
 */
export async function run(argv: readonly string[], io: Io = processIo()): Promise<number> {
  // the schema of settings is not worth loading for any other command
  const settings = argv.includes('start') ? (await import('../config.ts')).settings() : [];
  const { program, cli } = createProgram(io, settings);
  try {
    await program.parseAsync([...argv]);
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return helpWasAsked(error) ? EXIT.ok : EXIT.usage;
    io.stderr.write(`${explain(error)}\n`);
    return exitCodeOf(error);
  }
}

const helpWasAsked = ({ code }: CommanderError) =>
  code === 'commander.helpDisplayed' || code === 'commander.version';

/** `strongroom … | head` is no error. */
function endQuietlyWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.on('error', endQuietlyWithReader);
  process.exitCode = await run(process.argv);
}
