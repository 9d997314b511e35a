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

/** Packages with a live version that the caller may pull, by project, repository and package. */
export async function listCatalogue(
  core: Core,
  caller: Caller,
  page: { after?: Omit<CatalogueEntry, 'repositoryId'> | undefined; limit: number; format: string },
): Promise<PageOf<CatalogueEntry>> {
  const readable = await readableRepositories(core, caller, page.format);
  if (readable.length === 0) return { items: [], more: false };
  const rows = await core.queries.listAllPackages({
    repositoryIds: readable.slice(0, 1000),
    format: page.format,
    after: page.after,
    limit: page.limit + 1,
  });
  return { items: rows.slice(0, page.limit), more: rows.length > page.limit };
}

/** Ids of the repositories that the caller may pull from. */
export async function readableRepositories(
  core: Core,
  caller: Caller,
  format?: string,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const row of allRepositories(core))
    if (
      (format === undefined || row.format === format) &&
      (await mayDo(core, caller, 'pull', at(row))).allowed
    )
      ids.push(row.repositoryId);
  return ids;
}

async function* allRepositories(core: Core) {
  for (let after: { projectName: string; name: string } | undefined; ; ) {
    const rows = await core.queries.listRepositories({ after, limit: 500 });
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < 500 || !last) return;
    after = { projectName: last.projectName, name: last.name };
  }
}
