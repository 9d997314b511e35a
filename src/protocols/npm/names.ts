/** Names of packages, versions and tags as npm has them. https://docs.npmjs.com/cli/v11/configuring-npm/package-json */
import { parse as parseSemver, validRange } from 'semver';
import { refuse } from '../../domain/errors.ts';

/**
 * What a new package may be called: lower case, so that no two names differ only in case. A first letter or digit keeps
 * names apart from the routes under `/-/`.
 */
const NAME = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
const MAX_NAME = 214;
const RESERVED = new Set(['node_modules', 'favicon.ico']);

/** @throws NAME_INVALID */
export function checkName(name: string): string {
  if (name.length <= MAX_NAME && NAME.test(name) && !RESERVED.has(name)) return name;
  throw refuse(
    'NAME_INVALID',
    'a package name has at most 214 lower-case letters, digits, dots, dashes and underscores, perhaps after an @scope/',
  );
}

/** `widget` of `@acme/widget`: what file names begin with. */
export const unscoped = (name: string): string => name.slice(name.indexOf('/') + 1);

export const scopeOf = (name: string): string | undefined =>
  name.startsWith('@') ? name.slice(0, name.indexOf('/')) : undefined;

const MAX_VERSION = 256;

/** A version without its build metadata, which tells no two versions apart. @throws VERSION_INVALID */
export function checkVersion(text: string): string {
  const parsed = text.length <= MAX_VERSION ? parseSemver(text) : null;
  // parse takes `v1.0.0` and ` 1.0.0`, too
  if (parsed && /^\d/.test(text) && !/\s/.test(text)) return parsed.version;
  throw refuse('VERSION_INVALID', 'a version is MAJOR.MINOR.PATCH, perhaps with -prerelease (semver.org)');
}

/** @throws TAG_INVALID also for what could be read as a range of versions */
export function checkTag(tag: string): string {
  const form = /^[A-Za-z0-9](?:[A-Za-z0-9._~+@-]{0,126}[A-Za-z0-9])?$/.test(tag);
  if (form && validRange(tag) === null) return tag;
  throw refuse(
    'TAG_INVALID',
    'a dist-tag has 1 to 128 letters, digits and ._~+@-, and is no version or range of versions',
  );
}

const TARBALL = '.tgz';
/** of a sigstore bundle that says where the tarball was built */
const BUNDLE = '.sigstore';

export const tarballOf = (name: string, version: string): string => `${unscoped(name)}-${version}${TARBALL}`;
export const bundleOf = (name: string, version: string): string => `${unscoped(name)}-${version}${BUNDLE}`;

/** The version that a file name is of; undefined when it is none of this package. */
export function versionOfFile(name: string, file: string): string | undefined {
  const suffix = [TARBALL, BUNDLE].find(one => file.endsWith(one));
  const prefix = `${unscoped(name)}-`;
  if (suffix === undefined || !file.startsWith(prefix)) return undefined;
  const version = file.slice(prefix.length, -suffix.length);
  return version.length <= MAX_VERSION && parseSemver(version)?.version === version ? version : undefined;
}
