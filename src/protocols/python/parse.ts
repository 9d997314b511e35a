/** Pure: what a request to a Python repository asks for. */
import { refuse } from '../../domain/errors.ts';
import { type PkgPath, parsePkgPath } from '../shared/pkg.ts';
import {
  metadataName,
  normalizeName,
  normalizeVersion,
  parseDistributionName,
  provenanceName,
} from './names.ts';

/** Where distributions are sent to. */
export interface UploadRoute extends PkgPath {
  readonly kind: 'upload';
}
/** The names of all projects. */
export interface ProjectsRoute extends PkgPath {
  readonly kind: 'projects';
}
export interface ProjectRoute extends PkgPath {
  readonly kind: 'project';
  /** normalised */
  readonly project: string;
}
/** The same thing under its one right address. */
export interface RedirectRoute extends PkgPath {
  readonly kind: 'redirect';
  /** raw absolute path */
  readonly to: string;
}
export interface FileRoute extends PkgPath {
  readonly kind: 'file';
  readonly project: string;
  readonly version: string;
  /** as it is stored */
  readonly file: string;
}
export type PythonRoute = UploadRoute | ProjectsRoute | ProjectRoute | RedirectRoute | FileRoute;

/** @throws NAME_INVALID, VERSION_INVALID, ROUTE_UNKNOWN */
export function parsePython(rawPath: string): PythonRoute {
  const path = parsePkgPath(rawPath);
  const [first = '', ...rest] = path.rest;
  if (first === 'simple') return parseSimple(path, rest);
  if (first === 'files') return parseFile(path, rest);
  const isUpload =
    (first === '' || first === 'legacy') && rest.every(segment => segment === '') && rest.length <= 1;
  if (isUpload) return { kind: 'upload', ...path };
  throw refuse('ROUTE_UNKNOWN');
}

/** https://packaging.python.org/en/latest/specifications/simple-repository-api/#base-html-api */
function parseSimple(path: PkgPath, rest: readonly string[]): PythonRoute {
  const simple = `${path.base}/simple/`;
  if (rest.length === 0) return { kind: 'redirect', ...path, to: simple };
  const [name = '', end, ...more] = rest;
  if (name === '' && end === undefined) return { kind: 'projects', ...path };
  if (name === '' || (end ?? '') !== '' || more.length > 0) throw refuse('ROUTE_UNKNOWN');
  const project = normalizeName(name);
  if (project === name && end === '') return { kind: 'project', ...path, project };
  return { kind: 'redirect', ...path, to: `${simple}${project}/` };
}

const SIDECARS = { metadata: metadataName, provenance: provenanceName } as const;

/** `files/<project>/<version>/<file>`, and its sidecars, whose names clients make by adding to the file's. */
function parseFile(path: PkgPath, rest: readonly string[]): PythonRoute {
  const [project = '', version = '', name = '', ...more] = rest;
  if (name === '' || more.length > 0) throw refuse('ROUTE_UNKNOWN');
  if (normalizeName(project) !== project || normalizeVersion(version) !== version)
    throw refuse('FILE_UNKNOWN', name);
  return { kind: 'file', ...path, project, version, file: storedName(name) };
}

function storedName(name: string): string {
  const [, filename, sidecar] = /^(.+)\.(metadata|provenance)$/.exec(name) ?? [];
  if (filename === undefined) return name;
  return SIDECARS[sidecar as keyof typeof SIDECARS](parseDistributionName(filename).canonical);
}

/** Path of a file below the repository, relative to a project's index. */
export const filePath = (project: string, version: string, filename: string) =>
  `files/${project}/${encodeURIComponent(version)}/${encodeURIComponent(filename)}`;
