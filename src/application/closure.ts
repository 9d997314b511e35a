/** What a promotion takes along: the version, everything it consists of, and everything that is about it. */
import { refuse } from '../domain/errors.ts';
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Core } from './core.ts';

const MAX_VERSIONS = 2000;

/**
 * The version with its children and the referrers of each (signatures, SBOMs, attestations, and theirs), children
 * before what names them, in an order that is the same every time. @throws CONTENT_TOO_LARGE beyond 2,000 versions
 */
export async function closureOf(
  core: Core,
  repository: RepositoryInfo,
  root: VersionRow,
): Promise<VersionRow[]> {
  const placed = new Map<string, VersionRow>();
  const seen = new Set<string>();

  async function visit(version: VersionRow): Promise<void> {
    if (seen.has(version.version)) return;
    seen.add(version.version);
    if (seen.size > MAX_VERSIONS)
      throw refuse('CONTENT_TOO_LARGE', `a promotion takes at most ${MAX_VERSIONS} manifests`);
    for (const child of await childrenOf(core, repository, version)) await visit(child);
    placed.set(version.version, version);
    for (const referrer of await referrersOf(core, repository, version)) await visit(referrer);
  }

  await visit(root);
  return [...placed.values()];
}

export async function referrersOf(
  core: Core,
  repository: RepositoryInfo,
  version: VersionRow,
): Promise<VersionRow[]> {
  const names = new Set(version.files.flatMap(({ canonical, digest }) => [canonical, digest]));
  const rows = await Promise.all(
    [...names].map(digest => core.queries.referrers(repository.repositoryId, version.package, digest)),
  );
  return [...new Map(rows.flat().map(row => [row.version, row])).values()];
}

async function childrenOf(
  core: Core,
  repository: RepositoryInfo,
  version: VersionRow,
): Promise<VersionRow[]> {
  const children = version.references.filter(({ relation }) => relation === 'child');
  return Promise.all(
    children.map(async ({ digest }) => {
      const child = await core.queries.versionByDigest(repository.repositoryId, version.package, digest);
      if (child?.status === 'live') return child;
      throw refuse('STATE_CONFLICT', `${digest}, a part of it, is not in this repository any more`);
    }),
  );
}
