/** Packages as indexes show them: live versions with their files, what holds them, and what they say of themselves. */
import { hash } from 'node:crypto';
import { refuse } from '../domain/errors.ts';
import type { Description } from '../domain/values/description.ts';
import type { FileEntry } from '../domain/values/schemas.ts';
import type { HoldRow, VersionRow } from '../projections/queries.ts';
import type { Core } from './core.ts';
import { bindsFile, subjectsOf } from './holds.ts';
import type { PageOf } from './listing.ts';
import type { Asked } from './resolve.ts';

export interface ListedFile extends FileEntry {
  /** when it was uploaded, RFC 3339 with milliseconds */
  readonly addedAt: string;
  /** why it cannot be had; undefined: it can */
  readonly held: string | undefined;
}

/** A version without what it says of itself, which is most of its bytes. */
export interface OutlinedVersion {
  readonly version: string;
  /** another one whenever anything here, or the description, is another */
  readonly stamp: string;
  readonly publishedAt: string;
  /** principal id */
  readonly publishedBy: string;
  readonly mediaType: string;
  readonly purl: string | undefined;
  readonly files: readonly ListedFile[];
  /** why none of its files (sidecars aside) can be had; undefined: at least one can */
  readonly held: string | undefined;
  /** its author's advice against it */
  readonly deprecated: string | undefined;
  /** why no range may choose it; '' when no reason was given */
  readonly yanked: string | undefined;
}

export interface ListedVersion extends OutlinedVersion {
  readonly description: Description | undefined;
}

export interface PackageOf<V> {
  /** normalised as the ecosystem says */
  readonly name: string;
  /** as the first publisher wrote it */
  readonly displayName: string;
  readonly createdAt: string;
  /** live versions, also held ones, in byte order */
  readonly versions: readonly V[];
  /** tag → version; only tags of live versions, also of held ones */
  readonly tags: ReadonlyMap<string, string>;
}
export type PackageListing = PackageOf<ListedVersion>;
export type PackageOutline = PackageOf<OutlinedVersion>;

export interface PackageName {
  readonly name: string;
  readonly displayName: string;
  readonly createdAt: string;
}

/** @throws PACKAGE_UNKNOWN also when every version was deleted */
export async function listingOf(core: Core, asked: Asked, name: string): Promise<PackageListing> {
  const outline = await outlineOf(core, asked, name);
  const descriptions = await allDescriptions(core, asked.repository.repositoryId, name);
  const versions = outline.versions.map(one => ({ ...one, description: descriptions.get(one.version) }));
  return { ...outline, versions };
}

/** As `listingOf`, without descriptions. @throws PACKAGE_UNKNOWN */
export async function outlineOf(core: Core, { repository }: Asked, name: string): Promise<PackageOutline> {
  const { repositoryId } = repository;
  const known = await core.queries.getPackage(repositoryId, name);
  if (!known) throw refuse('PACKAGE_UNKNOWN', name);
  const rows = await allVersions(core, repositoryId, name);
  if (rows.length === 0) throw refuse('PACKAGE_UNKNOWN', name);
  const [holds, tags] = await Promise.all([holdsOnAll(core, rows), allTags(core, repositoryId, name)]);
  const reasons = await reasonsOf(core, holds);
  const versions = await Promise.all(
    rows.map(row => outlined(core, row, { holds: holds.filter(hold => concerns(hold, row)), reasons })),
  );
  const live = new Map(rows.map(({ version, incarnation }) => [version, incarnation]));
  const standing = tags.filter(tag => live.get(tag.version) === tag.incarnation);
  return {
    name,
    displayName: known.displayName,
    createdAt: known.createdAt,
    versions,
    tags: new Map(standing.map(({ tag, version }) => [tag, version])),
  };
}

/** More than this many are read in pages with all others of the package. */
const FEW = 50;

/** What these versions of a package say of themselves; those that say nothing are not in it. */
export async function descriptionsOf(
  core: Core,
  { repository: { repositoryId } }: Asked,
  { package: name, versions }: { readonly package: string; readonly versions: readonly string[] },
): Promise<ReadonlyMap<string, Description>> {
  if (versions.length > FEW) return allDescriptions(core, repositoryId, name);
  const rows = await Promise.all(
    versions.map(version => core.queries.getDescription(repositoryId, name, version)),
  );
  return new Map(rows.flatMap(row => (row ? [[row.version, row.description] as const] : [])));
}

interface Known {
  readonly holds: readonly HoldRow[];
  readonly reasons: ReadonlyMap<string, string>;
}

