/** Promotions that wait, and what became of the others. */
import { type Command, Option } from 'commander';
import { type Cli, command, group, segment } from '../cli.ts';
import { EXIT, UsageError } from '../errors.ts';
import { type ListShape, tableText } from '../output/print.ts';
import { count, shortDigest, shortId, time } from '../output/text.ts';
import { formatPlace, parseRepository, type RepositoryName } from '../reference.ts';
import { pathOf } from './project.ts';

const STATUSES = Object.keys({
  waiting: true,
  requested: true,
  completed: true,
  refused: true,
  rejected: true,
  withdrawn: true,
  expired: true,
});

export interface Promotion {
  readonly id: string;
  readonly status: string;
  readonly from?: RepositoryName;
  readonly to?: RepositoryName;
  readonly package: string;
  readonly version: string;
  readonly tag?: string;
  readonly code?: string;
  readonly versions: number;
  readonly required: number;
  readonly approvals: number;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly expiresAt?: string;
  readonly finishedAt?: string;
}

interface Approval {
  readonly by: string;
  readonly at: string;
  readonly reason?: string;
}

interface Detail extends Promotion {
  readonly closure?: string;
  readonly content: readonly { readonly version: string; readonly sidecarTags?: readonly string[] }[];
  readonly reason?: string;
  readonly approvedBy: readonly Approval[];
  readonly finishedBy?: string;
  readonly finishedReason?: string;
}

const approvalsText = ({ approvals, required }: Promotion) =>
  required === 0 && approvals === 0 ? '' : `${approvals} of ${required}`;
const statusText = ({ status, code }: Promotion) => (code === undefined ? status : `${status}: ${code}`);
const nameOf = (side: RepositoryName | undefined) => (side ? formatPlace(side) : undefined);

export const PROMOTIONS: ListShape<Promotion> = {
  what: 'promotions',
  id: ({ id }) => id,
  columns: [
    { title: 'REQUESTED', value: ({ requestedAt }) => time(requestedAt) },
    { title: 'STATUS', value: statusText },
    { title: 'PACKAGE', value: row => row.package },
    { title: 'TAG', value: ({ tag }) => tag },
    { title: 'VERSION', value: ({ version }) => shortDigest(version) },
    { title: 'FROM', value: ({ from }) => nameOf(from) },
    { title: 'TO', value: ({ to }) => nameOf(to) },
    { title: 'APPROVALS', value: approvalsText },
    { title: 'BY', value: ({ requestedBy }) => shortId(requestedBy) },
    { title: 'ID', value: ({ id }) => id },
  ],
};

const APPROVALS = [
  { title: 'APPROVED BY', value: ({ by }: Approval) => by },
  { title: 'AT', value: ({ at }: Approval) => time(at) },
  { title: 'REASON', value: ({ reason }: Approval) => reason },
];
const CONTENT = [
  { title: 'TAKES ALONG', value: ({ version }: Detail['content'][number]) => version },
  { title: 'NAMED', value: ({ sidecarTags }: Detail['content'][number]) => sidecarTags?.join(' ') },
];

const address = (id: string, what = '') => `/promotions/${segment(id)}${what}`;

export function registerPromotions(program: Command, cli: Cli): void {
  const promotion = group(program, 'promotion', 'Promotions: those that wait for approval, and the others');
  registerReading(promotion, cli);
  registerDeciding(promotion, cli);
}

