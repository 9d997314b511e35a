/**
 * Pure: packuments, the documents that clients choose versions from. Held versions are not in them, so that ranges and
 * tags resolve to what can be had. https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
 */
import { hash } from 'node:crypto';
import { compare, parse, type SemVer } from 'semver';
import type {
  Composed,
  Composer,
  Description,
  ListedFile,
  ListedVersion,
  OutlinedVersion,
  PackageListing,
  PackageOf,
  PackageOutline,
} from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/values/json.ts';
import { own } from '../../domain/values/own.ts';
import { optionalObject } from './document.ts';
import { bundleOf, tarballOf } from './names.ts';

/** Where links lead. */
export interface Links {
  /** `https://host/pkg/project/repository/npm`: clients need absolute URLs */
  readonly root: string;
}

/** A version that can be had now. */
interface Available<V extends OutlinedVersion = OutlinedVersion> {
  readonly listed: V;
  readonly tarball: ListedFile;
  readonly semver: SemVer;
}

/** Fields of the abbreviated form, beside `dist`. https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md#abbreviated-version-object */
const ABBREVIATED = [
  ...['name', 'version', 'dependencies', 'optionalDependencies', 'devDependencies', 'bundleDependencies'],
  ...['peerDependencies', 'peerDependenciesMeta', 'acceptDependencies', 'bin', 'directories', 'engines'],
  ...['os', 'cpu', 'libc', 'funding', 'hasInstallScript', '_hasShrinkwrap', 'deprecated'],
] as const;

/** What of the newest version stands for the package. */
const OF_PACKAGE = [
  ...['description', 'keywords', 'license', 'author', 'contributors', 'repository', 'homepage', 'bugs'],
] as const;

export interface Composing {
  readonly outline: PackageOutline;
  readonly links: Links;
  readonly composer: Composer;
  /** what versions of it say of themselves */
  readonly describe: (versions: readonly string[]) => Promise<ReadonlyMap<string, Description>>;
}

type Named = readonly [name: string, value: Json];

/** The members of a packument before and after its versions. */
interface Frame {
  readonly before: JsonObject;
  readonly after: JsonObject;
}

/**
 * Everything about a package.
 * @param text of a README, by its digest
 * @throws ARTIFACT_HELD with the reason when every version is held
 */
export async function fullPackument(
  composing: Composing,
  text: (digest: string) => Promise<string | undefined>,
): Promise<Composed> {
  const { outline, links, describe } = composing;
  const available = availableOf(outline);
  const tags = tagsOf(outline, available);
  const latest = available.find(({ listed }) => listed.version === tags.latest);
  const description = latest && (await describe([latest.listed.version])).get(latest.listed.version);
  const newest =
    latest && manifestOf(outline.name, { ...latest, listed: { ...latest.listed, description } }, links);
  const readme = description?.readme === undefined ? undefined : await text(description.readme);
  const before = { _id: outline.name, _rev: revisionOf(outline), name: outline.name, 'dist-tags': tags };
  const after = {
    time: timesOf(outline, available),
    ...Object.fromEntries(chosen(newest ?? {}, OF_PACKAGE)),
    ...(readme === undefined ? {} : { readme }),
  };
  return compose(composing, { before, after }, manifest => manifest);
}

/** What installing needs, with the times that clients' cooldowns need. @throws ARTIFACT_HELD */
export async function abbreviatedPackument(composing: Composing): Promise<Composed> {
  const { outline } = composing;
  const available = availableOf(outline);
  const time = timesOf(outline, available);
  const modified = time.modified ?? outline.createdAt;
  const before = { name: outline.name, modified, 'dist-tags': tagsOf(outline, available) };
  const short = (manifest: JsonObject) => Object.fromEntries(chosen(manifest, [...ABBREVIATED, 'dist']));
  return compose(composing, { before, after: { time } }, short);
}

/** A fragment for each version, made anew when that version changed. */
async function compose(
  { outline, links, composer, describe }: Composing,
  { before, after }: Frame,
  shape: (manifest: JsonObject) => JsonObject,
): Promise<Composed> {
  const available = availableOf(outline);
  const lacking = available.filter(({ listed }) => composer.lacks(fragmentOf(listed)));
  const descriptions = await describe(lacking.map(({ listed }) => listed.version));
  composer.frame(`${JSON.stringify(before).slice(0, -1)},"versions":{`);
  for (const [index, one] of available.entries()) {
    const { version } = one.listed;
    composer.frame(index === 0 ? '' : ',');
    composer.fragment(fragmentOf(one.listed), () => {
      const listed = { ...one.listed, description: descriptions.get(version) };
      const manifest = shape(manifestOf(outline.name, { ...one, listed }, links));
      return `${JSON.stringify(version)}:${JSON.stringify(manifest)}`;
    });
  }
  composer.frame(`},${JSON.stringify(after).slice(1)}`);
  return composer.finish();
}

const fragmentOf = ({ version, stamp }: OutlinedVersion) => ({ key: version, stamp });

const chosen = (from: JsonObject, keys: readonly string[]): Named[] =>
  keys.flatMap(key => {
    const value = own(from, key);
    return value === undefined ? [] : [[key, value] as const];
  });

/** The manifest of one version, by number or tag. @throws VERSION_UNKNOWN, ARTIFACT_HELD */
export function oneManifest(listing: PackageListing, links: Links, selector: string): JsonObject {
  const available = availableOf(listing);
  const wanted = own(tagsOf(listing, available), selector) ?? parse(selector)?.version ?? selector;
  const found = available.find(({ listed }) => listed.version === wanted);
  if (found) return manifestOf(listing.name, found, links);
  const held = listing.versions.find(({ version }) => version === wanted)?.held;
  if (held !== undefined) throw refuse('ARTIFACT_HELD', held);
  throw refuse('VERSION_UNKNOWN', `${listing.name}@${selector}`);
}

