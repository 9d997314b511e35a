/** What a package's tarball says of itself. The tarball is what gets installed: where it and the document differ, it wins. */
import type { Readable } from 'node:stream';
import { refuse } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/values/json.ts';
import { readTar, type TarEntry } from '../shared/archive/tar.ts';
import { JsonProblem, readJson } from '../shared/json.ts';
import { asObject, textOf } from './document.ts';
import { checkVersion } from './names.ts';

export interface Inspected {
  readonly packageJson: JsonObject;
  readonly readme: string | undefined;
  readonly fileCount: number;
  /** bytes */
  readonly unpackedSize: number;
  readonly hasShrinkwrap: boolean;
  /** npm compiles such a package when it is installed */
  readonly hasGyp: boolean;
}

const MAX_PACKAGE_JSON = 1024 * 1024;
const MAX_README = 256 * 1024;
/** npm strips the first folder, whatever it is called. */
const PACKAGE_JSON = /^[^/]+\/package\.json$/;
const README = /^[^/]+\/readme(?:\.md|\.markdown|\.txt)?$/i;

const sizeToKeep = (path: string) => {
  if (PACKAGE_JSON.test(path)) return MAX_PACKAGE_JSON + 1;
  return README.test(path) ? MAX_README : undefined;
};

/** @throws PACKAGE_INVALID also when the tarball is of another package or version */
export async function inspectTarball(
  tarball: Readable,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<Inspected> {
  const { entries, files } = await readTar(tarball, { gzip: true, want: sizeToKeep });
  const paths = [...files.keys()];
  const manifests = paths.filter(path => PACKAGE_JSON.test(path));
  const [path] = manifests;
  if (path === undefined) throw refuse('PACKAGE_INVALID', 'the tarball has no package.json');
  if (manifests.length > 1 || entries.filter(({ name: one }) => isManifest(one)).length !== 1)
    throw refuse('PACKAGE_INVALID', 'the tarball has several package.json files');
  const packageJson = readPackageJson(files.get(path) ?? Buffer.alloc(0));
  if (packageJson.name !== name || checkVersion(textOf(packageJson.version) ?? '') !== version)
    throw refuse('PACKAGE_INVALID', `the tarball is not of ${name}@${version}: see its package.json`);
  const folder = path.slice(0, path.indexOf('/'));
  const has = (file: string) => entries.some(entry => entry.path === `${folder}/${file}`);
  const readme = paths.find(one => README.test(one));
  const plain = entries.filter(({ type }) => type === 'file');
  return {
    packageJson,
    readme: readme === undefined ? undefined : files.get(readme)?.toString('utf8').toWellFormed(),
    fileCount: plain.length,
    unpackedSize: sizeOf(plain),
    hasShrinkwrap: has('npm-shrinkwrap.json'),
    hasGyp: has('binding.gyp'),
  };
}

/**
 * Whether clients unpack an entry to the package's own package.json: they leave out what stands before the first slash,
 * a dot too; on some disks letters of either case are the same, and dots at the end of a name nothing.
 */
function isManifest(name: string): boolean {
  const [, ...rest] = name.replaceAll('\\', '/').split('/');
  const path = rest.filter(part => part !== '' && part !== '.').join('/');
  return /^package\.json[. ]*(?::|$)/.test(path.normalize('NFKC').toLowerCase());
}

const sizeOf = (files: readonly TarEntry[]) => files.reduce((sum, { size }) => sum + size, 0);

function readPackageJson(bytes: Buffer): JsonObject {
  if (bytes.length > MAX_PACKAGE_JSON) throw refuse('PACKAGE_INVALID', 'the package.json is too large');
  const bare = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
  try {
    return asObject(readJson(bare, { depth: 32, values: 50_000 }), 'the package.json');
  } catch (error) {
    if (error instanceof JsonProblem)
      throw refuse('PACKAGE_INVALID', `the package.json is not acceptable: ${error.message}`);
    throw error;
  }
}
