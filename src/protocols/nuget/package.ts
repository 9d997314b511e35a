/**
 * Reads a .nupkg or .snupkg: a zip archive whose entries are named as Open Packaging Conventions say, with one .nuspec in
 * its root. https://learn.microsoft.com/en-us/nuget/create-packages/creating-a-package
 */
import type { ReceivedFile } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import { checkPath } from '../shared/archive/paths.ts';
import { openZip, type ZipContent } from '../shared/archive/zip.ts';
import { EMBEDDED, type Embedded } from './names.ts';
import { isSymbols, type Nuspec, parseNuspec } from './nuspec.ts';

const MIB = 1024 * 1024;

export interface EmbeddedFile {
  readonly name: Embedded;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface PackageArchive {
  readonly nuspec: Nuspec;
  /** the .nuspec as it is in the archive */
  readonly source: Buffer;
  readonly embedded: readonly EmbeddedFile[];
}

const bad = (reason: string) => refuse('PACKAGE_INVALID', reason);

/** @throws PACKAGE_INVALID, NAME_INVALID, VERSION_INVALID */
export async function readPackage(file: Pick<ReceivedFile, 'size' | 'read'>): Promise<PackageArchive> {
  const { zip, paths } = await open(file);
  const { nuspec, source } = await nuspecIn(zip, paths);
  if (isSymbols(nuspec)) throw bad('it is a symbols package: push it to the address of these');
  const embedded: EmbeddedFile[] = [];
  for (const name of EMBEDDED) {
    const path = nuspec.embedded[name];
    if (path !== undefined) embedded.push(await embeddedFile(zip, paths, { name, path }));
  }
  return { nuspec, source, embedded };
}

/** What may be in a package of symbols beside what every package has. */
const SYMBOL_FILES = /\.(?:pdb|nuspec|xml|psmdcp|rels|p7s)$/;

/** https://learn.microsoft.com/en-us/nuget/create-packages/symbol-packages-snupkg */
export async function readSymbols(file: Pick<ReceivedFile, 'size' | 'read'>): Promise<Nuspec> {
  const { zip, paths } = await open(file);
  const { nuspec } = await nuspecIn(zip, paths);
  if (!isSymbols(nuspec)) throw bad('it is no symbols package: its .nuspec does not have that type');
  for (const path of paths.keys())
    if (!SYMBOL_FILES.test(path)) throw bad(`a symbols package has no ${path.slice(-100)}`);
  return nuspec;
}

/** The archive, and its entries by the path that they unpack to, in lower case. */
async function open(file: Pick<ReceivedFile, 'size' | 'read'>) {
  const zip = await openZip({ size: file.size, read: range => file.read(range) });
  const paths = new Map<string, string>();
  for (const { path, type } of zip.entries) {
    if (type === 'directory') continue;
    const unpacked = unescapePath(path);
    checkPath(unpacked);
    const folded = unpacked.toLowerCase();
    if (paths.has(folded)) throw bad(`it has two files of the name ${folded.slice(-100)}`);
    paths.set(folded, path);
  }
  return { zip, paths };
}

/** Clients unescape names once. What is no escape stays. */
function unescapePath(path: string): string {
  try {
    return decodeURIComponent(path).replaceAll('\\', '/');
  } catch {
    return path.replaceAll('\\', '/');
  }
}

async function nuspecIn(zip: ZipContent, paths: ReadonlyMap<string, string>) {
  const [path, ...others] = [...paths].filter(([folded]) => /^[^/]+\.nuspec$/.test(folded));
  if (!path || others.length > 0) throw bad('there is not exactly one .nuspec in its root');
  const source = await zip.read(path[1], MIB);
  if (!source) throw bad('its .nuspec cannot be read');
  return { nuspec: parseNuspec(source), source };
}

async function embeddedFile(
  zip: ZipContent,
  paths: ReadonlyMap<string, string>,
  { name, path }: { name: Embedded; path: string },
): Promise<EmbeddedFile> {
  const plain = path
    .replaceAll('\\', '/')
    .replace(/^(?:\.?\/)+/, '')
    .toLowerCase();
  const entry = paths.get(plain);
  const bytes = entry === undefined ? undefined : await zip.read(entry, MIB);
  if (!bytes) throw bad(`its .nuspec names the ${name} ${path.slice(0, 100)}, which is not there`);
  return { name, bytes, mediaType: mediaTypeOf(name, bytes) };
}

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');
const JPEG = Buffer.from('ffd8ff', 'hex');

/** Clients show icons: these are PNG or JPEG, whatever they are called. */
function mediaTypeOf(name: Embedded, bytes: Buffer): string {
  if (name === 'readme') return 'text/markdown; charset=utf-8';
  if (name === 'license') return 'text/plain; charset=utf-8';
  if (bytes.subarray(0, PNG.length).equals(PNG)) return 'image/png';
  if (bytes.subarray(0, JPEG.length).equals(JPEG)) return 'image/jpeg';
  throw bad('its icon is neither PNG nor JPEG');
}
