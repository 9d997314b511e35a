/** Names and versions of charts, and the file names made of them. Pure. https://helm.sh/docs/topics/charts/#charts-and-versioning */
import semver from 'semver';
import { refuse } from '../../domain/errors.ts';

export interface ChartName {
  readonly name: string;
  /** as written: `1.2.3`, `v1.2.3`, `1.2.3-rc.1+build` */
  readonly version: string;
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
/** What follows a name in a file's name. */
const BORDER = /-(?=v?\d+\.\d+\.\d+)/;
const MAX_NAME = 250;
const MAX_VERSION = 128;

/** @throws NAME_INVALID also for a name from which a version could not be told apart: `app-1.2.3` */
export function checkName(name: string): string {
  if (name.length > MAX_NAME || !NAME.test(name))
    throw refuse(
      'NAME_INVALID',
      `a chart's name has 1 to ${MAX_NAME} letters, digits, dots, dashes and underscores`,
    );
  if (BORDER.test(name)) throw refuse('NAME_INVALID', "a chart's name has no version in it");
  return name;
}

/** @throws VERSION_INVALID when it is not semantic; a leading v is allowed, as helm does */
export function checkVersion(version: string): string {
  if (version.length > MAX_VERSION || !isVersion(version))
    throw refuse('VERSION_INVALID', "a chart's version is a semantic one, such as 1.2.3 or 1.2.3-rc.1");
  return version;
}

const isVersion = (text: string) => {
  const plain = text.replace(/^v/, '');
  const parsed = semver.parse(plain);
  return parsed !== null && parsed.raw === plain && /^\d/.test(plain);
};

/** The same version with a `v`, or without: helm takes both for one. */
export const otherSpelling = (version: string): string =>
  version.startsWith('v') ? version.slice(1) : `v${version}`;

/** Highest first; what differs in build metadata only, in byte order. */
export const byVersion = (a: string, b: string): number =>
  semver.compareBuild(b.replace(/^v/, ''), a.replace(/^v/, ''));

export const archiveName = ({ name, version }: ChartName): string => `${name}-${version}.tgz`;

/** `app-1.2.3.tgz` apart: no name has in it what looks like a version. undefined: it is no chart's */
export function parseArchiveName(file: string): ChartName | undefined {
  const stem = /^(.+)\.tgz$/.exec(file)?.[1] ?? '';
  const at = stem.search(BORDER);
  if (at <= 0) return undefined;
  const [name, version] = [stem.slice(0, at), stem.slice(at + 1)];
  const valid = name.length <= MAX_NAME && version.length <= MAX_VERSION;
  return valid && NAME.test(name) && isVersion(version) ? { name, version } : undefined;
}
