/**
 * What clients choose versions from: registrations, and the list of what can be downloaded. Held versions are in
 * neither, so that ranges resolve to a safe one. Pure.
 * https://learn.microsoft.com/en-us/nuget/api/registration-base-url-resource
 */
import type { ListedVersion, PackageListing } from '../../application/registry.ts';
import { refuse, type StrongroomError } from '../../domain/errors.ts';
import { compareNuGet } from '../../versions/nuget.ts';
import { type NativeDescription, nativeDescription } from './describe.ts';
import { type Embedded, nupkgName } from './names.ts';
import type { Hive } from './parse.ts';
import type { Urls } from './urls.ts';

export interface Available extends ListedVersion {
  readonly native: NativeDescription;
}

/** What a version is without: its symbols alone are no package. */
const packageIn = ({ name }: PackageListing, { version, files }: ListedVersion) =>
  files.find(file => file.name === nupkgName(name, version));

/** Versions whose package can be had, ascending. */
export function availableIn(listing: PackageListing): readonly Available[] {
  return listing.versions
    .filter(version => {
      const file = packageIn(listing, version);
      return file !== undefined && file.held === undefined;
    })
    .map(version => ({ ...version, native: nativeDescription(listing, version) }))
    .sort((a, b) => compareNuGet(a.version, b.version));
}

/** Where nothing can be had: why, when it is there but held, so that nobody looks for it elsewhere. */
export function noneIn(listing: PackageListing): StrongroomError {
  const reasons = listing.versions.map(version => packageIn(listing, version)?.held);
  const held = reasons.findLast(reason => reason !== undefined);
  return held === undefined
    ? refuse('PACKAGE_UNKNOWN', `${listing.displayName} has no version that can be had`)
    : refuse('ARTIFACT_HELD', held);
}

/** How many held versions are named. */
const MOST_NAMED = 3;

/**
 * Which versions an index is without, and why, the newest first: a client that looks for one of them by its number asks
 * for nothing else. Those that ranges would choose (they are above all that can be had) apart from all of them.
 */
export function leftOut(listing: PackageListing): { readonly all: string; readonly newer: string } {
  const newest = availableIn(listing).at(-1);
  const held = listing.versions
    .flatMap(version => {
      const reason = packageIn(listing, version)?.held;
      return reason === undefined ? [] : [{ version: version.version, reason }];
    })
    .sort((a, b) => compareNuGet(b.version, a.version));
  const newer = held.filter(({ version }) => !newest || compareNuGet(version, newest.version) > 0);
  return { all: sayHeld(listing, held), newer: sayHeld(listing, newer) };
}

