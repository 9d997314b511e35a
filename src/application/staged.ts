/** Versions that were published to wait: a hold of their own kind, which somebody with the right to release lifts. */
import { refuse } from '../domain/errors.ts';
import type { Position } from '../eventlog/port.ts';
import type { HoldRow, RepositoryInfo } from '../projections/queries.ts';
import type { Core } from './core.ts';
import { type Governed, release } from './govern.ts';

/** A version that waits for approval. */
export interface StagedVersion {
  readonly package: string;
  readonly version: string;
  readonly holdId: string;
  /** principal id */
  readonly stagedBy: string;
  readonly stagedAt: string;
}

const PAGE = 1000;

/** Oldest first. */
export async function stagedVersions(
  core: Core,
  { repositoryId }: RepositoryInfo,
): Promise<readonly StagedVersion[]> {
  const found: HoldRow[] = [];
  for (let after: string | undefined; ; ) {
    const rows = await core.queries.listHolds({ repositoryId, after, limit: PAGE });
    found.push(...rows.filter(({ kind, repositoryId: at }) => kind === 'staged' && at === repositoryId));
    after = rows.at(-1)?.position;
    if (rows.length < PAGE) break;
  }
  return found.map(({ package: name, version, holdId, placedBy, placedAt }) => ({
    package: name ?? '',
    version: version ?? '',
    ...{ holdId, stagedBy: placedBy, stagedAt: placedAt },
  }));
}

/** From then on it can be had, unless something else holds it. @throws STATE_CONFLICT when it does not wait */
export async function approveStaged(core: Core, of: Governed): Promise<Position | undefined> {
  const { package: name, version } = of.version;
  const place = { repositoryId: of.repository.repositoryId, package: name, version };
  const holds = await core.queries.openHolds({ subjects: [], place });
  const waiting = holds.find(({ kind }) => kind === 'staged');
  if (!waiting) throw refuse('STATE_CONFLICT', `${name}@${version} does not wait for approval`);
  return (await release(core, of, { holdId: waiting.holdId })).position;
}
