/** Pure: names as people type them. What a name may consist of is the server's to say; here it is taken apart. */
import { UsageError } from './errors.ts';

export interface RepositoryName {
  readonly project: string;
  readonly repository: string;
}

/** Any depth: a project, a repository, a package, or one version by tag or digest. */
export interface PlaceName {
  readonly project: string;
  readonly repository?: string;
  readonly package?: string;
  readonly tag?: string;
  /** for OCI a digest, for packages their version */
  readonly version?: string;
}

export interface ArtifactName extends RepositoryName {
  readonly package: string;
  readonly tag?: string;
  readonly version?: string;
}

const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-zA-Z=_-]{32,}$/;

/** `<project>[/<repository>[/<package>[:<tag> | @<version or digest>]]]`. @throws UsageError */
export function parsePlace(text: string): PlaceName {
  const { path, ...named } = takeApart(text);
  const [project = '', repository, ...rest] = path.split('/');
  if (path.split('/').some(part => part === '')) throw wrong(text, 'a part of it is empty');
  if (project.includes(':')) throw wrong(text, 'leave out the address of the server');
  const inside = rest.join('/');
  if (inside === '' && (named.tag !== undefined || named.version !== undefined))
    throw wrong(text, 'a tag or digest belongs to <project>/<repository>/<package>');
  return {
    project,
    ...(repository === undefined ? {} : { repository }),
    ...(inside === '' ? {} : { package: inside }),
    ...named,
  };
}

/** `<project>/<repository>`. @throws UsageError */
export function parseRepository(text: string): RepositoryName {
  const { project, repository, ...rest } = parsePlace(text);
  if (repository === undefined || rest.package !== undefined)
    throw wrong(text, 'a repository is <project>/<repository>');
  return { project, repository };
}

/** `<project>` or `<project>/<repository>`. @throws UsageError */
export function parseScope(text: string): { readonly project: string; readonly repository?: string } {
  const { project, repository, ...rest } = parsePlace(text);
  if (rest.package !== undefined) throw wrong(text, 'name a project or <project>/<repository>');
  return repository === undefined ? { project } : { project, repository };
}

/** `<project>/<repository>/<package>:<tag>` or `…@<version or digest>`: no tag is assumed. @throws UsageError */
export function parseArtifact(text: string): ArtifactName {
  const { project, repository, package: inside, tag, version } = parsePlace(text);
  if (repository === undefined || inside === undefined)
    throw wrong(text, 'an artifact is <project>/<repository>/<package>:<tag> or @<version>');
  if (tag === undefined && version === undefined)
    throw wrong(text, `say which: ${text}:<tag> or ${text}@<version>`);
  return {
    project,
    repository,
    package: inside,
    ...(tag === undefined ? {} : { tag }),
    ...(version === undefined ? {} : { version }),
  };
}

export function formatPlace({ project, repository, package: inside, tag, version }: PlaceName): string {
  const path = [project, repository, inside].filter(part => part !== undefined).join('/');
  return version === undefined ? (tag === undefined ? path : `${path}:${tag}`) : `${path}@${version}`;
}

/**
 * The last at sign that does not begin a name (`@scope/name`) begins a version or a digest. Without one, a colon after
 * the last slash begins a tag, as in an image's name; with a version, colons belong to the name (`group:artifact@1.0`).
 */
function takeApart(text: string): { path: string; tag?: string; version?: string } {
  const at = text.lastIndexOf('@');
  if (at > 0 && text[at - 1] !== '/') return versioned(text, at);
  const colon = text.indexOf(':', text.lastIndexOf('/') + 1);
  if (colon < 0) return { path: text };
  const tag = text.slice(colon + 1);
  if (tag === '') throw wrong(text, 'the tag is empty');
  return { path: text.slice(0, colon), tag };
}

function versioned(text: string, at: number): { path: string; version: string } {
  const [path, version] = [text.slice(0, at), text.slice(at + 1)];
  if (version === '') throw wrong(text, 'after @ comes a version or a digest, such as sha256:…');
  const digest = version.includes(':');
  if (digest && !DIGEST.test(version)) throw wrong(text, 'after @ comes a whole digest, such as sha256:…');
  if (digest && path.indexOf(':', path.lastIndexOf('/') + 1) >= 0)
    throw wrong(text, 'name a tag or a digest, not both');
  return { path, version };
}

const wrong = (text: string, what: string) => new UsageError(`“${text}”: ${what}`);
