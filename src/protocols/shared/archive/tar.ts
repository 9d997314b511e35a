/**
 * Reads a stranger's tar archive as a stream: what it lists, and the few files that somebody wants. Nothing is unpacked
 * to disk. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
import type { Readable } from 'node:stream';
import { isRefusal } from '../../../domain/errors.ts';
import { ARCHIVE_LIMITS, type ArchiveLimits } from './limits.ts';
import { badArchive, checkLink, checkPath, plainPath } from './paths.ts';
import { Blocks, NOT_TAR, SourceError, unpacked } from './tar-blocks.ts';
import {
  checkedHeader,
  type Extended,
  parseExtended,
  parseHeader,
  parseLongName,
  type TarHeader,
} from './tar-headers.ts';

export interface TarEntry {
  /** without `./` and trailing slashes */
  readonly path: string;
  /** as written: unpackers that leave out the first folder count it there */
  readonly name: string;
  /** unpacked, bytes */
  readonly size: number;
  /** `file`, `directory`, `symlink`, `link` */
  readonly type: string;
}

export interface TarContent {
  readonly entries: readonly TarEntry[];
  /** by path: what was wanted and is a regular file */
  readonly files: ReadonlyMap<string, Buffer>;
}

export interface TarQuestion {
  readonly gzip: boolean;
  /** the most bytes to keep of a file, from its beginning; undefined: it is not wanted */
  readonly want: (path: string) => number | undefined;
  readonly limits?: ArchiveLimits;
}

/**
 * @throws PACKAGE_INVALID for what is no archive, cut short, goes on after its end, or is beyond the limits; for paths and
 * links that lead out of it, devices, and a wanted file that is there twice. What the source throws is thrown on.
 */
export async function readTar(
  source: Readable,
  { gzip, want, limits = ARCHIVE_LIMITS }: TarQuestion,
): Promise<TarContent> {
  const chunks = unpacked(source, { gzip, limits });
  try {
    return await collect(new Blocks(chunks), want, limits);
  } catch (error) {
    if (error instanceof SourceError) throw error.cause;
    throw isRefusal(error) ? error : badArchive(NOT_TAR);
  } finally {
    source.destroy();
    await chunks.return(undefined);
  }
}

async function collect(
  blocks: Blocks,
  want: TarQuestion['want'],
  limits: ArchiveLimits,
): Promise<TarContent> {
  const found = { entries: [] as TarEntry[], files: new Map<string, Buffer>() };
  const check = checker(limits);
  const sizeOf = wantedSize(want);
  let kept = 0;
  for (let header = await nextEntry(blocks); header; header = await nextEntry(blocks)) {
    const listed = check(header);
    found.entries.push(listed);
    const max = sizeOf(listed);
    const bytes = await blocks.padded(listed.size, Math.min(max ?? 0, limits.kept));
    if (max === undefined || listed.type !== 'file') continue;
    found.files.set(listed.path, bytes);
    kept += bytes.length;
    if (kept > limits.kept) throw badArchive('the archive has too much to read');
  }
  if (found.entries.length === 0) throw badArchive(NOT_TAR);
  return found;
}

/** Readers differ in which of two they take, a file or a link: what we show must be what is unpacked. */
function wantedSize(want: TarQuestion['want']): (entry: TarEntry) => number | undefined {
  const seen = new Set<string>();
  return ({ path, type }) => {
    const max = type === 'directory' ? undefined : want(path);
    if (max === undefined) return undefined;
    if (seen.has(path)) throw badArchive(`the archive has ${path} twice`);
    seen.add(path);
    return max;
  };
}

/** Of an extended header, or a long name, bytes. */
const MAX_EXTENDED = 1024 * 1024;

interface Described extends Extended {
  readonly longName?: string;
  readonly longLink?: string;
}

/** The next entry's header, with what the headers before it say of it. */
async function nextEntry(blocks: Blocks): Promise<TarHeader | undefined> {
  let said: Described = {};
  for (;;) {
    const block = await blocks.block();
    const header = block && parseHeader(block);
    if (!header) {
      if (block) await blocks.end();
      return undefined;
    }
    if (isEntry(header)) return described(header, said);
    if (header.size > MAX_EXTENDED) throw badArchive('the archive has an extended header that is too long');
    said = more(said, header.type, await blocks.padded(header.size, header.size));
  }
}

const isEntry = ({ type }: TarHeader) =>
  type === 'file' || type === 'directory' || type === 'link' || type === 'symlink';

function more(said: Described, type: TarHeader['type'], bytes: Buffer): Described {
  if (type === 'long-name') return once(said, { longName: parseLongName(bytes) });
  if (type === 'long-link') return once(said, { longLink: parseLongName(bytes) });
  const extended = parseExtended(bytes);
  if (type === 'pax')
    return once(said, { path: undefined, linkpath: undefined, size: undefined, ...extended });
  if (extended.path !== undefined || extended.linkpath !== undefined || extended.size !== undefined)
    throw badArchive('the archive gives all its entries one name or size');
  return said;
}

function once(said: Described, next: Described): Described {
  const both = { ...said, ...next };
  const twice = Object.keys(next).some(key => key in said);
  const names = both.longName !== undefined || both.longLink !== undefined;
  if (twice || (names && 'path' in both)) throw badArchive('the archive says two things of one entry');
  return both;
}

function described(header: TarHeader, said: Described): TarHeader {
  const { name, link, type } = header;
  const { path = said.longName ?? name, linkpath = said.longLink ?? link, size = header.size } = said;
  return checkedHeader({ name: path, link: linkpath, type, size });
}

/** Checks one header after the other. */
function checker(limits: ArchiveLimits): (header: TarHeader) => TarEntry {
  const links = new Set<string>();
  let count = 0;
  let paths = 0;
  return ({ name, type, size, link }) => {
    const length = Buffer.byteLength(name);
    count += 1;
    paths += length;
    if (count > limits.entries) throw badArchive(`the archive has more than ${limits.entries} entries`);
    if (length > limits.path || paths > limits.paths)
      throw badArchive('the archive has paths that are too long');
    checkPath(name);
    const path = plainPath(name);
    if (isBelow(path, links)) throw badArchive('the archive has a file below a link');
    if (type.endsWith('link')) {
      checkLink(path, link, type === 'symlink');
      links.add(path);
    }
    return { path, name, size, type };
  };
}

/** More folders in each other than anybody has; looking at each of them takes time. */
const MAX_DEPTH = 100;

function isBelow(path: string, links: ReadonlySet<string>): boolean {
  if (links.size === 0) return false;
  let depth = 0;
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    if (++depth > MAX_DEPTH)
      throw badArchive('the archive has links, and folders that are nested too deeply');
    if (links.has(path.slice(0, at))) return true;
  }
  return false;
}
