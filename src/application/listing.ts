/** Lists for clients: filtered by rights and by holds; rules about the caller bite at the download. */
import { refuse } from '../domain/errors.ts';
import type { CatalogueEntry, RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import { referrersOf } from './closure.ts';
import type { Core } from './core.ts';
import { heldRefusal, holdsOn } from './holds.ts';
import { type Asked, Released } from './resolve.ts';
import { at, mayDo } from './rights.ts';

export interface PageOf<T> {
  readonly items: readonly T[];
  /** there is more after the last item */
  readonly more: boolean;
}

/** Tags in byte order whose version is available. @throws PACKAGE_UNKNOWN */
export async function listTags(
  core: Core,
  { repository }: Asked,
  packageName: string,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<PageOf<string>> {
  if (!(await core.queries.getPackage(repository.repositoryId, packageName))) throw refuse('PACKAGE_UNKNOWN');
  const items: string[] = [];
  for await (const tag of availableTags(core, repository, packageName, after)) {
    if (items.length >= limit) return { items, more: true };
    items.push(tag);
  }
  return { items, more: false };
}

async function* availableTags(core: Core, repository: RepositoryInfo, packageName: string, after?: string) {
  for (let last = after; ; ) {
    const rows = await core.queries.listTags(repository.repositoryId, packageName, {
      after: last,
      limit: 1000,
    });
    for (const row of rows) if (await isAvailable(core, repository, packageName, row.version)) yield row.tag;
    last = rows.at(-1)?.tag;
    if (rows.length < 1000 || last === undefined) return;
  }
}

async function isAvailable(core: Core, repository: RepositoryInfo, packageName: string, version: string) {
  if (!(await anyHolds(core))) return true;
  const row = await core.queries.getVersion(repository.repositoryId, packageName, version);
  return row !== undefined && (await holdsOn(core, repository, row)).length === 0;
}

/** Most registries hold little: one question instead of one for each tag. */
async function anyHolds(core: Core): Promise<boolean> {
  return (await core.queries.listHolds({ limit: 1 })).length > 0;
}

/** Available versions about this digest, each released, so that their manifests can be read. */
export async function listReferrers(
  core: Core,
  asked: Asked,
  packageName: string,
  digest: string,
): Promise<readonly Released[]> {
  const { repository, caller } = asked;
  const subject = await core.queries.versionByDigest(repository.repositoryId, packageName, digest);
  if (subject?.status === 'live') await refuseIfHeld(core, caller, repository, subject);
  const rows = subject
    ? await referrersOf(core, repository, subject)
    : await core.queries.referrers(repository.repositoryId, packageName, digest);
  const released: Released[] = [];
  for (const row of rows) {
    if ((await holdsOn(core, repository, row)).length > 0) continue;
    released.push(await Released.listed(core, asked, row));
  }
  return released;
}

async function refuseIfHeld(core: Core, caller: Caller, repository: RepositoryInfo, version: VersionRow) {
  const holds = await holdsOn(core, repository, version);
  if (holds.length > 0) throw await heldRefusal(core, caller, repository, holds);
}

type After = Omit<CatalogueEntry, 'repositoryId'>;

/** Packages with an available version that the caller may pull, by project, repository and package. */
export async function listCatalogue(
  core: Core,
  caller: Caller,
  { after, limit, format }: { after?: After | undefined; limit: number; format: string },
): Promise<PageOf<CatalogueEntry>> {
  const items: CatalogueEntry[] = [];
  const readable = readableFrom(core, caller, { format, after });
  for await (const repositories of inGroups(readable, REPOSITORIES))
    for await (const item of cataloguedIn(core, repositories, { after, limit: Math.min(limit + 1, PAGE) })) {
      if (items.length >= limit) return { items, more: true };
      items.push(item);
    }
  return { items, more: false };
}

/** Of one query at most: both databases bound how many arguments it has. */
const REPOSITORIES = 500;
const PAGE = 1000;

async function* cataloguedIn(
  core: Core,
  repositories: readonly RepositoryInfo[],
  { after, limit }: { after: After | undefined; limit: number },
): AsyncGenerator<CatalogueEntry> {
  const repositoryIds = repositories.map(({ repositoryId }) => repositoryId);
  const byId = new Map(repositories.map(repository => [repository.repositoryId, repository]));
  const held = await heldPackages(core, repositoryIds);
  for (let last = after; ; ) {
    const rows = await core.queries.listAllPackages({ repositoryIds, after: last, limit });
    for (const row of rows) {
      const repository = byId.get(row.repositoryId);
      const mayBeHeld = held.has(`${row.repositoryId} ${row.package}`);
      if (!mayBeHeld || (repository && (await anyAvailable(core, repository, row.package)))) yield row;
    }
    last = rows.at(-1);
    if (rows.length < limit || last === undefined) return;
  }
}

/** Where a hold binds something; in all others every live version is available. */
async function heldPackages(core: Core, repositoryIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (!(await anyHolds(core))) return new Set();
  const found = await core.queries.packagesUnderHolds(repositoryIds);
  return new Set(found.map(row => `${row.repositoryId} ${row.package}`));
}

async function anyAvailable(core: Core, repository: RepositoryInfo, name: string): Promise<boolean> {
  for (let after: string | undefined; ; ) {
    const rows = await core.queries.listVersions(repository.repositoryId, name, {
      status: 'live',
      after,
      limit: PAGE,
    });
    for (const row of rows) if ((await holdsOn(core, repository, row)).length === 0) return true;
    after = rows.at(-1)?.version;
    if (rows.length < PAGE || after === undefined) return false;
  }
}

async function* inGroups<T>(all: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const one of all) {
    group.push(one);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Ids of the repositories that the caller may pull from. */
export async function readableRepositories(
  core: Core,
  caller: Caller,
  format?: string,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { repositoryId } of readableFrom(core, caller, { format })) ids.push(repositoryId);
  return ids;
}

/** Those that may hold something after this entry, by project and name. */
async function* readableFrom(
  core: Core,
  caller: Caller,
  { format, after }: { format?: string | undefined; after?: After | undefined },
): AsyncGenerator<RepositoryInfo> {
  const before = (row: RepositoryInfo) =>
    after !== undefined && row.projectName === after.projectName && row.name < after.repositoryName;
  for await (const row of allRepositories(core, after?.projectName))
    if (
      (format === undefined || row.format === format) &&
      !before(row) &&
      (await mayDo(core, caller, 'pull', at(row))).allowed
    )
      yield row;
}

/** @param project the name of the first; default: from the beginning */
async function* allRepositories(core: Core, project?: string): AsyncGenerator<RepositoryInfo> {
  for (let after = project === undefined ? undefined : { projectName: project, name: '' }; ; ) {
    const rows = await core.queries.listRepositories({ after, limit: 500 });
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < 500 || !last) return;
    after = { projectName: last.projectName, name: last.name };
  }
}