/** What can be had of a package, tags and revision included: what changes are made against. */
export function visibleOf<V extends OutlinedVersion>(listing: PackageOf<V>) {
  const available = availableOf(listing);
  return {
    revision: revisionOf(listing),
    tags: tagsOf(listing, available),
    versions: available.map(({ listed, tarball }) => ({ ...listed, tarball })),
  };
}

/** Why a version that waits cannot be had. */
export const STAGED = 'it is staged and waits for approval';

/**
 * Says which of the newest versions are held, for clients that print it; undefined when none is. What merely waits is for
 * those who push or approve to know.
 */
export function holdNotice(listing: PackageOutline): string | undefined {
  const held = listing.versions.filter(({ held }) => held !== undefined && held !== STAGED);
  const [newest] = held.toSorted((a, b) => byVersion(b.version, a.version));
  if (!newest) return undefined;
  const more = held.length > 1 ? ` (and ${held.length - 1} more)` : '';
  return `${listing.name}@${newest.version} is on hold${more}: ${newest.held}`;
}

const byVersion = (a: string, b: string) => compare(a, b);

function availableOf<V extends OutlinedVersion>({ name, versions }: PackageOf<V>): Available<V>[] {
  const available = versions.flatMap((listed): Available<V>[] => {
    const tarball = listed.files.find(file => file.name === tarballOf(name, listed.version));
    const semver = parse(listed.version);
    return tarball && semver && tarball.held === undefined ? [{ listed, tarball, semver }] : [];
  });
  const [any] = versions;
  if (available.length === 0) throw refuse('ARTIFACT_HELD', any?.held ?? 'no version can be had');
  return available.sort((a, b) => a.semver.compare(b.semver));
}

function manifestOf(
  name: string,
  { listed, tarball }: Available<ListedVersion>,
  { root }: Links,
): JsonObject {
  const native = optionalObject(listed.description?.native as Json | undefined);
  const { deprecated, yanked } = listed;
  const advice = [yanked === undefined ? undefined : `withdrawn${yanked && `: ${yanked}`}`, deprecated]
    .filter(text => text !== undefined)
    .join('; ');
  return {
    ...optionalObject(native.manifest),
    name,
    version: listed.version,
    _id: `${name}@${listed.version}`,
    ...(advice === '' ? {} : { deprecated: advice }),
    dist: distOf(name, listed, { tarball, native, root }),
  };
}

function distOf(
  name: string,
  { version, files }: ListedVersion,
  { tarball, native, root }: { tarball: ListedFile; native: JsonObject; root: string },
): JsonObject {
  const { sha1, sha512 } = tarball.hashes ?? {};
  const bundle = files.find(file => file.name === bundleOf(name, version));
  const attestations = {
    url: `${root}/-/npm/v1/attestations/${name.replace('/', '%2f')}@${version}`,
    provenance: { predicateType: native.predicateType ?? 'https://slsa.dev/provenance/v1' },
  };
  return {
    tarball: `${root}/${name}/-/${tarball.name}`,
    ...(sha512 === undefined ? {} : { integrity: `sha512-${Buffer.from(sha512, 'hex').toString('base64')}` }),
    ...(sha1 === undefined ? {} : { shasum: sha1 }),
    ...(typeof native.fileCount === 'number' ? { fileCount: native.fileCount } : {}),
    ...(typeof native.unpackedSize === 'number' ? { unpackedSize: native.unpackedSize } : {}),
    ...(bundle ? { attestations } : {}),
  };
}

function timesOf({ createdAt }: PackageOutline, available: readonly Available[]): Record<string, string> {
  const published = available.map(({ listed }) => [listed.version, listed.publishedAt] as const);
  const modified =
    published
      .map(([, at]) => at)
      .sort()
      .at(-1) ?? createdAt;
  return { created: createdAt, modified, ...Object.fromEntries(published) };
}

/** Tags whose version can be had; `latest` always names one. */
function tagsOf({ tags }: PackageOutline, available: readonly Available[]): Record<string, string> {
  const versions = new Map(available.map(one => [one.listed.version, one]));
  const standing = [...tags].filter(([, version]) => versions.has(version));
  const latest = latestOf(tags.get('latest'), available);
  return { ...Object.fromEntries(standing), latest };
}

/**
 * The version that `latest` is meant to name; when it cannot be had (or was withdrawn), the next lower release rather
 * than a higher one that was never made the latest.
 */
function latestOf(meant: string | undefined, available: readonly Available[]): string {
  const choosable = available.filter(({ listed }) => listed.yanked === undefined);
  const pool = choosable.length > 0 ? choosable : available;
  if (meant !== undefined && pool.some(({ listed }) => listed.version === meant)) return meant;
  const releases = pool.filter(({ semver }) => semver.prerelease.length === 0);
  const lower =
    meant === undefined ? [] : releases.filter(({ listed }) => compare(listed.version, meant) < 0);
  const chosen = [lower, releases, pool].find(list => list.length > 0)?.at(-1);
  return chosen?.listed.version ?? '';
}

/** Another text whenever what clients see of the package is another. */
function revisionOf(listing: PackageOutline): string {
  const seen = listing.versions
    .filter(({ held }) => held === undefined)
    .map(({ version, publishedAt, deprecated, yanked, files }) => [
      ...[version, publishedAt, deprecated ?? null, yanked ?? null],
      files.map(({ canonical }) => canonical),
    ]);
  const digest = hash('sha256', JSON.stringify([listing.name, seen, [...listing.tags].sort()]));
  return `${seen.length}-${digest.slice(0, 32)}`;
}
