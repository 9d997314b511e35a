/** Recorded decisions, made again; and what was refused. */
import type { Command } from 'commander';
import { type Cli, command, group, segment } from '../cli.ts';
import type { Client } from '../client.ts';
import { EXIT, UsageError } from '../errors.ts';
import { type ListShape, tableText } from '../output/print.ts';
import { createProgress } from '../output/progress.ts';
import { count, shortDigest, shortId, time } from '../output/text.ts';

interface Decision {
  readonly id: string;
  readonly at: string;
  readonly event: string;
  readonly outcome: string;
  readonly actor: string;
  readonly package?: string;
  readonly version?: string;
  readonly tag?: string;
}

const DECISIONS: ListShape<Decision> = {
  what: 'decisions',
  id: ({ id }) => id,
  columns: [
    { title: 'DECISION', value: ({ id }) => id },
    { title: 'TIME', value: ({ at }) => time(at) },
    { title: 'OUTCOME', value: ({ outcome }) => outcome },
    { title: 'EVENT', value: ({ event }) => event },
    { title: 'PACKAGE', value: row => row.package },
    { title: 'TAG', value: ({ tag }) => tag },
    { title: 'VERSION', value: ({ version }) => shortDigest(version) },
    { title: 'BY', value: ({ actor }) => shortId(actor) },
  ],
};

interface Finding {
  readonly code: string;
  readonly msg: string;
}

interface SetOutcome {
  readonly set: string;
  readonly attachment: string;
  readonly level: string;
  readonly module: string;
  readonly error?: string;
  /** or in a word why it cannot be shown */
  readonly findings?: { readonly deny: readonly Finding[]; readonly warn: readonly Finding[] } | string;
}

interface FullDecision extends Decision {
  readonly position: string;
  readonly evaluator: string;
  readonly inputDigest?: string;
  readonly sets: readonly SetOutcome[];
  readonly overridden?: unknown;
}

const OUTCOMES = [
  { title: 'SET', value: ({ set }: SetOutcome) => set },
  { title: 'LEVEL', value: ({ level }: SetOutcome) => level },
  { title: 'SAID', value: saidOf },
  { title: 'ATTACHMENT', value: ({ attachment }: SetOutcome) => attachment },
];

function saidOf({ error, findings }: SetOutcome): string {
  if (error !== undefined) return `failed: ${error}`;
  if (findings === undefined || typeof findings === 'string') return findings ?? '';
  const told = [...findings.deny.map(tell('deny')), ...findings.warn.map(tell('warn'))];
  return told.join('; ') || 'nothing against it';
}

const tell = (what: string) => (finding: Finding) => `${what} ${finding.code}: ${finding.msg}`;

interface Replay {
  readonly id: string;
  readonly outcome: string;
  readonly identical: boolean;
  readonly differences: readonly string[];
  readonly sameEvaluator: boolean;
}

interface Denial {
  readonly minute: string;
  readonly actor: string;
  readonly action: string;
  readonly codes: readonly string[];
  readonly target: string;
  readonly count: number;
}

const DENIALS: ListShape<Denial> = {
  what: 'denials',
  id: ({ minute, actor, action, target }) => `${minute} ${actor} ${action} ${target}`,
  columns: [
    { title: 'MINUTE', value: ({ minute }) => time(minute) },
    { title: 'BY', value: ({ actor }) => shortId(actor) },
    { title: 'ACTION', value: ({ action }) => action },
    { title: 'TIMES', value: denial => denial.count, right: true },
    { title: 'BECAUSE OF', value: ({ codes }) => codes.join(' ') },
    { title: 'TARGET', value: ({ target }) => target },
  ],
};

