/** Pure: from what was published to what indexes show (the manifest) and what is known of the version (the description). */
import type { Description } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/values/json.ts';
import { own } from '../../domain/values/own.ts';
import { licenceOf } from '../shared/licence.ts';
import { optionalObject, textOf } from './document.ts';
import { unscoped } from './names.ts';
import type { Inspected } from './tarball.ts';

/** What decides over an installation: taken from the tarball alone, so that no document can say something else. */
const FROM_TARBALL = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'bundleDependencies',
  'bundledDependencies',
  'acceptDependencies',
  'engines',
  'os',
  'cpu',
  'libc',
  'bin',
  'scripts',
  'main',
  'module',
  'browser',
  'types',
  'typings',
  'exports',
  'imports',
  'type',
  'license',
  'gypfile',
] as const;

/** What is not for indexes: composed anew, kept elsewhere, or about persons. */
const DROPPED = new Set([
  ...['dist', 'readme', 'readmeFilename', '_id', '_rev', '_attachments', 'deprecated', 'maintainers'],
  ...['_npmUser', '_npmOperationalInternal', '_resolved', '_integrity', '_from', '_where'],
  ...['hasInstallScript', '_hasShrinkwrap', 'name', 'version', ...FROM_TARBALL],
]);

const MAX_MANIFEST = 256 * 1024;
const MAX_KEPT = 1024 * 1024;

/** @returns a manifest for packuments, without `dist` @throws PACKAGE_INVALID when it is too large */
export function manifestOf(
  { name, version, manifest }: { name: string; version: string; manifest: JsonObject },
  inspected: Inspected,
): JsonObject {
  const said = Object.entries(manifest).filter(([key]) => !DROPPED.has(key));
  const installed = installedFields(name, manifest, inspected);
  const whole = { name, version, ...Object.fromEntries(said), ...installed };
  if (sizeOf(whole) <= MAX_MANIFEST) return whole;
  const least = { name, version, ...installed };
  if (sizeOf(least) > MAX_KEPT) throw refuse('PACKAGE_INVALID', 'the package.json is too large');
  return least;
}

const sizeOf = (value: JsonObject) => Buffer.byteLength(JSON.stringify(value));

function installedFields(
  name: string,
  manifest: JsonObject,
  { packageJson, hasGyp, hasShrinkwrap }: Inspected,
): JsonObject {
  const fields: Record<string, Json> = {};
  for (const key of FROM_TARBALL) {
    const value = own(packageJson, key);
    if (value !== undefined && value !== null) fields[key] = value;
  }
  const bin = binOf(name, packageJson, manifest);
  const bundled = bundledOf(packageJson);
  const { bundledDependencies: _, ...rest } = fields;
  const scripts = scriptsOf(packageJson, hasGyp);
  return {
    ...rest,
    ...(bin === undefined ? {} : { bin }),
    ...(bundled === undefined ? {} : { bundleDependencies: bundled }),
    ...(scripts === undefined ? {} : { scripts }),
    ...(hasGyp ? { gypfile: true } : {}),
    ...(hasShrinkwrap ? { _hasShrinkwrap: true } : {}),
    ...(runsOnInstall(scripts) ? { hasInstallScript: true } : {}),
  };
}

/** One program may be written as its path alone; a folder of programs only the client has read. */
function binOf(name: string, packageJson: JsonObject, manifest: JsonObject): Json | undefined {
  const bin = own(packageJson, 'bin');
  if (typeof bin === 'string') return { [unscoped(name)]: bin };
  if (bin !== undefined) return bin;
  return own(optionalObject(own(packageJson, 'directories')), 'bin') === undefined
    ? undefined
    : own(manifest, 'bin');
}

function bundledOf(packageJson: JsonObject): Json | undefined {
  const bundled = own(packageJson, 'bundleDependencies') ?? own(packageJson, 'bundledDependencies');
  return bundled === true ? Object.keys(optionalObject(own(packageJson, 'dependencies'))) : bundled;
}

