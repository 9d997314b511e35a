/** Logging in and out. What is kept is a token, never a password. */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { type Cli, command, segment, userAgent } from '../cli.ts';
import { type Client, createClient } from '../client.ts';
import {
  basic,
  bearer,
  isExposed,
  type Profile,
  parseUrl,
  readConfig,
  removeProfile,
  saveProfile,
} from '../config.ts';
import { EXIT, Refused, UsageError } from '../errors.ts';
import { ask, isInteractive, readSecret } from '../io.ts';
import { formatScope, type NamedScope } from './scope.ts';
import { issue, pathOfTokens } from './token.ts';

interface Whoami {
  readonly id: string;
  readonly kind: string;
  readonly authentication: string;
  readonly name?: string;
  readonly roles: readonly ({ readonly role: string } & NamedScope)[];
  readonly limits?: {
    readonly actions?: readonly string[];
    readonly scopes?: readonly NamedScope['scope'][];
  };
}

interface LoginOptions {
  readonly user?: string;
  readonly passwordStdin?: boolean;
  readonly token?: boolean;
}

export function registerLogin(program: Command, cli: Cli): void {
  command(program, 'login <url>', {
    summary: 'Log in, and keep a token for the commands that follow',
    example: 'login http://127.0.0.1:8080 --user admin',
    more: 'A password is asked for, and a token labelled “cli on <host>” is made with it; only the token is kept.',
  })
    .option('--user <name>', 'who (or STRONGROOM_USER)')
    .option('--password-stdin', 'read the password from stdin')
    .option('--token', 'log in with a token, from stdin or asked for, instead of a password')
    .action((url: string, options: LoginOptions) => login(cli, parseUrl(url), options));
  command(program, 'logout', {
    summary: 'Forget the log-in, and revoke the token that it made',
    example: 'logout',
  }).action(() => logout(cli));
  command(program, 'whoami', {
    summary: 'Who you are for the server, and your roles',
    example: 'whoami',
  }).action(async () => {
    const client = await cli.client();
    const me = await client.get<Whoami>('/whoami');
    await cli.print.item(me, me.name ?? me.id, value => ({ fields: describe(value, client.url) }));
    if (me.kind === 'anonymous') cli.exitCode = EXIT.unauthenticated;
  });
}

const describe = ({ name, kind, id, authentication, roles, limits }: Whoami, server: string) => ({
  name,
  kind,
  id,
  server,
  'logged in by': authentication,
  roles: roles.map(grant => `${grant.role} at ${formatScope(grant)}`),
  'token may only': limits?.actions?.join(', '),
});

async function login(cli: Cli, url: string, options: LoginOptions): Promise<void> {
  if (options.token && (options.passwordStdin || options.user))
    throw new UsageError('log in with a token or a password');
  if (isExposed(url))
    await cli.print.note(`note: ${url} is not encrypted: who listens on the way reads the password`);
  const before = (await readConfig(cli.configPath)).profiles[cli.profile];
  const { token, issued } = options.token ? await givenToken(cli) : await issueToken(cli, url, options);
  const client = createClient({ url, authorization: bearer(token), userAgent });
  const me = await client.get<Whoami>('/whoami');
  const profile: Profile = { url, token, issued, ...(me.name === undefined ? {} : { user: me.name }) };
  await saveProfile(cli.configPath, cli.profile, profile);
  if (before?.issued && before.url === url) await revoke(client, before.token).catch(() => undefined);
  await cli.print.done(`Logged in to ${url} as ${me.name ?? me.id}`, {
    body: { url, user: me.name, profile: cli.profile },
  });
}

async function givenToken({ io }: Cli) {
  const token = await readSecret(io, 'Token', { stdin: !isInteractive(io), option: '--token' });
  if (!/^[!-~]+$/.test(token)) throw new UsageError('that is not a token');
  return { token, issued: false };
}

async function issueToken({ io }: Cli, url: string, { user: named, passwordStdin }: LoginOptions) {
  const user =
    named ??
    io.env.STRONGROOM_USER ??
    (isInteractive(io) ? (await ask(io, 'User [admin]: ')) || 'admin' : 'admin');
  const password =
    (passwordStdin ? undefined : io.env.STRONGROOM_PASSWORD) ??
    (await readSecret(io, 'Password', { stdin: passwordStdin, option: '--password-stdin' }));
  const client = createClient({ url, authorization: basic(user, password), userAgent });
  const label = `cli on ${hostname()}`.slice(0, 200);
  return { token: (await issue(client, 'me', { label })).token, issued: true };
}

async function logout(cli: Cli): Promise<void> {
  const profile = (await readConfig(cli.configPath)).profiles[cli.profile];
  if (!profile) return cli.print.note('you were not logged in');
  if (profile.issued)
    await revoke(
      createClient({ url: profile.url, authorization: bearer(profile.token), userAgent }),
      profile.token,
    );
  await removeProfile(cli.configPath, cli.profile);
  const revoked = profile.issued ? 'its token is revoked' : 'its token was given by you and stays valid';
  await cli.print.done(`Logged out of ${profile.url}; ${revoked}`);
}

/** A token that is refused has been revoked, or has expired: that is what was wanted. */
async function revoke(client: Client, token: string): Promise<void> {
  const id = /^sr_(.+)_[^_]+$/.exec(token)?.[1] ?? '';
  try {
    await client.send('DELETE', `${pathOfTokens('me')}/${segment(id)}`);
  } catch (error) {
    if (!(error instanceof Refused) || error.problem.status !== 401) throw error;
  }
}
