/** Pure: what a request to a generic repository asks for. */
import { refuse } from '../../domain/errors.ts';
import { type PkgPath, parsePkgPath } from '../shared/pkg.ts';

export interface GenericFile extends PkgPath {
  readonly kind: 'file';
  readonly package: string;
  readonly version: string;
  /** the path inside the version, with slashes */
  readonly file: string;
}
export interface GenericList extends PkgPath {
  readonly kind: 'list';
  readonly package?: string | undefined;
  readonly version?: string | undefined;
}
export type GenericRoute = GenericFile | GenericList;

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?$/;
const VERSION = /^[A-Za-z0-9](?:[A-Za-z0-9._+~-]{0,126}[A-Za-z0-9])?$/;
const MAX_FILE = 1000;

/** `<package>/<version>/<path…>` is a file, anything shorter or with a trailing slash a listing. @throws NAME_INVALID */
export function parseGeneric(rawPath: string): GenericRoute {
  const path = parsePkgPath(rawPath);
  const segments = path.rest.at(-1) === '' ? path.rest.slice(0, -1) : path.rest;
  if (segments.includes('')) throw refuse('NAME_INVALID', 'the path has an empty segment');
  const [name, version, ...rest] = segments;
  if (name !== undefined && !NAME.test(name))
    throw refuse('NAME_INVALID', 'a package name has 1 to 256 letters, digits, dots, dashes and underscores');
  if (version !== undefined && !VERSION.test(version))
    throw refuse(
      'VERSION_INVALID',
      'a version has 1 to 128 letters, digits, dots, dashes, underscores, + and ~',
    );
  if (name === undefined || version === undefined || rest.length === 0 || path.rest.at(-1) === '')
    return { kind: 'list', ...path, package: name, version };
  const file = rest.join('/');
  if (file.length > MAX_FILE) throw refuse('NAME_INVALID', `a path has at most ${MAX_FILE} characters`);
  return { kind: 'file', ...path, package: name, version, file };
}