function sayHeld(
  { displayName }: PackageListing,
  held: readonly { readonly version: string; readonly reason: string }[],
): string {
  const named = held.slice(0, MOST_NAMED);
  const said = named.map(({ version, reason }) => `${displayName} ${version} is on hold: ${reason}`);
  const more = held.length - named.length;
  return [...said, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

export const isListed = ({ yanked }: ListedVersion): boolean => yanked === undefined;
export const readable = (hive: Hive, { native }: Available): boolean =>
  hive === 'registration-semver2' || !native.semVer2;

export interface Shown {
  readonly urls: Urls;
  readonly hive: Hive;
  /** in lower case */
  readonly id: string;
}

/** What NuGet writes for versions that are not listed. */
const UNLISTED = '1900-01-01T00:00:00+00:00';
const publishedOf = (version: ListedVersion) => (isListed(version) ? version.publishedAt : UNLISTED);

/** One version in a page of the registration. */
export function registrationItem({ urls, hive, id }: Shown, version: Available): object {
  const leaf = urls.leaf(hive, id, version.version);
  const packageContent = urls.nupkg(id, version.version);
  return {
    '@id': leaf,
    '@type': 'Package',
    commitTimeStamp: version.publishedAt,
    catalogEntry: {
      '@id': leaf,
      '@type': 'PackageDetails',
      packageContent,
      ...entryOf({ urls, hive, id }, version),
    },
    packageContent,
    registration: urls.registration(hive, id),
  };
}

/** A document about one version. */
export function registrationLeaf({ urls, hive, id }: Shown, version: Available): object {
  return {
    '@id': urls.leaf(hive, id, version.version),
    '@type': ['Package', 'catalog:Permalink'],
    listed: isListed(version),
    packageContent: urls.nupkg(id, version.version),
    published: publishedOf(version),
    registration: urls.registration(hive, id),
  };
}

function entryOf({ urls, hive, id }: Shown, version: Available): object {
  const { native, deprecated } = version;
  const { groups = [], packageTypes = [], tags = [], requireLicenseAcceptance = false } = native;
  const { title, summary, language, projectUrl, licenseExpression, minClientVersion } = native;
  return {
    ...{ id: native.id, version: native.version, title, summary, language, projectUrl, licenseExpression },
    authors: native.authors ?? '',
    description: native.description ?? '',
    ...addressesOf(urls, id, version),
    ...{ minClientVersion, requireLicenseAcceptance, tags },
    listed: isListed(version),
    published: publishedOf(version),
    dependencyGroups: groups.map(({ targetFramework, dependencies }) => ({
      '@type': 'PackageDependencyGroup',
      targetFramework,
      dependencies: dependencies.map(one => ({
        ...{ '@type': 'PackageDependency', id: one.id, range: one.range },
        registration: urls.registration(hive, one.id.toLowerCase()),
      })),
    })),
    ...(packageTypes.length > 0 ? { packageTypes } : {}),
    ...(deprecated === undefined ? {} : { deprecation: { reasons: ['Other'], message: deprecated } }),
  };
}

/** Links to what is inside the package, else to where its author keeps them. */
export function addressesOf(urls: Urls, id: string, { version, native }: Available) {
  const inside = (name: Embedded) =>
    native.embedded?.includes(name) ? urls.embedded(id, version, name) : undefined;
  return {
    iconUrl: inside('icon') ?? native.iconUrl,
    licenseUrl: inside('license') ?? native.licenseUrl,
    readmeUrl: inside('readme'),
  };
}

/** Versions with more than this have pages of their own. */
const MAX_INLINE = 128;
const PAGE = 64;

/** A version of the registration, composed once: indexes and pages are made of these. */
export interface Fragment {
  readonly version: string;
  /** JSON of a registration item */
  readonly json: string;
}

/** One line each; JSON has no line breaks of its own. */
export const writeFragments = (fragments: readonly Fragment[]): string =>
  fragments.map(({ version, json }) => `${version} ${json}\n`).join('');

export function readFragments(bytes: Uint8Array): Fragment[] {
  const lines = Buffer.from(bytes).toString().split('\n').slice(0, -1);
  return lines.map(line => {
    const space = line.indexOf(' ');
    return { version: line.slice(0, space), json: line.slice(space + 1) };
  });
}

export function registrationIndex(shown: Shown, fragments: readonly Fragment[]): string {
  const inline = fragments.length <= MAX_INLINE;
  const pages: string[] = [];
  for (let at = 0; at < fragments.length; at += PAGE)
    pages.push(pageOf(shown, fragments.slice(at, at + PAGE), inline));
  const head = {
    '@id': shown.urls.registration(shown.hive, shown.id),
    '@type': ['catalog:CatalogRoot', 'PackageRegistration', 'catalog:Permalink'],
    count: pages.length,
  };
  return withItems(head, pages);
}

/** All versions between two, inclusive: a page whose address was given out stays right when versions come and go. */
export function registrationPage(
  shown: Shown,
  fragments: readonly Fragment[],
  { lower, upper }: { lower: string; upper: string },
): string | undefined {
  const inside = fragments.filter(
    ({ version }) => compareNuGet(lower, version) <= 0 && compareNuGet(version, upper) <= 0,
  );
  return inside.length === 0 ? undefined : pageOf(shown, inside, true);
}

function pageOf({ urls, hive, id }: Shown, items: readonly Fragment[], inline: boolean): string {
  const bounds = { lower: items[0]?.version ?? '', upper: items.at(-1)?.version ?? '' };
  const head = {
    '@id': urls.page(hive, id, bounds),
    '@type': 'catalog:CatalogPage',
    count: items.length,
    ...bounds,
    parent: urls.registration(hive, id),
  };
  return inline
    ? withItems(
        head,
        items.map(({ json }) => json),
      )
    : JSON.stringify(head);
}

/** Put together as text: items are composed already. */
const withItems = (head: object, items: readonly string[]) =>
  `${JSON.stringify(head).slice(0, -1)},"items":[${items.join(',')}]}`;
