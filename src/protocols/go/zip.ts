/**
 * Module zips, by the rules of golang.org/x/mod/zip (CheckZip): a client's own tools refuse any other, so that they must
 * not get in. https://pkg.go.dev/golang.org/x/mod/zip
 */
import type { ReceivedFile } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import { openZip, type ZipContent, type ZipEntry } from '../shared/archive/zip.ts';
import { checkPath, checkVersion, isFilePath, type ModuleVersion } from './module.ts';

const MIB = 1024 * 1024;
/** MaxZipFile: of the zip, and of all files unpacked */
export const MAX_ZIP = 500 * MIB;
/** MaxGoMod, MaxLICENSE */
const MAX_SMALL = 16 * MIB;
/** what is shown of texts in it */
const MAX_TEXT = 512 * 1024;

export interface ModuleZip extends ModuleVersion {
  /** `go.mod` as it is in the zip; made up when there is none */
  readonly mod: Buffer;
  readonly readme: string | undefined;
  readonly licence: string | undefined;
  readonly doc: string | undefined;
}

const bad = (reason: string) => refuse('PACKAGE_INVALID', reason);

/** @throws PACKAGE_INVALID, NAME_INVALID, VERSION_INVALID */
export async function readModuleZip(file: ReceivedFile): Promise<ModuleZip> {
  if (file.size > MAX_ZIP) throw bad('a module zip has at most 500 MiB');
  const zip = await openZip({ size: file.size, read: range => file.read(range) });
  const module = namedBy(zip.entries);
  const prefix = `${module.path}@${module.version}/`;
  checkFiles(zip.entries, prefix);
  const mod = (await zip.read(`${prefix}go.mod`, MAX_SMALL)) ?? Buffer.from(`module ${module.path}\n`);
  const declared = modulePathIn(mod.toString());
  if (declared !== undefined && declared !== module.path)
    throw bad(`its go.mod says that it is ${declared}, its files say ${module.path}`);
  return {
    ...{ ...module, mod },
    readme: await textIn(zip, prefix, README),
    licence: await textIn(zip, prefix, LICENCE),
    doc: await docIn(zip, prefix, module.path),
  };
}

/** All files lie under `<path>@<version>/`. */
function namedBy(entries: readonly ZipEntry[]): ModuleVersion {
  const first = entries[0]?.name ?? '';
  const at = first.indexOf('@');
  const slash = first.indexOf('/', at);
  if (at < 1 || slash < 0) throw bad('its files do not lie under <module path>@<version>/');
  const path = checkPath(first.slice(0, at));
  return { path, version: checkVersion(path, first.slice(at + 1, slash)) };
}

function checkFiles(entries: readonly ZipEntry[], prefix: string): void {
  const named: Named[] = [];
  let total = 0;
  for (const { name: whole, type, size } of entries) {
    if (!whole.startsWith(prefix)) throw bad(`${whole} does not lie under ${prefix}`);
    if (whole === prefix) continue;
    const name = whole.slice(prefix.length).replace(/\/$/, '');
    if (!isFilePath(name)) throw bad(`${name} is not allowed as the name of a file`);
    named.push({ name, type });
    if (type === 'file') checkFile(name, size);
    total += size;
  }
  if (total > MAX_ZIP) throw bad('its files have more than 500 MiB');
  checkCollisions(named);
}

type Named = Pick<ZipEntry, 'name' | 'type'>;

/**
 * Refuses names of which one would overwrite another on many disks, or take the place of its folder. Sorted, so that all
 * names in a folder follow each other: a table of every folder of deep paths would be their square in size.
 */
