/** Pure: names of projects, versions and files as Python packaging normalises them. */
import { compare, parse as parsePep440 } from '@renovatebot/pep440';
import { refuse } from '../../domain/errors.ts';

/** https://packaging.python.org/en/latest/specifications/name-normalization/ */
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;

/** `My_Project.x` → `my-project-x`. @throws NAME_INVALID */
export function normalizeName(name: string): string {
  if (NAME.test(name)) return name.replaceAll(/[-_.]+/g, '-').toLowerCase();
  throw refuse(
    'NAME_INVALID',
    'a project name has 1 to 128 ASCII letters, digits, dots, dashes and underscores',
  );
}

const MAX_VERSION = 128;

/**
 * `v1.0-RC.1` → `1.0rc1`. Zeros at the end stay: clients show versions as they were written.
 * @throws VERSION_INVALID
 * @see https://packaging.python.org/en/latest/specifications/version-specifiers/#normalization
 */
export function normalizeVersion(version: string): string {
  const parsed = version.length <= MAX_VERSION ? parsePep440(version) : null;
  const safe = parsed?.release.every(Number.isSafeInteger);
  if (!parsed || !safe)
    throw refuse(
      'VERSION_INVALID',
      `${JSON.stringify(version.slice(0, MAX_VERSION))} is not a version of PEP 440`,
    );
  const { epoch, release, pre, post, dev, local } = parsed;
  return [
    epoch === 0 ? '' : `${epoch}!`,
    release.join('.'),
    pre?.join('') ?? '',
    post ? `.${post.join('')}` : '',
    dev ? `.${dev.join('')}` : '',
    local ? `+${[local].flat().join('.')}` : '',
  ].join('');
}

export interface DistributionName {
  /** as it is in the file's name */
  readonly filename: string;
  readonly kind: 'wheel' | 'sdist';
  readonly archive: 'zip' | 'tar.gz';
  /** normalised */
  readonly project: string;
  /** normalised */
  readonly version: string;
  /** one spelling for names that installers take for the same file */
  readonly canonical: string;
}

const MAX_FILENAME = 255;
/** `-` separates parts; build tags begin with a digit. */
const WHEEL =
  /^(?<name>[A-Za-z0-9._]+)-(?<version>[A-Za-z0-9._!+]+)(?<build>-\d[A-Za-z0-9._]*)?(?<tags>(?:-[A-Za-z0-9._]+){3})\.whl$/;
const SDIST = /^(?<name>[A-Za-z0-9._-]+)-(?<version>[A-Za-z0-9._!+]+)\.(?<archive>tar\.gz|zip)$/;

/**
 * @throws PACKAGE_INVALID for names that are no wheel's and no source distribution's
 * @see https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
 * @see https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name
 */
export function parseDistributionName(filename: string): DistributionName {
  const match = filename.length <= MAX_FILENAME ? (WHEEL.exec(filename) ?? SDIST.exec(filename)) : null;
  const { name, version: written = '', build = '', tags, archive } = match?.groups ?? {};
  if (name === undefined) throw badName();
  const project = normalizeName(name);
  const version = normalizeVersion(tags === undefined ? written : written.replaceAll('_', '-'));
  const stem = `${project.replaceAll('-', '_')}-${version}`;
  if (tags === undefined) {
    const kind = archive === 'zip' ? 'zip' : 'tar.gz';
    return { filename, kind: 'sdist', archive: kind, project, version, canonical: `${stem}.${kind}` };
  }
  const canonical = `${stem}${build}${tags}.whl`.toLowerCase();
  return { filename, kind: 'wheel', archive: 'zip', project, version, canonical };
}

const badName = () =>
  refuse('PACKAGE_INVALID', 'a file is named <name>-<version>-<tags>.whl, <name>-<version>.tar.gz or .zip');

/** Name of the sidecar with a file's core metadata, where installers may go by it. PEP 658 */
export const metadataName = (canonical: string) => `${canonical}.metadata`;
/** Name of the sidecar with metadata that installers must not go by: building may change it. */
export const pkgInfoName = (canonical: string) => `${canonical}.pkg-info`;
/** Name of the sidecar with a file's attestations. PEP 740 */
export const provenanceName = (canonical: string) => `${canonical}.provenance`;

const FINAL = /^\d+(?:\.\d+)*$/;

/** Ascending, as PEP 440 orders them. Most versions are numbers and nothing else: those are taken apart only once. */
export function sortByVersion<T extends { readonly version: string }>(all: readonly T[]): T[] {
  const keyed = all.map(one => ({
    one,
    release: FINAL.test(one.version) ? one.version.split('.').map(Number) : undefined,
  }));
  keyed.sort((a, b) =>
    a.release && b.release ? byRelease(a.release, b.release) : compare(a.one.version, b.one.version),
  );
  return keyed.map(({ one }) => one);
}

/** Zeros at the end mean nothing. */
function byRelease(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
