/** From what clients name to rows of the views, remembered until an event concerns them. No gate: callers have one. */
import { refuse } from '../domain/errors.ts';
import type { NamingRow, RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Core } from './core.ts';

/** How a client names a version: by what the format calls a version, by any digest of its files, or by a tag. */
export type Reference = { readonly tag: string } | { readonly digest: string };

/** One file of one version of a package. */
export interface FileName {
  readonly package: string;
  readonly version: string;
  readonly file: string;
}

/** @throws VERSION_UNKNOWN, FILE_UNKNOWN */
export async function fileOf(core: Core, repository: RepositoryInfo, of: FileName) {
  const version = await getVersion(core, repository, of.package, of.version);
  if (version?.status !== 'live') throw refuse('VERSION_UNKNOWN', `${of.package}@${of.version}`);
  const file = version.files.find(({ name }) => name === of.file);
  if (!file) throw refuse('FILE_UNKNOWN', of.file);
  return { version, file };
}

/** A version's row, live or deleted. */
export function getVersion(core: Core, repository: RepositoryInfo, packageName: string, version: string) {
  return core.hot.get(repository.repositoryId, `version ${packageName} ${version}`, () =>
    core.queries.getVersion(repository.repositoryId, packageName, version),
  );
}

/** Every version of the repository, live or deleted, that consists of or names these bytes. */
export function namingOf(
  core: Core,
  repository: RepositoryInfo,
  canonical: string,
): Promise<readonly NamingRow[]> {
  return core.hot.get(repository.repositoryId, `naming ${canonical}`, () =>
    core.queries.versionsNaming(repository.repositoryId, canonical),
  );
}

/** The live version that a tag or digest names. @throws TAG_UNKNOWN, MANIFEST_UNKNOWN */
export async function find(
  core: Core,
  repository: RepositoryInfo,
  packageName: string,
  reference: Reference,
): Promise<VersionRow> {
  if ('tag' in reference) {
    const tag = await core.hot.get(repository.repositoryId, `tag ${packageName} ${reference.tag}`, () =>
      core.queries.getTag(repository.repositoryId, packageName, reference.tag),
    );
    const version = tag && (await getVersion(core, repository, packageName, tag.version));
    if (version?.status !== 'live') throw refuse('MANIFEST_UNKNOWN', { tag: reference.tag });
    return version;
  }
  const version = await core.hot.get(
    repository.repositoryId,
    `digest ${packageName} ${reference.digest}`,
    () => core.queries.versionByDigest(repository.repositoryId, packageName, reference.digest),
  );
  if (version?.status !== 'live') throw refuse('MANIFEST_UNKNOWN', { digest: reference.digest });
  return version;
}
