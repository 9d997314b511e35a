/** What every command works with: the global options, the client that they lead to, and the printer. */
import { type Command, InvalidArgumentError } from 'commander';
import { VERSION } from '../main/version.ts';
import { type Client, createClient } from './client.ts';
import { configPath, connectionOf, DEFAULT_PROFILE, readConfig } from './config.ts';
import { UsageError } from './errors.ts';
import type { Io } from './io.ts';
import { createPrinter, type Printer } from './output/print.ts';

interface Globals {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly limit?: number;
  readonly profile?: string;
}

export interface Cli {
  readonly io: Io;
  readonly quiet: boolean;
  readonly json: boolean;
  /** of --limit, when it was given */
  readonly limit: number | undefined;
  readonly profile: string;
  readonly configPath: string;
  readonly print: Printer;
  /** The server of the environment or the profile. */
  client(): Promise<Client>;
  /** The outcome when the command itself went well: 1 when it found a difference. */
  exitCode: number;
}

/** Reads the global options when a command asks: they are known only then. */
export function createCli(program: Command, io: Io): Cli {
  const globals = () => program.opts<Globals>();
  return {
    io,
    exitCode: 0,
    get quiet() {
      return globals().quiet === true;
    },
    get json() {
      return globals().json === true;
    },
    get limit() {
      return globals().limit;
    },
    get profile() {
      return globals().profile ?? DEFAULT_PROFILE;
    },
    get configPath() {
      return configPath(io.env);
    },
    get print() {
      const { json = false, quiet = false, limit } = globals();
      return createPrinter(io, { json, quiet, limit });
    },
    async client() {
      const { profiles } = await readConfig(this.configPath);
      const known = profiles[this.profile];
      if (globals().profile !== undefined && !known)
        throw new UsageError(
          `there is no profile ${this.profile}: strongroom login <url> --profile ${this.profile}`,
        );
      const connection = connectionOf(io.env, known);
      if (connection.authorization === undefined)
        await this.print.note('note: not logged in; only what is public shows');
      return createClient({ ...connection, userAgent });
    },
  };
}

export const userAgent = `strongroom-cli/${VERSION}`;

export interface CommandText {
  readonly summary: string;
  /** without the program's name */
  readonly example: string;
  /** more for --help */
  readonly more?: string;
}

/** A command with what its --help tells: a line about it and one example. */
export function command(parent: Command, use: string, { summary, example, more }: CommandText): Command {
  const made = parent.command(use).description(summary);
  return made.addHelpText('after', `${more ? `\n${more}\n` : ''}\nExample:\n  $ strongroom ${example}`);
}

/** A group of commands. */
export function group(parent: Command, name: string, summary: string): Command {
  return parent.command(name).description(summary);
}

/** Collects an option that may be given several times. */
export const repeated = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** Collects an option that may be given several times and by comma. */
export const listed = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  ...value.split(',').filter(part => part !== ''),
];

/** Like `listed`, of certain words only. */
export function oneOf(words: readonly string[]) {
  return (value: string, before: readonly string[] = []): string[] => {
    const given = listed(value);
    const wrong = given.find(word => !words.includes(word));
    if (wrong !== undefined) throw new InvalidArgumentError(`${wrong} is none of ${words.join(', ')}.`);
    return [...before, ...given];
  };
}

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1.');
  return Number(text);
}

const UNITS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 };

/** `90m`, `12h`, `30d`, `8w`, `1y`, in milliseconds. */
export function duration(text: string): number {
  const [, number, unit = ''] = /^([1-9]\d{0,5})([mhdwy])$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It is a time such as 90m, 12h, 30d, 8w or 1y.');
  return Number(number) * (UNITS[unit] ?? 0) * 1000;
}

/** Parts of a path that a name must not break out of. */
export const segment = (text: string): string => encodeURIComponent(text);
