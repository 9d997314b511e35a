/** Takes core metadata out of distributions. */
import type { ReceivedFile } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import { readTar } from '../shared/archive/tar.ts';
import { openZip } from '../shared/archive/zip.ts';
import { type DistributionName, normalizeName, normalizeVersion } from './names.ts';

/** Of METADATA and PKG-INFO, bytes: READMEs with pictures inside are megabytes. */
const MAX_METADATA = 4 * 1024 * 1024;

/** The file METADATA of a wheel, PKG-INFO of a source distribution. @throws PACKAGE_INVALID */
export async function extractMetadata(content: ReceivedFile, name: DistributionName): Promise<Buffer> {
  if (name.archive === 'tar.gz') return pkgInfoOfTar(content);
  // uv unpacks wheels while they come
  const zip = await openZip(content, { asStream: true });
  const paths = zip.entries.filter(({ type }) => type === 'file').map(({ path }) => path);
  const path =
    name.kind === 'wheel' ? metadataOfWheel(paths, name) : onlyOne(paths.filter(isPkgInfo), 'PKG-INFO');
  const bytes = await zip.read(path, MAX_METADATA);
  return bytes ?? Buffer.alloc(0);
}

const isPkgInfo = (path: string) => /^[^/]+\/PKG-INFO$/.test(path);

function onlyOne(paths: readonly string[], what: string): string {
  const [path, ...others] = paths;
  if (path === undefined) throw refuse('PACKAGE_INVALID', `the archive has no ${what}`);
  if (others.length > 0) throw refuse('PACKAGE_INVALID', `the archive has ${what} more than once`);
  return path;
}

/** Installers differ in which of several `.dist-info` folders they read, and whether they look at its name. */
function metadataOfWheel(paths: readonly string[], { project, version }: DistributionName): string {
  const folders = new Set(
    paths.map(path => path.split('/', 1)[0] ?? '').filter(top => top.endsWith('.dist-info')),
  );
  const folder = onlyOne([...folders], 'a .dist-info folder');
  const [, name = '', written = ''] = /^(.+)-([^-]+)\.dist-info$/.exec(folder) ?? [];
  if (normalizeName(name) !== project || normalizeVersion(written.replaceAll('_', '-')) !== version)
    throw refuse(
      'PACKAGE_INVALID',
      `the folder ${folder} is of another project or version than the file's name`,
    );
  if (!paths.includes(`${folder}/WHEEL`))
    throw refuse('PACKAGE_INVALID', `the archive has no ${folder}/WHEEL`);
  return onlyOne(
    paths.filter(path => path === `${folder}/METADATA`),
    `${folder}/METADATA`,
  );
}

async function pkgInfoOfTar(content: ReceivedFile): Promise<Buffer> {
  const { entries, files } = await readTar(await content.open(), {
    gzip: true,
    want: path => (isPkgInfo(path) ? MAX_METADATA : undefined),
  });
  const path = onlyOne([...files.keys()], 'PKG-INFO');
  const size = entries.find(entry => entry.path === path)?.size ?? 0;
  if (size > MAX_METADATA) throw refuse('PACKAGE_INVALID', `PKG-INFO has more than ${MAX_METADATA} bytes`);
  return files.get(path) ?? Buffer.alloc(0);
}