function scriptsOf(packageJson: JsonObject, hasGyp: boolean): JsonObject | undefined {
  const scripts = own(packageJson, 'scripts');
  const own_ = scripts === undefined ? undefined : optionalObject(scripts);
  const compiles = hasGyp && own_?.install === undefined && own_?.preinstall === undefined;
  if (!compiles || packageJson.gypfile === false) return own_;
  return { ...own_, install: 'node-gyp rebuild' };
}

const runsOnInstall = (scripts: JsonObject | undefined) =>
  ['preinstall', 'install', 'postinstall'].some(name => scripts?.[name] !== undefined);

/** What search, policies and the console know of a version. Beyond the schema's bounds it is cut, not refused. */
export function descriptionOf(packageJson: JsonObject, native: JsonObject): Description {
  const summary = textOf(own(packageJson, 'description'))?.slice(0, 10_000);
  const homepage = line(own(packageJson, 'homepage'));
  const repository = repositoryOf(own(packageJson, 'repository'));
  return {
    ...(summary === undefined ? {} : { summary }),
    ...licenceOf(declaredLicence(packageJson)),
    authors: personsOf(packageJson),
    keywords: keywordsOf(own(packageJson, 'keywords')),
    ...(homepage === undefined ? {} : { homepage }),
    ...(repository === undefined ? {} : { repository }),
    dependencies: dependenciesOf(packageJson),
    native: native as NonNullable<Description['native']>,
  };
}

const line = (value: Json | undefined) => textOf(value)?.slice(0, 2000);

/** `"MIT"`, or as it was written before 2013: `{"type": "MIT"}`, `[{"type": "MIT"}, …]`. */
function declaredLicence(packageJson: JsonObject): string | undefined {
  const { license, licenses } = packageJson;
  const one = (value: Json | undefined) => textOf(value) ?? textOf(optionalObject(value).type);
  if (license !== undefined || !Array.isArray(licenses)) return one(license ?? licenses);
  const all = licenses
    .slice(0, 20)
    .map(one)
    .filter(text => text !== undefined);
  return all.length > 1 ? `(${all.join(' OR ')})` : all[0];
}

function personsOf({ author, contributors }: JsonObject) {
  const all = [author, ...(Array.isArray(contributors) ? contributors : [])];
  return all
    .slice(0, 200)
    .map(personOf)
    .filter(person => person !== undefined);
}

/** `{name, email, url}` or `Name <email> (url)` */
function personOf(value: Json | undefined) {
  const text = textOf(value)?.slice(0, 1000);
  const fields = text === undefined ? optionalObject(value) : personIn(text);
  const [name, email, url] = [line(fields.name), line(fields.email), line(fields.url)];
  if (name === undefined && email === undefined) return undefined;
  return {
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
    ...(url === undefined ? {} : { url }),
  };
}

function personIn(text: string): JsonObject {
  const name = text.split(/[<(]/, 1)[0]?.trim();
  const email = /<([^<>]*)>/.exec(text)?.[1];
  const url = /\(([^()]*)\)/.exec(text)?.[1];
  return {
    ...(name ? { name } : {}),
    ...(email === undefined ? {} : { email }),
    ...(url === undefined ? {} : { url }),
  };
}

function keywordsOf(value: Json | undefined): string[] {
  const all = typeof value === 'string' ? value.split(/[\s,]+/) : Array.isArray(value) ? value : [];
  const words = all.map(line).filter(word => word !== undefined && word !== '');
  return words.slice(0, 200) as string[];
}

function repositoryOf(value: Json | undefined): string | undefined {
  const url = line(value) ?? line(optionalObject(value).url);
  return url?.replace(/^git\+(?=https?:)/, '');
}

const KINDS = {
  dependencies: 'runtime',
  optionalDependencies: 'optional',
  peerDependencies: 'peer',
  devDependencies: 'development',
} as const;

function dependenciesOf(packageJson: JsonObject) {
  const all = Object.entries(KINDS).flatMap(([field, kind]) =>
    Object.entries(optionalObject(own(packageJson, field))).map(([name, requirement]) => {
      const written = line(requirement);
      return { name: name.slice(0, 2000), kind, ...(written === undefined ? {} : { requirement: written }) };
    }),
  );
  return all.slice(0, 5000);
}
