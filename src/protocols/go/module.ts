/**
 * Module paths and versions. https://go.dev/ref/mod#module-path and golang.org/x/mod/module: CheckPath,
 * EscapePath, CheckPathMajor. Pure.
 */
import semver from 'semver';
import { refuse } from '../../domain/errors.ts';

export interface ModuleVersion {
  readonly path: string;
  /** canonical: `v1.2.3`, `v0.0.0-20260102150405-abcdef123456`, `v2.0.0+incompatible` */
  readonly version: string;
}

const MAX_PATH = 500;
const ELEMENT = /^[A-Za-z0-9\-._~]+$/;
const HOST = /^[a-z0-9.-]+$/;
/** Names that Windows keeps for devices, whatever their extension. */
const RESERVED = /^(?:con|prn|aux|nul|com[1-9]|lpt[1-9])$/i;

/** The module path that a proxy URL's escaped form stands for: `!acme` is `Acme`. @throws NAME_INVALID */
export function unescapePath(escaped: string): string {
  if (/[A-Z]/.test(escaped) || /!(?![a-z])/.test(escaped))
    throw refuse('NAME_INVALID', 'in a proxy URL each upper-case letter is ! and the lower-case one');
  return checkPath(escaped.replaceAll(/!([a-z])/g, (_all, letter: string) => letter.toUpperCase()));
}

export const escapePath = (path: string): string =>
  path.replaceAll(/[A-Z]/g, letter => `!${letter.toLowerCase()}`);

/** @throws NAME_INVALID */
export function checkPath(path: string): string {
  const elements = path.split('/');
  const [host = ''] = elements;
  const wrong = (why: string) => refuse('NAME_INVALID', `${path.slice(0, 200)} is no module path: ${why}`);
  if (path.length > MAX_PATH) throw wrong(`it has more than ${MAX_PATH} characters`);
  if (!HOST.test(host) || !host.includes('.') || host.startsWith('-'))
    throw wrong('it begins with a host name that has a dot');
  for (const element of elements)
    if (!isElement(element)) throw wrong('it has an element that is not allowed');
  if (pathMajor(path) === 'none')
    throw wrong('its suffix for a major version is /v2 and above; in gopkg.in .v0 and above');
  return path;
}

const isElement = (element: string): boolean =>
  ELEMENT.test(element) &&
  !element.startsWith('.') &&
  isPortable(element) &&
  !/~[0-9]+$/.test(untilDot(element));

/** Letters of any script are allowed there, and spaces. */
const FILE_ELEMENT = /^[\p{L}0-9 !#$%&()+,\-.=@[\]^_{}~]+$/u;

/** CheckFilePath: the name of a file, or of a folder without its slash, in a module. */
export const isFilePath = (path: string): boolean =>
  path.split('/').every(element => FILE_ELEMENT.test(element) && isPortable(element));

/** On Windows too. */
const isPortable = (element: string): boolean => !element.endsWith('.') && !RESERVED.test(untilDot(element));

const untilDot = (element: string): string => element.split('.')[0] ?? '';

/** SplitPathVersion: what a path's suffix says of the major version; undefined: 0 or 1; none: it is none that may be. */
function pathMajor(path: string): number | 'none' | undefined {
  const gopkg = path.startsWith('gopkg.in/');
  const [, suffix] = (gopkg ? /\.v([0-9]+)(?:-unstable)?$/ : /\/v([0-9.]+)$/).exec(path) ?? [];
  if (suffix === undefined) return gopkg ? 'none' : undefined;
  const allowed = gopkg ? /^(?:0|[1-9][0-9]*)$/ : /^(?:[2-9]|[1-9][0-9]+)$/;
  return allowed.test(suffix) ? Number(suffix) : 'none';
}

/**
 * The version in canonical form. @param path checked
 * @throws VERSION_INVALID when it is not canonical, or its major version is not the one that the path's suffix says:
 * https://go.dev/ref/mod#major-version-suffixes
 */
export function checkVersion(path: string, version: string): string {
  const incompatible = version.endsWith('+incompatible');
  const plain = incompatible ? version.slice(0, -'+incompatible'.length) : version;
  const parsed = plain.startsWith('v') ? semver.parse(plain.slice(1)) : null;
  if (!parsed || `v${parsed.version}` !== plain || parsed.build.length > 0)
    throw refuse(
      'VERSION_INVALID',
      'a module version is v<major>.<minor>.<patch>, with a pre-release at most',
    );
  const said = pathMajor(path);
  // v0.0.0-: gopkg.in's .v1 had such pseudo-versions once, and other modules still require them
  const old = said === 1 && plain.startsWith('v0.0.0-');
  const fits =
    said === undefined ? parsed.major < 2 || incompatible : (said === parsed.major || old) && !incompatible;
  if (!fits)
    throw refuse(
      'VERSION_INVALID',
      `${version} does not belong to ${path}: its major version decides the path's suffix`,
    );
  return version;
}

/** https://go.dev/ref/mod#pseudo-versions */
export const isPseudo = (version: string): boolean =>
  /^v[0-9]+\.(?:0\.0-|[0-9]+\.[0-9]+-(?:[^+]*\.)?0\.)[0-9]{14}-[A-Za-z0-9]{12}(?:\+incompatible)?$/.test(
    version,
  );

/** By semantic version, ascending. */
export const byVersion = (a: string, b: string): number => semver.compare(a.slice(1), b.slice(1));

/** What `@latest` answers: releases before pre-releases before pseudo-versions, the highest of them. */
export function latestOf(versions: readonly string[]): string | undefined {
  const rank = (version: string) =>
    isPseudo(version) ? 0 : semver.prerelease(version.slice(1)) === null ? 2 : 1;
  return [...versions].sort((a, b) => rank(a) - rank(b) || byVersion(a, b)).at(-1);
}