export function registerDecisions(program: Command, cli: Cli): void {
  const decision = group(program, 'decision', 'What policies decided, with the evidence to decide it again');
  command(decision, 'list', { summary: 'List recorded decisions, newest first', example: 'decision list' })
    .option('--oldest-first', 'in the order they were made')
    .action(async ({ oldestFirst }: { oldestFirst?: boolean }) => {
      const { list, most } = cli.print;
      const query = { order: oldestFirst ? 'asc' : 'desc' };
      await list((await cli.client()).items<Decision>('/decisions', query, most + 1), DECISIONS);
    });
  command(decision, 'show <decision>', {
    summary: 'Show what was asked, what each policy set said, and what followed; --json has the whole input',
    example: 'decision show 9d1c8f9e-6a0e-4d0c-8f0a-0c7d5d1f2b3a --json',
  }).action((id: string) => show(cli, id));
  command(decision, 'replay [decision]', {
    summary: 'Make a decision again from its evidence and compare every byte',
    example: 'decision replay --all',
    more: 'Ends with 1 when anything differs.',
  })
    .option('--all', 'every recorded decision')
    .action(async (id: string | undefined, { all }: { all?: boolean }) => {
      if ((id === undefined) === (all !== true)) throw new UsageError('name a decision, or give --all');
      if (id === undefined) await replayAll(cli);
      else await replayOne(cli, id);
    });
  const denial = group(program, 'denial', 'What was refused');
  command(denial, 'list', {
    summary: 'What was refused, counted by actor, rule, target and minute; newest first',
    example: 'denial list --limit 20',
  })
    .option('--actor <id>', 'only to this one')
    .action(async ({ actor }: { actor?: string }) => {
      const { list, most } = cli.print;
      await list((await cli.client()).items<Denial>('/denials', { actor }, most + 1), DENIALS);
    });
}

async function show(cli: Cli, id: string): Promise<void> {
  const found = await (await cli.client()).get<FullDecision>(`/decisions/${segment(id)}`);
  await cli.print.item(found, id, ({ sets, ...rest }) => ({
    fields: {
      decision: rest.id,
      outcome: rest.overridden === undefined ? rest.outcome : `${rest.outcome}, overridden`,
      event: rest.event,
      position: rest.position,
      time: time(rest.at),
      by: rest.actor,
      evaluator: rest.evaluator,
      input: rest.inputDigest,
    },
    tables: sets.length > 0 ? [tableText(sets, OUTCOMES)] : [],
  }));
}

const replayed = (client: Client, id: string) =>
  client.send<Replay>('POST', `/decisions/${segment(id)}/replay`);

async function replayOne(cli: Cli, id: string): Promise<void> {
  const result = await replayed(await cli.client(), id);
  await cli.print.item(result, id, ({ outcome, identical, differences, sameEvaluator }) => ({
    fields: {
      decision: id,
      outcome,
      replay: identical ? 'the same, byte for byte' : 'differs',
      evaluator: sameEvaluator ? 'the one that was recorded' : 'another one than was recorded',
      differences,
    },
  }));
  if (!result.identical) cli.exitCode = EXIT.refused;
}

/** requests at a time: enough to keep a server busy, too few to bother it */
const AT_ONCE = 4;

async function replayAll(cli: Cli): Promise<void> {
  const client = await cli.client();
  const progress = createProgress(cli.io, cli.quiet);
  const results = replays(client);
  let [made, different] = [0, 0];
  const counted = async function* () {
    for await (const result of results) {
      made++;
      if (!result.identical) different++;
      progress.update(`replayed ${count(made, 'decision')}, ${different} different`);
      if (cli.json || !result.identical) yield result;
    }
    progress.end();
  };
  if (cli.json) await cli.print.list(counted(), { what: '', id: ({ id }) => id, columns: [] });
  else
    for await (const { id, differences } of counted())
      await cli.print.line(`${id}: ${differences.join('; ')}`);
  const summary = `${count(made, 'decision')} made again: ${made - different} the same byte for byte, ${different} different`;
  if (cli.json) await cli.print.note(summary);
  else await cli.print.done(summary);
  if (different > 0) cli.exitCode = EXIT.refused;
}

/** In the order of the log, a few at a time. */
async function* replays(client: Client): AsyncGenerator<Replay, void> {
  const running: Promise<Replay>[] = [];
  for await (const { id } of client.items<Decision>(
    '/decisions',
    { order: 'asc' },
    Number.POSITIVE_INFINITY,
  )) {
    const result = replayed(client, id);
    // whoever waits for it gets the error; until then it must not count as unhandled
    result.catch(() => undefined);
    running.push(result);
    if (running.length >= AT_ONCE) yield (await running.shift()) as Replay;
  }
  for (const result of running) yield await result;
}
