/** Pure: what a request to a Maven repository asks for. */
import type { RepositoryName } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import { parsePkgPath } from '../shared/pkg.ts';
import { type Coordinates, isSnapshot, type NamedFile, parseFileName } from './layout.ts';

export const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export interface FileRoute extends Coordinates {
  readonly kind: 'file';
  /** `group:artifact` */
  readonly package: string;
  readonly file: string;
  readonly named: NamedFile;
}

/** `maven-metadata.xml` of a snapshot version. */
export interface SnapshotMetadataRoute extends Coordinates {
  readonly kind: 'snapshot-metadata';
  readonly package: string;
}

/** `maven-metadata.xml` of a folder that is an artifact's, a group's, or both. */
export interface MetadataRoute {
  readonly kind: 'metadata';
  /** `group:artifact`, where the folder has a group above it */
  readonly package: string | undefined;
  /** where each segment can be part of a group */
  readonly group: string | undefined;
}

/** A version's folder. */
export interface FolderRoute extends Coordinates {
  readonly kind: 'folder';
  readonly package: string;
}

export type Checked = FileRoute | SnapshotMetadataRoute | MetadataRoute;

/** A document with the checksum of another. */
export interface ChecksumRoute {
  readonly kind: 'checksum';
  readonly algorithm: Algorithm;
  /** undefined: of a checksum, which some builds deploy as a file of its own */
  readonly of: Checked | undefined;
}

/** Nothing that a repository has: catalogues, indexes of search engines, names that are none. */
export interface UnknownRoute {
  readonly kind: 'unknown';
  readonly why: string;
}

export type MavenRoute = (Checked | FolderRoute | ChecksumRoute | UnknownRoute) & {
  readonly name: RepositoryName;
};

const GROUP_SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;
const ARTIFACT = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const VERSION = /^[A-Za-z0-9_][A-Za-z0-9_.+~-]*$/;
const FILE = /^[A-Za-z0-9_][A-Za-z0-9_.+~$@=,-]*$/;
const [MAX_NAME, MAX_VERSION, MAX_FILE] = [200, 128, 500];
export const METADATA = 'maven-metadata.xml';

/** @throws NAME_INVALID for paths that nobody may send; what is merely not there is `unknown` */
export function parseMaven(rawPath: string): MavenRoute {
  const { name, rest } = parsePkgPath(rawPath, { alias: 'maven' });
  if (rest.slice(0, -1).includes('')) throw refuse('NAME_INVALID', 'the path has an empty segment');
  return { name, ...routeOf(rest.slice(0, -1), rest.at(-1) ?? '') };
}

function routeOf(folder: readonly string[], last: string): RouteOnly {
  if (last === '') return folderOf(folder);
  const algorithm = algorithmOf(last);
  if (algorithm === undefined) return checkedOf(folder, last);
  const target = last.slice(0, -algorithm.length - 1);
  if (algorithmOf(target) !== undefined) return { kind: 'checksum', algorithm, of: undefined };
  const of = checkedOf(folder, target);
  return of.kind === 'unknown' || of.kind === 'folder' ? of : { kind: 'checksum', algorithm, of };
}

type RouteOnly = Checked | FolderRoute | ChecksumRoute | UnknownRoute;

const algorithmOf = (file: string): Algorithm | undefined =>
  ALGORITHMS.find(algorithm => file.endsWith(`.${algorithm}`) && file.length > algorithm.length + 1);

function checkedOf(folder: readonly string[], file: string): Checked | FolderRoute | UnknownRoute {
  if (file === METADATA) return metadataOf(folder);
  const at = coordinatesOf(folder);
  if ('why' in at) return at;
  const named = FILE.test(file) && file.length <= MAX_FILE ? parseFileName(at, file) : undefined;
  if (!named)
    return unknown(`a file of ${at.artifact} ${at.version} begins with ${at.artifact}-${at.version}`);
  return { kind: 'file', ...at, package: packageOf(at), file, named };
}

function metadataOf(folder: readonly string[]): SnapshotMetadataRoute | MetadataRoute | UnknownRoute {
  const at = coordinatesOf(folder);
  if (!('why' in at) && isSnapshot(at.version))
    return { kind: 'snapshot-metadata', ...at, package: packageOf(at) };
  const above = groupOf(folder.slice(0, -1));
  const artifact = folder.at(-1) ?? '';
  const isArtifact = above !== undefined && isName(artifact, ARTIFACT);
  const group = groupOf(folder);
  if (!isArtifact && group === undefined) return unknown('there is no such group or artifact');
  return {
    kind: 'metadata',
    package: isArtifact ? packageOf({ group: above, artifact }) : undefined,
    group,
  };
}

function folderOf(folder: readonly string[]): FolderRoute | UnknownRoute {
  const at = coordinatesOf(folder);
  return 'why' in at ? at : { kind: 'folder', ...at, package: packageOf(at) };
}

const packageOf = ({ group, artifact }: Omit<Coordinates, 'version'>) => `${group}:${artifact}`;

/** `com/acme/lib/1.0`; a dot inside a group's segment would give one group two addresses. */
function coordinatesOf(folder: readonly string[]): Coordinates | UnknownRoute {
  const [artifact = '', version = ''] = folder.slice(-2);
  const group = groupOf(folder.slice(0, -2));
  if (group === undefined)
    return unknown('a group has letters, digits, dashes and underscores between its slashes');
  if (!isName(artifact, ARTIFACT))
    return unknown('an artifact has letters, digits, dots, dashes and underscores');
  if (!VERSION.test(version) || version.length > MAX_VERSION)
    return unknown(`a version has 1 to ${MAX_VERSION} letters, digits, dots, dashes, underscores, + and ~`);
  return { group, artifact, version };
}

const isName = (text: string, pattern: RegExp) => text.length <= MAX_NAME && pattern.test(text);

function groupOf(segments: readonly string[]): string | undefined {
  const group = segments.join('.');
  return segments.length > 0 && group.length <= MAX_NAME && segments.every(one => GROUP_SEGMENT.test(one))
    ? group
    : undefined;
}

const unknown = (why: string): UnknownRoute => ({ kind: 'unknown', why });
