/** Pure: what a pom says of its version. https://maven.apache.org/pom.html */
import type { Description } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import { licenceOf } from '../shared/licence.ts';
import { parseXml, type XmlElement } from '../shared/xml.ts';
import type { Coordinates } from './layout.ts';
import { isGoalPrefix } from './plugin.ts';

/** What the indexes need of a pom, in `Description.native`. */
export interface NativePom {
  /** `jar` when it says none */
  readonly packaging: string;
  readonly name?: string;
  /** of a plugin, when it is configured there: what `mvn <prefix>:<goal>` says */
  readonly goalPrefix?: string;
  /** it only says where the artifact went to */
  readonly relocated?: true;
}

/** Names that its author may use as `${…}`. */
type Properties = ReadonlyMap<string, string>;

const [LINE, SUMMARY, MANY, DEPENDENCIES] = [2000, 10_000, 200, 5000];

export interface Pom {
  readonly description: Description;
  /** its own, else its parent's; what it leaves to others or to the command line (`${revision}`) is undefined */
  readonly coordinates: Readonly<Partial<Coordinates>>;
}

/** @throws PACKAGE_INVALID for what is not a pom; what it merely leaves out is left out */
export function readPom(bytes: Uint8Array): Pom {
  const project = parseXml(withoutNamedEntities(bytes));
  if (project.name !== 'project')
    throw refuse('PACKAGE_INVALID', 'a pom is a document with the root <project>');
  const say = reader(project);
  return { description: describe(project, say), coordinates: coordinatesOf(project) };
}

function describe(project: XmlElement, say: Say): Description {
  const native = nativeOf(project, say);
  return clean({
    summary: (say(project, 'description') ?? say(project, 'name'))?.slice(0, SUMMARY),
    ...licencesOf(project, say),
    authors: authorsOf(project, say),
    homepage: lineOf(say(project, 'url')),
    repository: lineOf(repositoryOf(project.child('scm'), say)),
    dependencies: dependenciesOf(project, say),
    native: { ...native },
  });
}

