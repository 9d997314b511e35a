/** API tokens: what programs log in with. */
import type { Command } from 'commander';
import { ACTIONS } from '../../domain/values/actions.ts';
import { type Cli, command, duration, group, oneOf, repeated, segment } from '../cli.ts';
import type { Client } from '../client.ts';
import type { ListShape } from '../output/print.ts';
import { shortId, time } from '../output/text.ts';
import { parseScope } from '../reference.ts';

interface Token {
  readonly id: string;
  readonly label?: string;
  readonly issuedAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
  readonly limits: {
    readonly scopes?: readonly { readonly kind: string; readonly id?: string }[];
    readonly actions?: readonly string[];
  };
}

const TOKENS: ListShape<Token> = {
  what: 'tokens',
  id: ({ id }) => id,
  columns: [
    { title: 'TOKEN', value: ({ id }) => id },
    { title: 'LABEL', value: ({ label }) => label },
    { title: 'STATE', value: stateOf },
    { title: 'ISSUED', value: ({ issuedAt }) => time(issuedAt) },
    { title: 'EXPIRES', value: ({ expiresAt }) => (expiresAt === undefined ? 'never' : time(expiresAt)) },
    { title: 'MAY', value: ({ limits }) => limits.actions?.join(' ') ?? 'all its owner may' },
    {
      title: 'WHERE',
      value: ({ limits }) => limits.scopes?.map(({ kind, id }) => `${kind} ${shortId(id)}`).join(', '),
    },
  ],
};

function stateOf({ revokedAt, expiresAt }: Token): string {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'active';
}

export const pathOfTokens = (principal: string) => `/principals/${segment(principal)}/tokens`;

interface NewToken {
  readonly for: string;
  readonly label?: string;
  readonly expiresIn?: number;
  readonly scope?: readonly string[];
  readonly action?: readonly string[];
}

export function registerTokens(program: Command, cli: Cli): void {
  const token = group(program, 'token', 'API tokens; yours unless --for names somebody else');
  command(token, 'list', {
    summary: 'List tokens; what they are is never shown again',
    example: 'token list --for ci',
  })
    .option('--for <name>', 'whose', 'me')
    .action(async (options: { for: string }) => {
      const { items } = await (await cli.client()).get<{ items: Token[] }>(pathOfTokens(options.for));
      await cli.print.list(items, TOKENS);
    });
  command(token, 'create', {
    summary: 'Issue a token; it is shown this once',
    example: 'token create --for ci --expires-in 30d --scope main/oci --action pull',
    more: `Actions: ${ACTIONS.join(', ')}`,
  })
    .option('--for <name>', 'whose', 'me')
    .option('--label <text>', 'what it is for')
    .option('--expires-in <time>', 'e.g. 12h, 30d, 1y; without it: never', duration)
    .option('--scope <where>', 'only in this <project> or <project>/<repository>; may be repeated', repeated)
    .option('--action <action>', 'only this; may be repeated', oneOf(ACTIONS))
    .action((options: NewToken) => create(cli, options));
  command(token, 'revoke <token>', {
    summary: 'Revoke a token, by its id',
    example: 'token revoke 4f6c1c1e-1f57-4ad0-9d28-3f5b4e1f0a11',
  })
    .option('--for <name>', 'whose', 'me')
    .action(async (id: string, options: { for: string }) => {
      await (await cli.client()).send('DELETE', `${pathOfTokens(options.for)}/${segment(id)}`);
      await cli.print.done(`Revoked token ${id}`);
    });
}

async function create(cli: Cli, { for: owner, label, expiresIn, scope, action }: NewToken): Promise<void> {
  const body = await issue(await cli.client(), owner, {
    ...(label === undefined ? {} : { label }),
    ...(expiresIn === undefined ? {} : { expiresAt: new Date(Date.now() + expiresIn).toISOString() }),
    ...(scope === undefined ? {} : { scopes: scope.map(parseScope) }),
    ...(action === undefined ? {} : { actions: action }),
  });
  await cli.print.note(`Token ${body.id}, shown only now:`);
  await cli.print.done(body.token, { body, id: body.token });
}

interface Issued {
  readonly id: string;
  readonly token: string;
}

/** The server keeps no token: when its reply was lost on the way, that one is revoked, and another one made. */
export async function issue(client: Client, owner: string, wanted: object): Promise<Issued> {
  const first = await client.send<Issued>('POST', pathOfTokens(owner), wanted);
  if (first.token !== '') return first;
  await client.send('DELETE', `${pathOfTokens(owner)}/${segment(first.id)}`);
  return client.send<Issued>('POST', pathOfTokens(owner), wanted);
}