async function outlined(core: Core, row: VersionRow, { holds, reasons }: Known): Promise<OutlinedVersion> {
  const files = row.files.map((file): ListedFile => {
    const binding = holds.filter(hold => bindsFile(hold, row, file));
    const held = binding.length > 0 ? sayWhy(binding, reasons) : undefined;
    return { ...file, addedAt: row.addedAt[file.name] ?? row.publishedAt, held };
  });
  const principal = files.filter(({ of }) => of === undefined);
  const [deprecated, yanked] = await Promise.all([open(core, row.deprecated), open(core, row.yanked)]);
  return {
    version: row.version,
    stamp: stampOf(row, [deprecated, yanked, ...files.map(({ held }) => held)]),
    publishedAt: row.publishedAt,
    publishedBy: row.provenance?.publishedBy ?? row.publishedBy,
    mediaType: row.mediaType,
    purl: row.purl ?? undefined,
    files,
    held: principal.every(({ held }) => held !== undefined) ? principal[0]?.held : undefined,
    deprecated,
    yanked,
  };
}

/** Of all that a row says, and of texts that were opened: a text that nobody can read any more is another. */
const stampOf = (row: VersionRow, texts: readonly (string | undefined)[]): string => {
  const { incarnation, publishedAt, metadata, files, addedAt, purl } = row;
  const all = [incarnation, publishedAt, metadata, files, addedAt, purl, texts.map(text => text ?? null)];
  return hash('sha256', JSON.stringify(all), 'base64').slice(0, 22);
};

const sayWhy = (holds: readonly HoldRow[], reasons: ReadonlyMap<string, string>) =>
  [...new Set(holds.slice(0, 3).map(({ holdId }) => reasons.get(holdId) ?? ''))].filter(Boolean).join('; ') ||
  'it is on hold';

const concerns = (hold: HoldRow, row: VersionRow) =>
  hold.targetKind === 'place'
    ? hold.version === row.version && hold.package === row.package
    : hold.subject === row.purlSubject || row.files.some(({ canonical }) => canonical === hold.subject);

const open = async (core: Core, sealed: string | null) =>
  sealed === null ? undefined : ((await core.sealing.unseal(sealed)) ?? '');

async function reasonsOf(core: Core, holds: readonly HoldRow[]): Promise<Map<string, string>> {
  const reasons = new Map<string, string>();
  for (const { holdId, reason } of holds)
    if (!reasons.has(holdId)) reasons.set(holdId, (await core.sealing.unseal(reason)) ?? '');
  return reasons;
}

async function holdsOnAll(core: Core, rows: readonly VersionRow[]): Promise<readonly HoldRow[]> {
  // most registries hold little: one question instead of one for each version
  if ((await core.queries.listHolds({ limit: 1 })).length === 0) return [];
  return core.queries.openHolds({ subjects: rows.flatMap(subjectsOf), places: rows });
}

const PAGE = 1000;

async function pagesOf<T>(read: (after: string | undefined) => Promise<T[]>, keyOf: (row: T) => string) {
  const all: T[] = [];
  for (let after: string | undefined; ; ) {
    const rows = await read(after);
    all.push(...rows);
    const last = rows.at(-1);
    if (rows.length < PAGE || last === undefined) return all;
    after = keyOf(last);
  }
}

const allVersions = (core: Core, repositoryId: string, name: string) =>
  pagesOf(
    after => core.queries.listVersions(repositoryId, name, { status: 'live', after, limit: PAGE }),
    row => row.version,
  );

const allTags = (core: Core, repositoryId: string, name: string) =>
  pagesOf(
    after => core.queries.listTags(repositoryId, name, { after, limit: PAGE }),
    row => row.tag,
  );

async function allDescriptions(core: Core, repositoryId: string, name: string) {
  const rows = await pagesOf(
    after => core.queries.listDescriptions(repositoryId, name, { after, limit: PAGE }),
    row => row.version,
  );
  return new Map(rows.map(({ version, description }) => [version, description]));
}

/** Names of packages, by name; some may have no live version any more. */
export async function listPackages(
  core: Core,
  { repository }: Asked,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<PageOf<PackageName>> {
  const rows = await core.queries.listPackages(repository.repositoryId, { after, limit: limit + 1 });
  return { items: rows.slice(0, limit).map(named), more: rows.length > limit };
}

/** Packages with a live version that fit every word, by name. */
export async function searchPackages(
  core: Core,
  { repository: { repositoryId } }: Asked,
  { words, after, limit }: { words: readonly string[]; after?: string | undefined; limit: number },
): Promise<PageOf<PackageName>> {
  const rows = await core.queries.searchPackages({
    repositoryIds: [repositoryId],
    words,
    after: after === undefined ? undefined : { repositoryId, package: after },
    limit: limit + 1,
  });
  return { items: rows.slice(0, limit).map(named), more: rows.length > limit };
}

const named = (row: { package: string; displayName: string; createdAt: string }): PackageName => ({
  name: row.package,
  displayName: row.displayName,
  createdAt: row.createdAt,
});
