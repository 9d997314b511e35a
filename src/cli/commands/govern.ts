/** Holds and promotions: commands of the group `artifact`. */
import type { Command } from 'commander';
import { type Cli, command, segment } from '../cli.ts';
import type { Client } from '../client.ts';
import { UsageError } from '../errors.ts';
import { count } from '../output/text.ts';
import { type ArtifactName, parseArtifact, parseRepository } from '../reference.ts';
import { type Hold, PLACED_HOLDS, type PlacedHold } from './hold.ts';
import { pathOf } from './project.ts';
import { PROMOTIONS, type Promotion } from './promotion.ts';

interface Reasoned {
  readonly reason?: string;
  readonly override?: boolean;
}

export function registerGovernance(artifact: Command, cli: Cli): void {
  registerHold(artifact, cli);
  registerRelease(artifact, cli);
  registerPromotion(artifact, cli);
}

function registerHold(artifact: Command, cli: Cli): void {
  command(artifact, 'hold <artifact>', {
    summary: 'Hold a version: nobody can pull it until the hold is lifted',
    example: 'artifact hold main/oci/app:1.0 --reason "CVE-2026-0001"',
  })
    .requiredOption('--reason <text>', 'why: clients show it to who is refused')
    .option('--everywhere', 'hold the bytes, under whatever name and in whatever repository')
    .option('--file <name>', 'hold only this file of the version, with its sidecars')
    .option('--override', 'pass a soft denial; the reason says why')
    .action(async (name: string, options: Reasoned & { everywhere?: boolean; file?: string }) => {
      const of = parseArtifact(name);
      const body = await (await cli.client()).send<{ id: string }>('POST', '/holds', { ...of, ...options });
      await cli.print.done(`Held ${name}: hold ${body.id}`, { body, id: body.id });
    });
  command(artifact, 'holds [repository]', {
    summary: 'List open holds, of a repository or (for auditors) of all',
    example: 'artifact holds main/oci',
  }).action(async (repository: string | undefined) => {
    const { list, most } = cli.print;
    const query = repository === undefined ? {} : { ...parseRepository(repository) };
    const holds = (await cli.client()).items<PlacedHold>('/holds', query, most + 1);
    await list(holds, { what: 'open holds', id: ({ id }) => id, columns: PLACED_HOLDS });
  });
}

function registerRelease(artifact: Command, cli: Cli): void {
  command(artifact, 'release <hold>', {
    summary: 'Lift a hold that a person placed, by its id or by the artifact that it is on',
    example: 'artifact release main/oci/app:1.0 --reason "fixed in the base image"',
  })
    .option('--reason <text>', 'why')
    .option('--all', 'all holds by persons on this artifact')
    .option('--override', 'pass a soft denial; the reason says why')
    .action(async (named: string, { all, ...options }: Reasoned & { all?: boolean }) => {
      const client = await cli.client();
      const of = named.includes('/') ? parseArtifact(named) : undefined;
      const holds = of === undefined ? [named] : await holdsToLift(client, named, { of, all: all === true });
      let reply = { remaining: 0 };
      for (const hold of holds) {
        const path = `/holds/${segment(hold)}/release`;
        reply = await client.send<{ remaining: number }>('POST', path, { ...of, ...options });
      }
      const rest =
        reply.remaining === 0 ? 'nothing holds it any more' : `${count(reply.remaining, 'hold')} still on it`;
      await cli.print.done(
        `Lifted ${holds.length === 1 ? `hold ${holds[0]}` : count(holds.length, 'hold')}; ${rest}`,
        {
          body: reply,
        },
      );
    });
}

async function holdsToLift(
  client: Client,
  name: string,
  { of, all }: { of: ArtifactName; all: boolean },
): Promise<string[]> {
  const { holds } = await client.get<{ holds: Hold[] }>('/artifact', { ...of });
  const byPersons = holds.filter(({ kind }) => kind === 'manual').map(({ id }) => id);
  if (byPersons.length === 0) throw new UsageError(`no hold by a person is on ${name}`);
  if (byPersons.length > 1 && !all)
    throw new UsageError(`${name} has several holds: name one of ${byPersons.join(', ')}, or give --all`);
  return byPersons;
}

interface PromotionOptions extends Reasoned {
  readonly tag?: string;
  readonly waitForApproval?: boolean;
}

interface Promoted {
  readonly id: string;
  readonly status: string;
  readonly placed: number;
  readonly required: number;
  readonly warnings: readonly string[];
}

function registerPromotion(artifact: Command, cli: Cli): void {
  command(artifact, 'promote <artifact> <repository>', {
    summary: 'Promote a version, with all it consists of and all that is about it, into another repository',
    example: 'artifact promote main/oci/app:1.0 main/release --reason "signed off"',
  })
    .option('--tag <tag>', 'tag in the target; the same one unless told')
    .option('--wait-for-approval', 'ask for the approval of somebody else, also where none is needed')
    .option('--reason <text>', 'why')
    .option('--override', 'pass a soft denial; the reason says why')
    .action(async (name: string, target: string, options: PromotionOptions) => {
      const wanted = { from: parseArtifact(name), to: parseRepository(target), ...options };
      const body = await (await cli.client()).send<Promoted>('POST', '/promotions', wanted);
      for (const warning of body.warnings) await cli.print.note(`warning: ${warning}`);
      const done =
        body.status === 'waiting'
          ? `Asked to promote ${name} to ${target}; it waits for ${count(body.required, 'approval')}: promotion ${body.id}`
          : `Promoted ${name} to ${target} (${count(body.placed, 'version')}): promotion ${body.id}`;
      await cli.print.done(done, { body, id: body.id });
    });
  command(artifact, 'promotions <repository>', {
    summary: 'List promotions from and to a repository, newest first',
    example: 'artifact promotions main/release',
  }).action(async (repository: string) => {
    const { list, most } = cli.print;
    const path = `${pathOf(parseRepository(repository))}/promotions`;
    await list((await cli.client()).items<Promotion>(path, {}, most + 1), PROMOTIONS);
  });
}