function registerReading(promotion: Command, cli: Cli): void {
  command(promotion, 'list [repository]', {
    summary: 'List promotions that wait for approval, or others, newest first',
    example: 'promotion list main/release --status completed',
    more: 'Without --status: those that wait. strongroom artifact promote asks for one.',
  })
    .addOption(new Option('--status <status>', 'only these').choices(STATUSES))
    .option('--all', 'whatever their status')
    .action(async (where: string | undefined, options: { status?: string; all?: boolean }) => {
      if (options.all && options.status !== undefined) throw new UsageError('give --status or --all');
      const { list, most } = cli.print;
      const path = `${where === undefined ? '' : pathOf(parseRepository(where))}/promotions`;
      const query = options.all ? {} : { status: options.status ?? 'waiting' };
      await list((await cli.client()).items<Promotion>(path, query, most + 1), PROMOTIONS);
    });
  command(promotion, 'show <promotion>', {
    summary: 'Show what a promotion takes along, who approved it, and how it ended',
    example: 'promotion show 0b6a4a34-9f0e-8b46-8a37-5a2d3c4e5f60',
  }).action(async (id: string) => {
    const found = await (await cli.client()).get<Detail>(address(id));
    await cli.print.item(found, found.id, shown);
  });
}

function shown(of: Detail) {
  const ended = of.finishedAt === undefined ? undefined : time(of.finishedAt);
  return {
    fields: {
      promotion: of.id,
      status: statusText(of),
      package: of.package,
      version: of.version,
      tag: of.tag ?? 'none',
      from: nameOf(of.from),
      to: nameOf(of.to),
      requested: `${time(of.requestedAt)} by ${of.requestedBy}`,
      reason: of.reason,
      approvals: approvalsText(of) || 'none needed',
      expires: ended === undefined && of.expiresAt !== undefined ? time(of.expiresAt) : undefined,
      ended: ended === undefined || of.finishedBy === undefined ? ended : `${ended} by ${of.finishedBy}`,
      because: of.finishedReason,
      closure: of.closure,
    },
    tables: [
      ...(of.approvedBy.length > 0 ? [tableText(of.approvedBy, APPROVALS)] : []),
      tableText(of.content, CONTENT),
    ],
  };
}

interface Approved {
  readonly status: string;
  readonly approvals: number;
  readonly required: number;
  readonly code?: string;
  readonly reason?: string;
  readonly warnings: readonly string[];
}

function registerDeciding(promotion: Command, cli: Cli): void {
  command(promotion, 'approve <promotion>', {
    summary: 'Approve a promotion that somebody else asked for; with the last one needed it is carried out',
    example: 'promotion approve 0b6a4a34-9f0e-8b46-8a37-5a2d3c4e5f60 --reason "release notes read"',
    more: 'Exit code 1 when it was refused in the end, although the approval stands.',
  })
    .option('--closure <digest>', 'only if this is what it takes along (strongroom promotion show)')
    .option('--reason <text>', 'why')
    .action(async (id: string, options: { closure?: string; reason?: string }) => {
      const client = await cli.client();
      const closure = options.closure ?? (await client.get<Detail>(address(id))).closure;
      const wanted = { closure, ...(options.reason === undefined ? {} : { reason: options.reason }) };
      const body = await client.send<Approved>('POST', address(id, '/approve'), wanted);
      for (const warning of body.warnings) await cli.print.note(`warning: ${warning}`);
      await cli.print.done(outcome(id, body), { body, id });
      if (body.status === 'refused') cli.exitCode = EXIT.refused;
    });
  command(promotion, 'reject <promotion>', {
    summary: 'Reject a promotion that waits; who asked for it takes it back',
    example: 'promotion reject 0b6a4a34-9f0e-8b46-8a37-5a2d3c4e5f60 --reason "not before the freeze ends"',
  })
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, { reason }: { reason: string }) => {
      const body = await (await cli.client()).send<{ status: string }>('POST', address(id, '/reject'), {
        reason,
      });
      await cli.print.done(`Promotion ${id} is ${body.status}`, { body, id });
    });
}

function outcome(id: string, { status, approvals, required, code, reason }: Approved): string {
  const approved = `Approved promotion ${id}`;
  switch (status) {
    case 'completed':
      return `${approved}: it is completed`;
    case 'waiting':
      return `${approved}: it waits for ${count(required - approvals, 'more approval')}`;
    case 'refused':
      return `${approved}, but it was refused: ${code}${reason === undefined ? '' : `: ${reason}`}`;
    default:
      return `${approved}: it is being carried out`;
  }
}