function checkCollisions(entries: readonly Named[]): void {
  const sorted = entries
    .map(entry => ({ ...entry, key: folded(entry.name).replaceAll('/', '\0') }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const [index, { name }] of sorted.slice(1).entries()) checkNeighbours(sorted[index] as Named, name);
}

/** @param next what follows in order */
function checkNeighbours({ name, type }: Named, next: string): void {
  const others = next.split('/');
  for (const [index, element] of name.split('/').entries()) {
    const other = others[index] ?? '';
    if (element === other) continue;
    if (folded(element) !== folded(other)) return;
    throw bad(`${name} and ${next}: ${element} and ${other} differ in the case of their letters only`);
  }
  if (type === 'file') throw bad(`${name} is there as a file and as a folder`);
}

/** Simple case folding, letter by letter: https://www.unicode.org/reports/tr44/#Simple_Case_Folding */
const folded = (name: string): string => name.replaceAll(/[^ -~]/gu, foldedLetter).toLowerCase();

function foldedLetter(letter: string): string {
  const upper = letter.toUpperCase();
  return (upper.length === letter.length ? upper : letter).toLowerCase();
}

function checkFile(name: string, size: number): void {
  const base = name.slice(name.lastIndexOf('/') + 1);
  if (base.toLowerCase() === 'go.mod' && name !== 'go.mod')
    throw bad(`${name}: go.mod is in the root of a module, and in lower case`);
  if ((name === 'go.mod' || name === 'LICENSE') && size > MAX_SMALL)
    throw bad(`${name} has more than 16 MiB`);
}

/** https://go.dev/ref/mod#go-mod-file-module */
function modulePathIn(mod: string): string | undefined {
  for (const line of mod.split('\n')) {
    const [, quoted, plain] = /^\s*module\s+(?:["`]([^"`]+)["`]|([^\s"`(/][^\s]*))/.exec(line) ?? [];
    if (quoted !== undefined || plain !== undefined) return quoted ?? plain;
  }
  return undefined;
}

const README = /^readme(?:\.(?:md|txt|rst))?$/i;
const LICENCE = /^(?:licen[cs]e|copying)(?:\.(?:md|txt))?$/i;

/** The first file in the root that is called so, unless it is too long. */
async function textIn(zip: ZipContent, prefix: string, wanted: RegExp): Promise<string | undefined> {
  return textOf(
    zip,
    zip.entries.find(({ path }) => wanted.test(path.slice(prefix.length))),
  );
}

async function textOf(zip: ZipContent, entry: ZipContent['entries'][number] | undefined) {
  return entry && entry.size <= MAX_TEXT ? (await zip.read(entry.path, MAX_TEXT))?.toString() : undefined;
}

/** `doc.go`, else the file that is called as the module: where most packages are documented. */
async function docIn(zip: ZipContent, prefix: string, path: string): Promise<string | undefined> {
  const name =
    path
      .replace(/\/v\d+$/, '')
      .split('/')
      .at(-1) ?? '';
  const named = zip.entries.some(entry => entry.path === `${prefix}doc.go`) ? 'doc' : name;
  return textOf(
    zip,
    zip.entries.find(one => one.path === `${prefix}${named}.go`),
  );
}

export interface Requirement {
  readonly name: string;
  readonly requirement: string;
  readonly indirect: boolean;
}

const MAX_REQUIREMENTS = 5000;

/** What a go.mod requires. https://go.dev/ref/mod#go-mod-file-require */
export function requirementsIn(mod: string): Requirement[] {
  const found: Requirement[] = [];
  let inside = false;
  for (const line of mod.split('\n')) {
    const text = line.trim();
    if (/^require\s*\($/.test(text)) inside = true;
    else if (text === ')') inside = false;
    else found.push(...requirementOf(text, inside));
    if (found.length >= MAX_REQUIREMENTS) break;
  }
  return found;
}

function requirementOf(line: string, inside: boolean): Requirement[] {
  const pattern = inside ? /^(\S+)\s+(v\S+)/ : /^require\s+(\S+)\s+(v\S+)/;
  const [, name, requirement] = pattern.exec(line) ?? [];
  if (name === undefined || requirement === undefined) return [];
  return [{ name, requirement, indirect: /\/\/\s*indirect/.test(line) }];
}
