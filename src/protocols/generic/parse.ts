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
  /** inside the version, without a slash at its end; undefined: all of it */
  readonly folder?: string | undefined;
}
export type GenericRoute = GenericFile | GenericList;

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?$/;
const VERSION = /^[A-Za-z0-9](?:[A-Za-z0-9._+~-]{0,126}[A-Za-z0-9])?$/;
const MAX_FILE = 1000;
/** What file systems take, bytes. */
const MAX_SEGMENT = 255;
/** What makes a name look like another one: space around it, changes of writing direction, what has no width. */
const DECEPTIVE = /^\s|\s$|[\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/u;

/**
 * `<package>/<version>/<path…>` is a file, with a slash at its end a folder, anything shorter a listing.
 * @throws NAME_INVALID, VERSION_INVALID
 */
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
  if (name === undefined || version === undefined || rest.length === 0)
    return { kind: 'list', ...path, package: name, version, folder: undefined };
  const file = fileName(rest);
  return path.rest.at(-1) === ''
    ? { kind: 'list', ...path, package: name, version, folder: file }
    : { kind: 'file', ...path, package: name, version, file };
}

/** Composed: some systems decompose the names of files, and both look the same. */
function fileName(segments: readonly string[]): string {
  for (const segment of segments) {
    if (DECEPTIVE.test(segment))
      throw refuse('NAME_INVALID', 'a path segment has invisible characters, or space around it');
    if (Buffer.byteLength(segment) > MAX_SEGMENT)
      throw refuse('NAME_INVALID', `a path segment has at most ${MAX_SEGMENT} bytes`);
  }
  const file = segments.join('/').normalize('NFC');
  if (file.length > MAX_FILE) throw refuse('NAME_INVALID', `a path has at most ${MAX_FILE} characters`);
  return file;
}
