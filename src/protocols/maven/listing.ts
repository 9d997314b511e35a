/** Pure: which versions and builds of an artifact are on offer, from everything that is there. */
import type { ListedFile, ListedVersion, PackageListing } from '../../application/registry.ts';
import { sortMaven } from '../../versions/maven.ts';
import { isSnapshot, type NamedFile, parseFileName } from './layout.ts';
import type { NativePom } from './pom.ts';

interface Placed {
  readonly file: ListedFile;
  readonly named: NamedFile;
}

/** What was deployed together: a release, one build of a snapshot, or a snapshot under its literal name. */
export interface Deployment {
  /** what its files are called after the artifact: `1.0`, `1.0-20260131.120000-7` */
  readonly value: string;
  readonly files: readonly Placed[];
  /** when the first of its files came, RFC 3339 */
  readonly since: string;
}

export const artifactOf = (packageName: string): string => packageName.slice(packageName.indexOf(':') + 1);
export const groupOf = (packageName: string): string => packageName.slice(0, packageName.indexOf(':'));

export const nativeOf = ({ description }: ListedVersion): Partial<NativePom> =>
  (description?.native ?? {}) as Partial<NativePom>;

/** Versions that ranges may choose, ascending. */
export function versionsOnOffer(listing: PackageListing): readonly ListedVersion[] {
  const standing = listing.versions
    .filter(({ held, yanked }) => held === undefined && yanked === undefined)
    .filter(version => deploymentsOnOffer(listing.name, version).length > 0);
  // one that has no pom is still on its way, unless no version of the artifact has one
  const whole = standing.filter(version => deploymentsOnOffer(listing.name, version).some(isWhole(version)));
  return sortMaven(whole.length > 0 ? whole : standing, ({ version }) => version);
}

/**
 * Deployments of a version that may be chosen, the newest last: a held one gives way to the one before, and so does one
 * whose files are still coming.
 */
export function deploymentsOnOffer(packageName: string, version: ListedVersion): readonly Deployment[] {
  const free = deploymentsOf(packageName, version).filter(({ files }) => !isBarred(files));
  const whole = free.filter(isWhole(version));
  return whole.length > 0 ? whole : free;
}

/** All deployments, by when they came. */
export function deploymentsOf(packageName: string, version: ListedVersion): readonly Deployment[] {
  const groups = new Map<string, Placed[]>();
  for (const file of version.files) {
    const named = parseFileName({ artifact: artifactOf(packageName), version: version.version }, file.name);
    if (!named) continue;
    const group = groups.get(named.value) ?? [];
    group.push({ file, named });
    groups.set(named.value, group);
  }
  const all = [...groups].map(([value, files]) => ({ value, files, since: sinceOf(files) }));
  return all.sort((a, b) => compare(a.since, b.since) || byBuild(a, b));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const sinceOf = (files: readonly Placed[]) =>
  files.map(({ file }) => file.addedAt).reduce((least, one) => (one < least ? one : least));

/** Builds that came at once (a promoted version): by what their names say. */
function byBuild(a: Deployment, b: Deployment): number {
  const [x, y] = [a.files[0]?.named.build, b.files[0]?.named.build];
  return compare(x?.timestamp ?? '', y?.timestamp ?? '') || (x?.number ?? 0) - (y?.number ?? 0);
}

const isMain = ({ named }: Placed) => named.classifier === undefined && named.signs === undefined;
const isPom = (one: Placed) => isMain(one) && one.named.extension === 'pom';

/** The pom or the artifact itself is held; a held javadoc alone bars nobody. */
const isBarred = (files: readonly Placed[]) =>
  files.some(one => isMain(one) && one.file.held !== undefined) ||
  files.every(one => one.file.held !== undefined);

/** It has its pom, and what the pom is about. */
function isWhole(version: ListedVersion): (deployment: Deployment) => boolean {
  const { packaging, relocated } = nativeOf(version);
  const alone = packaging === 'pom' || relocated === true;
  return ({ files }) =>
    files.some(isPom) && (alone || files.some(one => !isPom(one) && one.named.signs === undefined));
}

/** The newest file of each classifier and extension that is on offer. */
export function newestFiles(packageName: string, version: ListedVersion): readonly Placed[] {
  const newest = new Map<string, Placed>();
  for (const { files } of deploymentsOnOffer(packageName, version))
    for (const one of files)
      if (one.file.held === undefined)
        newest.set(`${one.named.classifier ?? ''}:${one.named.extension}`, one);
  return [...newest.values()].sort((a, b) => compare(keyOf(a), keyOf(b)));
}

const keyOf = ({ named }: Placed) => `${named.classifier ?? ''}:${named.extension}`;

/**
 * The file of a snapshot that stands for a literal `-SNAPSHOT` name: of the newest deployment on offer, else of the
 * newest at all, so that its refusal says why.
 */
export function fileOfLiteral(
  packageName: string,
  version: ListedVersion,
  { classifier, extension }: Pick<NamedFile, 'classifier' | 'extension'>,
): string | undefined {
  if (!isSnapshot(version.version)) return undefined;
  for (const deployments of [deploymentsOnOffer(packageName, version), deploymentsOf(packageName, version)])
    for (const { files } of deployments.toReversed()) {
      const found = files.find(
        ({ named }) => named.classifier === classifier && named.extension === extension,
      );
      if (found) return found.file.name;
    }
  return undefined;
}
