/** Pure: what a request to an npm repository asks for. https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md */
import type { RepositoryName } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import { parsePkgPath } from '../shared/pkg.ts';
import { versionOfFile } from './names.ts';

type Alone = 'ping' | 'whoami' | 'search' | 'stages' | 'tokens' | 'profile' | 'advisories' | 'audit';
type AboutPackage = 'package' | 'tags' | 'access' | 'visibility' | 'collaborators' | 'stage-package';
type AboutStage = 'stage' | 'stage-approve' | 'stage-tarball';
type With<K extends string, Fields> = K extends string ? { readonly kind: K } & Fields : never;
interface OfPackage {
  readonly package: string;
}
interface OfVersion extends OfPackage {
  readonly version: string;
}
interface OfRevision {
  /** what the client saw, as `_rev` of a packument */
  readonly revision: string;
}

/** What a path names, whatever the method. Package names are as they came: a name nobody can publish is not there. */
export type NpmResource =
  | With<Alone, object>
  | With<AboutPackage, OfPackage>
  | With<'revision', OfPackage & OfRevision>
  /** one version, by number or tag */
  | With<'manifest', OfPackage & { readonly selector: string }>
  | With<'file', OfVersion & { readonly file: string }>
  | With<'file-revision', OfVersion & OfRevision>
  | With<'tag', OfPackage & { readonly tag: string }>
  | With<'attestations', OfVersion>
  | With<AboutStage, { readonly id: string }>
  | With<'login' | 'user-packages', { readonly user: string }>
  | With<'logout' | 'token', { readonly token: string }>;

export interface NpmPath {
  readonly name: RepositoryName;
  /** path of the repository, without a trailing slash, one spelling for each repository */
  readonly base: string;
  readonly resource: NpmResource;
}

/** @throws NAME_INVALID, ROUTE_UNKNOWN */
export function parseNpm(rawPath: string): NpmPath {
  const { name, rest } = parsePkgPath(rawPath, { encodedSlashes: true });
  // `@acme%2fwidget` and `@acme/widget` are the same
  const segments = rest.flatMap(segment => segment.split('/'));
  const resource = segments[0] === '-' ? serviceOf(segments.slice(1)) : packageOf(segments);
  if (!resource) throw refuse('ROUTE_UNKNOWN');
  return { name, base: `/pkg/${name.project}/${name.repository}/npm`, resource };
}

/** Takes a package name from the front of the segments. */
function nameFrom(segments: readonly string[]): { name: string; rest: readonly string[] } {
  const [first = '', second = ''] = segments;
  const scoped = first.startsWith('@');
  const name = scoped ? `${first}/${second}` : first;
  if (first === '' || (scoped && second === '')) throw refuse('ROUTE_UNKNOWN');
  if (name.length > 300) throw refuse('NAME_INVALID', 'a package name has at most 214 characters');
  return { name, rest: segments.slice(scoped ? 2 : 1) };
}

function packageOf(segments: readonly string[]): NpmResource | undefined {
  const { name, rest } = nameFrom(segments);
  const [first, second, ...more] = rest;
  if (first === undefined) return { kind: 'package', package: name };
  if (first === '-rev' && second !== undefined && more.length === 0)
    return { kind: 'revision', package: name, revision: second };
  if (first === '-' && second !== undefined) return fileOf(name, [second, ...more]);
  return second === undefined && first !== '' && !first.startsWith('-')
    ? { kind: 'manifest', package: name, selector: first }
    : undefined;
}

/** `widget-1.0.0.tgz`, or as it is written in what npm publishes, `@acme/widget-1.0.0.tgz`. */
function fileOf(name: string, segments: readonly string[]): NpmResource | undefined {
  const long = name.startsWith('@') && segments[0] === name.slice(0, name.indexOf('/'));
  const [file = '', marker, revision, ...more] = long ? segments.slice(1) : segments;
  const version = versionOfFile(name, file);
  if (version === undefined) throw refuse('FILE_UNKNOWN', file);
  if (marker === undefined) return { kind: 'file', package: name, version, file };
  return marker === '-rev' && revision !== undefined && more.length === 0
    ? { kind: 'file-revision', package: name, version, revision }
    : undefined;
}

type Service = (segments: readonly string[]) => NpmResource | undefined;

/** Paths below `/-/`, longest first. */
const SERVICES: readonly (readonly [string, Service])[] = [
  ['npm/v1/security/advisories/bulk', alone('advisories')],
  ['npm/v1/security/audits/quick', alone('audit')],
  ['npm/v1/security/audits', alone('audit')],
  ['npm/v1/attestations', attestationsOf],
  [
    'npm/v1/tokens/token',
    ([token, ...more]) => (token && more.length === 0 ? { kind: 'token', token } : undefined),
  ],
  ['npm/v1/tokens', alone('tokens')],
  ['npm/v1/user', alone('profile')],
  ['v1/search', alone('search')],
  ['stage/package', ofPackage(name => ({ kind: 'stage-package', package: name }))],
  ['stage', stageOf],
  ['package', packageService],
  ['user/token', ([token, ...more]) => (token && more.length === 0 ? { kind: 'logout', token } : undefined)],
  ['user', userOf],
  ['whoami', alone('whoami')],
  ['ping', alone('ping')],
];

function serviceOf(segments: readonly string[]): NpmResource | undefined {
  const path = segments.join('/');
  for (const [prefix, service] of SERVICES)
    if (path === prefix || path.startsWith(`${prefix}/`))
      return service(segments.slice(prefix.split('/').length));
  return undefined;
}

function alone(kind: Alone): Service {
  return segments => (segments.length === 0 ? { kind } : undefined);
}

function ofPackage(make: (name: string) => NpmResource): Service {
  return segments => {
    const { name, rest } = nameFrom(segments);
    return rest.length === 0 ? make(name) : undefined;
  };
}

function packageService(segments: readonly string[]): NpmResource | undefined {
  const { name, rest } = nameFrom(segments);
  const [what, tag, ...more] = rest;
  if (more.length > 0) return undefined;
  if (what === 'dist-tags')
    return tag === undefined || tag === ''
      ? { kind: 'tags', package: name }
      : { kind: 'tag', package: name, tag };
  if (tag === undefined && (what === 'access' || what === 'visibility' || what === 'collaborators'))
    return { kind: what, package: name };
  return undefined;
}

/** `<package>@<version>` */
function attestationsOf(segments: readonly string[]): NpmResource | undefined {
  const path = segments.join('/');
  const at = path.lastIndexOf('@');
  if (at <= 0) return undefined;
  const { name, rest } = nameFrom(path.slice(0, at).split('/'));
  return rest.length === 0 ? { kind: 'attestations', package: name, version: path.slice(at + 1) } : undefined;
}

function stageOf([id, action, ...more]: readonly string[]): NpmResource | undefined {
  if (id === undefined) return { kind: 'stages' };
  if (id === '' || more.length > 0) return undefined;
  if (action === undefined) return { kind: 'stage', id };
  if (action === 'approve' || action === 'tarball') return { kind: `stage-${action}`, id };
  return undefined;
}

const COUCH_USER = 'org.couchdb.user:';

/** npm logs in by writing a CouchDB user document; a revision after it is of no meaning here. */
function userOf([user, marker, ...more]: readonly string[]): NpmResource | undefined {
  if (user === undefined || user === '') return undefined;
  if (user.startsWith(COUCH_USER))
    return marker === undefined || (marker === '-rev' && more.length === 1)
      ? { kind: 'login', user: user.slice(COUCH_USER.length) }
      : undefined;
  return marker === 'package' && more.length === 0 ? { kind: 'user-packages', user } : undefined;
}
