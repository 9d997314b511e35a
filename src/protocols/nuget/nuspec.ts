/** What a .nuspec says, checked. https://learn.microsoft.com/en-us/nuget/reference/nuspec. Pure. */
import { refuse } from '../../domain/errors.ts';
import { parseXml, type XmlElement } from '../shared/xml.ts';
import { type Embedded, normalizeId, type VersionNames, versionNames } from './names.ts';

export interface Dependency {
  readonly id: string;
  /** as written: `1.0`, `[1.0,2.0)`; undefined: any */
  readonly range: string | undefined;
}

export interface DependencyGroup {
  /** undefined: for all frameworks */
  readonly targetFramework: string | undefined;
  readonly dependencies: readonly Dependency[];
}

export interface Nuspec extends VersionNames {
  /** as written */
  readonly id: string;
  /** in lower case */
  readonly name: string;
  readonly title: string | undefined;
  readonly authors: string;
  readonly description: string;
  readonly summary: string | undefined;
  readonly language: string | undefined;
  readonly tags: readonly string[];
  readonly projectUrl: string | undefined;
  readonly iconUrl: string | undefined;
  readonly licenseUrl: string | undefined;
  readonly licenseExpression: string | undefined;
  readonly repositoryUrl: string | undefined;
  readonly requireLicenseAcceptance: boolean;
  readonly minClientVersion: string | undefined;
  readonly groups: readonly DependencyGroup[];
  readonly packageTypes: readonly { readonly name: string; readonly version?: string }[];
  /** paths inside the package */
  readonly embedded: Readonly<Partial<Record<Embedded, string>>>;
}

const LIMITS = { bytes: 1024 * 1024, depth: 32, nodes: 20_000 };
const MAX_TEXT = 4000;
const MAX_LINE = 1000;
const MAX_TAGS = 200;
const MAX_DEPENDENCIES = 1000;

const bad = (reason: string) => refuse('PACKAGE_INVALID', `its .nuspec: ${reason}`);

/** @throws PACKAGE_INVALID, NAME_INVALID, VERSION_INVALID */
export function parseNuspec(bytes: Uint8Array): Nuspec {
  const root = parseXml(bytes, LIMITS);
  const metadata = root.name === 'package' ? root.child('metadata') : undefined;
  if (!metadata) throw bad('it has no metadata');
  const line = (name: string) => metadata.textOf(name)?.replaceAll(/\s+/g, ' ').slice(0, MAX_LINE);
  const text = (name: string) => metadata.textOf(name)?.slice(0, MAX_TEXT);
  const id = metadata.textOf('id') ?? '';
  const license = metadata.child('license');
  return {
    id,
    name: normalizeId(id),
    ...versionNames(metadata.textOf('version') ?? ''),
    title: line('title'),
    authors: line('authors') ?? '',
    description: text('description') ?? '',
    summary: text('summary'),
    language: line('language'),
    tags: (line('tags') ?? '')
      .split(/[\s,;]+/)
      .filter(Boolean)
      .slice(0, MAX_TAGS),
    projectUrl: webAddress(line('projectUrl')),
    iconUrl: webAddress(line('iconUrl')),
    licenseUrl: webAddress(line('licenseUrl')),
    licenseExpression: license?.attributes.get('type') === 'expression' ? line('license') : undefined,
    repositoryUrl: metadata.child('repository')?.attributes.get('url')?.slice(0, MAX_LINE),
    requireLicenseAcceptance: metadata.textOf('requireLicenseAcceptance')?.toLowerCase() === 'true',
    minClientVersion: clientVersion(metadata.attributes.get('minClientVersion')),
    groups: groupsIn(metadata.child('dependencies')),
    packageTypes: typesIn(metadata.child('packageTypes')),
    embedded: embeddedIn(metadata),
  };
}

/** Clients turn it into a link: nothing but the web. */
function webAddress(text: string | undefined): string | undefined {
  return text !== undefined && /^https?:$/.test(URL.parse(text)?.protocol ?? '') ? text : undefined;
}

/** One that clients cannot read would keep them from all versions of the package. */
const clientVersion = (text: string | undefined) =>
  text !== undefined && /^[0-9]{1,5}(?:\.[0-9]{1,5}){1,3}$/.test(text) ? text : undefined;

/** Groups by framework, or a plain list from before there were groups. */
function groupsIn(dependencies: XmlElement | undefined): DependencyGroup[] {
  if (!dependencies) return [];
  const groups = dependencies.all('group').map(group => ({
    targetFramework: frameworkOf(group.attributes.get('targetFramework')),
    dependencies: dependenciesIn(group),
  }));
  const plain = dependenciesIn(dependencies);
  const all = plain.length === 0 ? groups : [{ targetFramework: undefined, dependencies: plain }, ...groups];
  if (all.reduce((sum, group) => sum + 1 + group.dependencies.length, 0) > MAX_DEPENDENCIES)
    throw bad(`it has more than ${MAX_DEPENDENCIES} dependencies`);
  return all;
}

function frameworkOf(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (text.length > 200 || !/^[A-Za-z0-9.,+=_ -]+$/.test(text))
    throw bad('it has a targetFramework that is none');
  return text;
}

const BOUND = '[0-9A-Za-z.+*-]*';
/** https://learn.microsoft.com/en-us/nuget/concepts/package-versioning#version-ranges */
const RANGE = new RegExp(`^(?:${BOUND}|[[(] *${BOUND} *(?:, *${BOUND} *)?[\\])])$`);

function dependenciesIn(group: XmlElement): Dependency[] {
  return group.all('dependency').map(({ attributes }) => {
    const id = attributes.get('id')?.trim() ?? '';
    const range = attributes.get('version')?.trim() || undefined;
    normalizeId(id);
    // one that clients cannot read would keep them from all versions of the package
    if (range !== undefined && (range.length > 200 || !RANGE.test(range)))
      throw bad(`it depends on ${id} in versions that are no range`);
    return { id, range };
  });
}

function typesIn(types: XmlElement | undefined): { name: string; version?: string }[] {
  return (types?.all('packageType') ?? []).slice(0, 20).map(({ attributes }) => {
    const name = attributes.get('name') ?? '';
    const version = attributes.get('version');
    if (!/^[\w.-]{1,100}$/.test(name)) throw bad('it has a package type without a name');
    return version !== undefined && /^[0-9.]{1,50}$/.test(version) ? { name, version } : { name };
  });
}

function embeddedIn(metadata: XmlElement): Partial<Record<Embedded, string>> {
  const license = metadata.child('license');
  const paths = {
    readme: metadata.textOf('readme'),
    icon: metadata.textOf('icon'),
    license: license?.attributes.get('type')?.toLowerCase() === 'file' ? license.text : undefined,
  };
  return Object.fromEntries(Object.entries(paths).filter(([, path]) => path !== undefined && path !== ''));
}

/** A package that only carries symbols of another. */
export const isSymbols = ({ packageTypes }: Nuspec): boolean =>
  packageTypes.some(({ name }) => name.toLowerCase() === 'symbolspackage');