/** https://maven.apache.org/pom.html#maven-coordinates, and #inheritance: a version of the parent may be a range */
function coordinatesOf(project: XmlElement): Partial<Coordinates> {
  const parent = project.child('parent');
  const plain = (text: string | undefined) => (text && !/\$\{|^[[(]/.test(text) ? text : undefined);
  return clean({
    group: plain(project.textOf('groupId') ?? parent?.textOf('groupId')),
    artifact: plain(project.textOf('artifactId')),
    version: plain(project.textOf('version') ?? parent?.textOf('version')),
  });
}

/** The text of a child, its properties filled in. */
type Say = (element: XmlElement | undefined, child: string) => string | undefined;

/** Maven takes the entities of HTML too; which letter they stand for does not matter here. */
function withoutNamedEntities(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1');
  const replaced = text.replaceAll(/&(?!(?:amp|lt|gt|quot|apos);)[A-Za-z][A-Za-z0-9]{1,30};/g, '?');
  return replaced === text ? bytes : Buffer.from(replaced, 'latin1');
}

function reader(project: XmlElement): Say {
  const properties = propertiesOf(project);
  return (element, child) => {
    const text = element?.textOf(child);
    return text === undefined ? undefined : fill(text, properties).replaceAll(/\s+/g, ' ').trim();
  };
}

function propertiesOf(project: XmlElement): Properties {
  const parent = project.child('parent');
  const found = new Map<string, string>();
  for (const { name, text } of project.child('properties')?.children ?? []) found.set(name, text);
  for (const name of ['groupId', 'artifactId', 'version', 'name', 'url', 'description']) {
    const value = project.textOf(name) ?? (name === 'artifactId' ? undefined : parent?.textOf(name));
    if (value !== undefined) found.set(`project.${name}`, value).set(`pom.${name}`, value);
  }
  for (const name of ['groupId', 'artifactId', 'version']) {
    const value = parent?.textOf(name);
    if (value !== undefined) found.set(`project.parent.${name}`, value);
  }
  return found;
}

/** What is longer than any name or URL is not filled in: values that hold each other grow fast. */
const [MAX_DEPTH, MAX_FILLED, MAX_VALUE] = [5, 10_000, 1000];

/** What stays unknown stays as written; values that name each other stop soon. */
function fill(text: string, properties: Properties): string {
  let filled = text.slice(0, MAX_FILLED);
  for (let depth = 0; depth < MAX_DEPTH && filled.includes('${'); depth++) {
    if (filled.length > MAX_FILLED) break;
    filled = filled.replaceAll(
      /\$\{([^${}]{1,200})\}/g,
      (all, name: string) => shortOf(properties, name) ?? all,
    );
  }
  return filled.slice(0, MAX_FILLED);
}

function shortOf(properties: Properties, name: string): string | undefined {
  const value = properties.get(name);
  return value !== undefined && value.length <= MAX_VALUE ? value : undefined;
}

function nativeOf(project: XmlElement, say: Say): NativePom {
  const packaging = say(project, 'packaging') ?? 'jar';
  const name = lineOf(say(project, 'name'));
  const goalPrefix = packaging === 'maven-plugin' ? goalPrefixOf(project, say) : undefined;
  const relocated = project.child('distributionManagement')?.child('relocation') !== undefined;
  return {
    packaging: packaging.slice(0, 100),
    ...(name === undefined ? {} : { name }),
    ...(goalPrefix === undefined ? {} : { goalPrefix }),
    ...(relocated ? { relocated } : {}),
  };
}

/** Where a plugin's build says it. https://maven.apache.org/guides/introduction/introduction-to-plugin-prefix-mapping.html */
function goalPrefixOf(project: XmlElement, say: Say): string | undefined {
  const plugins = project.child('build')?.child('plugins')?.all('plugin') ?? [];
  const tools = plugins.find(plugin => plugin.textOf('artifactId') === 'maven-plugin-plugin');
  const prefix = say(tools?.child('configuration'), 'goalPrefix');
  return prefix !== undefined && isGoalPrefix(prefix) ? prefix : undefined;
}

/** Several licences of a pom are a choice. https://maven.apache.org/pom.html#licenses */
function licencesOf(project: XmlElement, say: Say): { license?: string; declaredLicense?: string } {
  const all = project.child('licenses')?.all('license') ?? [];
  const declared = all.slice(0, 20).flatMap(one => say(one, 'name') ?? say(one, 'url') ?? []);
  const read = declared.map(licenceOf);
  const expressions = read.flatMap(({ license }) => license ?? []);
  const whole = declared.length > 0 && expressions.length === declared.length;
  const license = whole
    ? [...new Set(expressions)].map(one => grouped(one, declared.length)).join(' OR ')
    : undefined;
  const said = read.some(one => one.declaredLicense !== undefined) ? declared.join(' OR ') : undefined;
  return clean({ license: lineOf(license), declaredLicense: lineOf(said) });
}

const grouped = (expression: string, count: number) =>
  count > 1 && / (?:AND|OR) /.test(expression) ? `(${expression})` : expression;

function authorsOf(project: XmlElement, say: Say): Description['authors'] {
  const all = project.child('developers')?.all('developer') ?? [];
  const authors = all.slice(0, MANY).map(one =>
    clean({
      name: lineOf(say(one, 'name') ?? say(one, 'id')),
      email: lineOf(say(one, 'email')),
      url: lineOf(say(one, 'url')),
    }),
  );
  const known = authors.filter(author => Object.keys(author).length > 0);
  return known.length > 0 ? known : undefined;
}

function repositoryOf(scm: XmlElement | undefined, say: Say): string | undefined {
  const connection = say(scm, 'connection') ?? say(scm, 'developerConnection');
  return say(scm, 'url') ?? connection?.replace(/^scm:[a-z]+[:|]/, '');
}

type Kind = NonNullable<Description['dependencies']>[number]['kind'];
const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['provided', 'peer'],
  ['system', 'build'],
  ['test', 'development'],
]);
/** More is no coordinate, and there may be thousands. */
const MAX_COORDINATE = 300;

function dependenciesOf(project: XmlElement, say: Say): Description['dependencies'] {
  const managed = managedVersions(project, say);
  const all = project.child('dependencies')?.all('dependency') ?? [];
  const found = all.slice(0, DEPENDENCIES).flatMap(one => {
    const [group, artifact] = [say(one, 'groupId'), say(one, 'artifactId')];
    if (group === undefined || artifact === undefined) return [];
    const name = `${group}:${artifact}`.slice(0, MAX_COORDINATE);
    const scope = say(one, 'scope') ?? 'compile';
    const kind = say(one, 'optional') === 'true' ? ('optional' as const) : (KINDS.get(scope) ?? 'runtime');
    const requirement = (say(one, 'version') ?? managed.get(name))?.slice(0, MAX_COORDINATE);
    return [clean({ name, kind, requirement })];
  });
  return found.length > 0 ? found : undefined;
}

function managedVersions(project: XmlElement, say: Say): ReadonlyMap<string, string | undefined> {
  const all = project.child('dependencyManagement')?.child('dependencies')?.all('dependency') ?? [];
  return new Map(
    all
      .slice(0, DEPENDENCIES)
      .map(one => [`${say(one, 'groupId')}:${say(one, 'artifactId')}`, say(one, 'version')]),
  );
}

const lineOf = (text: string | undefined) => text?.slice(0, LINE) || undefined;

/** Without what is undefined. */
function clean<T extends object>(all: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const known = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as { [K in keyof T]: Exclude<T[K], undefined> };
}
