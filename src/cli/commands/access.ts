/** Users, service accounts and roles. */
import { Argument, type Command } from 'commander';
import { ROLES } from '../../domain/values/actions.ts';
import { type Cli, command, group, segment } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { confirm, isInteractive, readSecret } from '../io.ts';
import type { ListShape } from '../output/print.ts';
import { shortId, time } from '../output/text.ts';
import { parseScope } from '../reference.ts';
import { chooseScope, formatNames } from './scope.ts';

interface Principal {
  readonly id: string;
  readonly name?: string;
  readonly kind: string;
  readonly disabled: boolean;
  readonly createdAt: string;
}

const PRINCIPALS: ListShape<Principal> = {
  what: 'users',
  id: ({ id, name }) => name ?? id,
  columns: [
    { title: 'NAME', value: ({ name }) => name ?? '(erased)' },
    { title: 'KIND', value: ({ kind }) => kind },
    { title: 'STATE', value: ({ disabled }) => (disabled ? 'disabled' : 'active') },
    { title: 'CREATED', value: ({ createdAt }) => time(createdAt) },
    { title: 'ID', value: ({ id }) => id },
  ],
};

interface Grant {
  readonly principal: string;
  readonly name?: string;
  readonly role: string;
  readonly grantedAt: string;
  readonly grantedBy: string;
}

const GRANTS: ListShape<Grant> = {
  what: 'roles',
  id: ({ principal, role }) => `${principal} ${role}`,
  columns: [
    { title: 'WHO', value: ({ name, principal }) => name ?? principal },
    { title: 'ROLE', value: ({ role }) => role },
    { title: 'SINCE', value: ({ grantedAt }) => time(grantedAt) },
    { title: 'BY', value: ({ grantedBy }) => shortId(grantedBy) },
    { title: 'ID', value: ({ principal }) => principal },
  ],
};

const pathOf = (principal: string) => `/principals/${segment(principal)}`;

export function registerAccess(program: Command, cli: Cli): void {
  const user = group(program, 'user', 'Users; service accounts too, except for their creation');
  registerUsers(user, cli);
  registerUserStates(user, cli);
  const account = group(program, 'service-account', 'Accounts of programs: they have tokens and no password');
  command(account, 'create <name>', {
    summary: 'Create a service account',
    example: 'service-account create ci',
  }).action(async (name: string) => {
    const body = await (await cli.client()).send<{ id: string }>('POST', '/principals', {
      name,
      kind: 'service-account',
    });
    await cli.print.done(
      `Created service account ${name}; a token for it: strongroom token create --for ${name}`,
      {
        ...{ body, id: body.id },
      },
    );
  });
  registerRoles(group(program, 'role', `Roles: ${ROLES.join(', ')}`), cli);
}

interface NewUser {
  readonly passwordStdin?: boolean;
  readonly password: boolean;
}

function registerUsers(user: Command, cli: Cli): void {
  command(user, 'list', { summary: 'List users and service accounts', example: 'user list' }).action(
    async () => {
      const { list, most } = cli.print;
      await list((await cli.client()).items<Principal>('/principals', {}, most + 1), PRINCIPALS);
    },
  );
  command(user, 'create <name>', {
    summary: 'Create a user; the password is asked for',
    example: 'user create alice --no-password',
  })
    .option('--password-stdin', 'read the password from stdin')
    .option('--no-password', 'without one: it is set later, or never')
    .action(async (name: string, { passwordStdin, password: wanted }: NewUser) => {
      const asked = wanted && (passwordStdin || isInteractive(cli.io));
      if (wanted && !asked)
        throw new UsageError('pipe the password in with --password-stdin, or give --no-password');
      const password = asked ? await newPassword(cli, passwordStdin) : undefined;
      const body = await (await cli.client()).send<{ id: string }>('POST', '/principals', {
        name,
        kind: 'user',
        password,
      });
      await cli.print.done(`Created user ${name}`, { body, id: body.id });
    });
  command(user, 'set-password [name]', {
    summary: 'Set a password, your own unless another user is named',
    example: 'user set-password alice',
  })
    .option('--password-stdin', 'read the password from stdin')
    .action(async (name: string | undefined, { passwordStdin }: { passwordStdin?: boolean }) => {
      const password = await newPassword(cli, passwordStdin);
      await (await cli.client()).send('PUT', `${pathOf(name ?? 'me')}/password`, { password });
      await cli.print.done(`Set the password of ${name ?? 'you'}`);
    });
}

const newPassword = (cli: Cli, stdin: boolean | undefined) =>
  readSecret(cli.io, 'New password', { stdin, repeat: true, option: '--password-stdin' });

function registerUserStates(user: Command, cli: Cli): void {
  command(user, 'disable <name>', {
    summary: 'Stop a user or service account from doing anything',
    example: 'user disable alice',
  }).action(async (name: string) => {
    await (await cli.client()).send('POST', `${pathOf(name)}/disable`);
    await cli.print.done(`Disabled ${name}`);
  });
  command(user, 'enable <name>', {
    summary: 'Let a disabled user or service account work again',
    example: 'user enable alice',
  }).action(async (name: string) => {
    await (await cli.client()).send('POST', `${pathOf(name)}/enable`);
    await cli.print.done(`Enabled ${name}`);
  });
  command(user, 'delete <name>', {
    summary: 'Delete a user or service account and erase their personal data for ever',
    example: 'user delete alice',
  })
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      await confirm(cli.io, `Delete ${name} and erase their personal data for ever?`, yes);
      await (await cli.client()).send('DELETE', pathOf(name));
      await cli.print.done(`Deleted ${name}`);
    });
}

function registerRoles(role: Command, cli: Cli): void {
  command(role, 'list [where]', {
    summary: 'List the roles granted at the instance, a project or a repository itself',
    example: 'role list main/oci',
  }).action(async (where: string | undefined) => {
    const names = where === undefined ? {} : { ...parseScope(where) };
    const { items } = await (await cli.client()).get<{ items: Grant[] }>('/grants', names);
    await cli.print.list(items, GRANTS);
  });
  for (const verb of ['grant', 'revoke'] as const) {
    const [summary, done] =
      verb === 'grant' ? ['Grant a role', 'is now'] : ['Take a role back', 'is no longer'];
    command(role, `${verb} <name>`, { summary, example: `role ${verb} alice contributor main/oci` })
      .addArgument(new Argument('<role>', 'which').choices(ROLES))
      .argument('[where]', '<project> or <project>/<repository>')
      .option('--instance', 'everywhere')
      .action(async (...given: [string, string, string | undefined, { instance?: boolean }]) => {
        const [name, granted, where, { instance }] = given;
        const names = chooseScope(where, instance);
        const path = verb === 'grant' ? '/grants' : '/grants/revoke';
        await (await cli.client()).send('POST', path, { ...names, principal: name, role: granted });
        await cli.print.done(`${name} ${done} ${granted} at ${formatNames(names)}`);
      });
  }
}
