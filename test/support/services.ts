import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { describe } from 'vitest';

/**
 * What of the outside world a test may ask for. A test that needs something absent skips under a name that
 * says so; `.ci/run` refuses every skip that `test/unavailable.json` does not explain.
 */
export type ServiceName = keyof typeof rules;

export interface Service {
  readonly available: boolean;
  /** Absolute path of the program, where the service is one. */
  readonly path?: string;
  /** URL or address from the environment, where one was given. */
  readonly url?: string;
  /** Why it is not available, for the name of the skipped test. */
  readonly reason?: string;
}

interface Rule {
  /** All of these must be found; the first is the one that `path` names. */
  readonly programs?: readonly string[];
  /** An address in this variable makes the service available without any program. */
  readonly url?: string;
  /** Folders searched beside PATH and `.bin`. */
  readonly folders?: () => readonly string[];
}

const projectRoot = resolve(import.meta.dirname, '../..');

const rules = {
  opa: { programs: ['opa'] },
  skopeo: { programs: ['skopeo'] },
  podman: { programs: ['podman'] },
  buildah: { programs: ['buildah'] },
  crane: { programs: ['crane'] },
  oras: { programs: ['oras'] },
  go: { programs: ['go'] },
  npm: { programs: ['npm'] },
  pnpm: { programs: ['pnpm'] },
  /** yarn 1 */
  yarn: { programs: ['yarn'] },
  /** yarn 4 */
  'yarn-berry': { programs: ['yarn-berry'] },
  umoci: { programs: ['umoci'] },
  helm: { programs: ['helm'] },
  'helm-cm-push': { programs: ['helm-cm-push'] },
  gpg: { programs: ['gpg'] },
  curl: { programs: ['curl'] },
  wget: { programs: ['wget'] },
  pip: { programs: ['pip', 'python3'] },
  twine: { programs: ['twine'] },
  uv: { programs: ['uv'] },
  mvn: { programs: ['mvn', 'javac'] },
  /** nuget.exe under mono */
  nuget: { programs: ['nuget', 'mono'] },
  gradle: { programs: ['gradle', 'javac'] },
  strace: { programs: ['strace'] },
  conformance: { programs: ['conformance'] },
  'docker-registry': { programs: ['docker-registry'] },
  redis: { programs: ['redis-server'], url: 'STRONGROOM_TEST_REDIS_URL' },
  postgres: {
    programs: ['initdb', 'postgres'],
    url: 'STRONGROOM_TEST_POSTGRES_URL',
    folders: postgresFolders,
  },
  s3: { programs: ['versitygw'], url: 'STRONGROOM_TEST_S3_URL' },
  /** A running engine, not merely its client: only whoever started one can say where. */
  docker: { url: 'STRONGROOM_TEST_DOCKER_HOST' },
  /** A real KurrentDB or EventStoreDB server. */
  eventstore: { url: 'STRONGROOM_TEST_EVENTSTORE_URL' },
} as const satisfies Record<string, Rule>;

const found = new Map<ServiceName, Service>();

/** Looks on PATH, in `.bin/` and in `STRONGROOM_TEST_*`; starts and connects to nothing. Cached. */
export function service(name: ServiceName): Service {
  const known = found.get(name);
  if (known) return known;
  const result = look(rules[name]);
  found.set(name, result);
  return result;
}

/** The program of a service, or its bare name so that a run without it fails with a readable ENOENT. */
export function program(name: ServiceName): string {
  return service(name).path ?? name;
}

/** `describe` when every service is there, else a skipped one whose name says what is missing. */
export function describeWith(needs: readonly ServiceName[], name: string, fn: () => void): void {
  const missing = needs.filter(need => !service(need).available);
  if (missing.length === 0) describe(name, fn);
  else describe.skip(`${name} [without ${missing.join(', ')}]`, fn);
}

function look(rule: Rule): Service {
  const url = rule.url === undefined ? undefined : process.env[rule.url];
  if (url) return { available: true, url };
  if (!rule.programs) return { available: false, reason: `${rule.url} is not set` };
  const folders = [...(rule.folders?.() ?? []), ...searchPath()];
  const paths = rule.programs.map(program => findIn(folders, program));
  const missing = rule.programs.filter((_, index) => paths[index] === undefined);
  if (missing.length > 0) return { available: false, reason: `not found: ${missing.join(', ')}` };
  return { available: true, path: paths[0] ?? '' };
}

function searchPath(): string[] {
  const path = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== '');
  return [join(projectRoot, '.bin'), ...path, '/usr/sbin'];
}

function findIn(folders: readonly string[], program: string): string | undefined {
  return folders.map(folder => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Debian keeps each PostgreSQL version's programs off PATH; the newest comes first. */
function postgresFolders(): string[] {
  const base = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(base).sort((a, b) => Number(b) - Number(a));
    return versions.map(version => join(base, version, 'bin'));
  } catch {
    return [];
  }
}
