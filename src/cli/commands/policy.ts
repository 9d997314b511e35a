/** Policy sets and where they are attached. */
import { readFile } from 'node:fs/promises';
import { Argument, type Command, Option } from 'commander';
import type { EnforcementLevel } from '../../domain/policy/policy.ts';
import { type Cli, command, group, repeated, segment } from '../cli.ts';
import { UsageError } from '../errors.ts';
import type { ListShape } from '../output/print.ts';
import { time } from '../output/text.ts';
import { chooseScope, formatNames, formatScope, type NamedScope } from './scope.ts';

/** Written out, because the module that lists them loads the whole domain. */
const LEVELS = Object.keys({
  off: true,
  shadow: true,
  advisory: true,
  soft: true,
  hard: true,
} satisfies Record<EnforcementLevel, true>);

const LEVEL_HELP = `Levels: off; shadow (only recorded); advisory (warns); soft (denies, may be overridden with a reason); hard (denies)`;

interface PolicySet {
  readonly name: string;
  readonly title: string;
  readonly defaults: Readonly<Record<string, unknown>>;
}

interface Attachment extends NamedScope {
  readonly id: string;
  readonly set: string;
  readonly level: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly attachedAt: string;
}

const SETS: ListShape<PolicySet> = {
  what: 'policy sets',
  id: ({ name }) => name,
  columns: [
    { title: 'SET', value: ({ name }) => name },
    { title: 'TITLE', value: ({ title }) => title },
    { title: 'PARAMETERS', value: ({ defaults }) => Object.keys(defaults).join(' ') },
  ],
};

const ATTACHMENTS: ListShape<Attachment> = {
  what: 'attached policies',
  id: ({ id }) => id,
  columns: [
    { title: 'ATTACHMENT', value: ({ id }) => id },
    { title: 'SET', value: ({ set }) => set },
    { title: 'LEVEL', value: ({ level }) => level },
    { title: 'WHERE', value: formatScope },
    { title: 'SINCE', value: ({ attachedAt }) => time(attachedAt) },
    { title: 'PARAMETERS', value: ({ params }) => (params === undefined ? '' : JSON.stringify(params)) },
  ],
};

interface NewAttachment {
  readonly level: string;
  readonly instance?: boolean;
  readonly param?: readonly string[];
  readonly paramsFile?: string;
}

export function registerPolicies(program: Command, cli: Cli): void {
  const policy = group(program, 'policy', 'Policies: sets of rules, and where they bind');
  command(policy, 'list', {
    summary: 'List the policy sets that can be attached',
    example: 'policy list',
  }).action(async () => {
    const { items } = await (await cli.client()).get<{ items: PolicySet[] }>('/policies');
    await cli.print.list(items, SETS);
  });
  command(policy, 'attachments', {
    summary: 'List attached policy sets',
    example: 'policy attachments',
  }).action(async () => {
    const { items } = await (await cli.client()).get<{ items: Attachment[] }>('/attachments');
    await cli.print.list(items, ATTACHMENTS);
  });
  command(policy, 'attach <set> [where]', {
    summary: 'Attach a policy set to a project, a repository or the instance',
    example: `policy attach protected_tags main/oci --level hard --param 'patterns=["v*"]'`,
    more: LEVEL_HELP,
  })
    .addOption(new Option('--level <level>', 'how much it binds').choices(LEVELS).makeOptionMandatory())
    .option('--instance', 'bind everywhere')
    .option('--param <name=value>', 'a parameter, its value as JSON or plain text; may be repeated', repeated)
    .option('--params-file <file>', 'all parameters, as a JSON object')
    .action((set: string, where: string | undefined, options: NewAttachment) =>
      attach(cli, { set, where, options }),
    );
  command(policy, 'level <attachment>', {
    summary: 'Set how much an attached policy binds',
    example: 'policy level 0b6a4a34-9f0e-4b46-8a37-5a2d3c4e5f60 shadow',
    more: LEVEL_HELP,
  })
    .addArgument(new Argument('<level>', 'the new one').choices(LEVELS))
    .action(async (attachment: string, level: string) => {
      await (await cli.client()).send('PATCH', `/attachments/${segment(attachment)}`, { level });
      await cli.print.done(`${attachment} is now ${level}`);
    });
  command(policy, 'detach <attachment>', {
    summary: 'Take a policy set off',
    example: 'policy detach 0b6a4a34-9f0e-4b46-8a37-5a2d3c4e5f60',
  }).action(async (attachment: string) => {
    await (await cli.client()).send('DELETE', `/attachments/${segment(attachment)}`);
    await cli.print.done(`Detached ${attachment}`);
  });
}

interface Wanted {
  readonly set: string;
  readonly where: string | undefined;
  readonly options: NewAttachment;
}

async function attach(cli: Cli, { set, where, options }: Wanted): Promise<void> {
  const names = chooseScope(where, options.instance);
  const params = await readParams(options);
  const wanted = { ...names, set, level: options.level, ...(params === undefined ? {} : { params }) };
  const body = await (await cli.client()).send<{ id: string }>('POST', '/attachments', wanted);
  await cli.print.done(`Attached ${set} to ${formatNames(names)} (${options.level}): attachment ${body.id}`, {
    ...{ body, id: body.id },
  });
}

async function readParams({
  param,
  paramsFile,
}: NewAttachment): Promise<Record<string, unknown> | undefined> {
  if (param === undefined && paramsFile === undefined) return undefined;
  const whole = paramsFile === undefined ? {} : parseObject(paramsFile, await readFile(paramsFile, 'utf8'));
  return { ...whole, ...Object.fromEntries((param ?? []).map(parseParam)) };
}

function parseObject(file: string, text: string): Record<string, unknown> {
  const value = jsonOr(text, undefined);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`${file} holds no JSON object`);
  return value as Record<string, unknown>;
}

/** `name=value`: JSON where it is JSON, else the text itself. @throws UsageError */
export function parseParam(text: string): [string, unknown] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UsageError(`“${text}”: a parameter is name=value`);
  const value = text.slice(equals + 1);
  return [text.slice(0, equals), jsonOr(value, value)];
}

function jsonOr(text: string, otherwise: unknown): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}
