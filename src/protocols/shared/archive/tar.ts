/**
 * Reads a stranger's tar archive as a stream: what it lists, and the few files that somebody wants. Nothing is unpacked
 * to disk. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { isRefusal } from '../../../domain/errors.ts';
import { ARCHIVE_LIMITS, type ArchiveLimits } from './limits.ts';
import { badArchive, checkLink, checkPath, plainPath, segmentsOf } from './paths.ts';

export interface TarEntry {
  /** without `./` and trailing slashes */
  readonly path: string;
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
 * @throws PACKAGE_INVALID for what is no archive, cut short, or beyond the limits; for paths and links that lead out of
 * it, devices, and a wanted file that is there twice. What the source throws is thrown on.
 */
export async function readTar(
  source: Readable,
  { gzip, want, limits = ARCHIVE_LIMITS }: TarQuestion,
): Promise<TarContent> {
  const reader = extract();
  const failure: { of?: unknown } = {};
  const fed = feed(source, reader, { gzip, limits }).catch(error => {
    failure.of = error;
    reader.destroy(error as Error);
  });
  try {
    const found = await collect(reader, want, limits);
    await fed;
    if (failure.of === undefined) return found;
    throw failure.of;
  } catch (error) {
    const why = failure.of ?? error;
    if (why instanceof SourceError) throw why.cause;
    throw isRefusal(why) ? why : badArchive('the archive is damaged, cut short, or of another kind');
  } finally {
    reader.destroy(null);
    source.destroy();
    await fed;
  }
}

/** An error of whoever hands on the bytes, not of the bytes. */
class SourceError extends Error {}

/** Hands the (inflated) bytes to the reader at its pace. */
async function feed(
  source: Readable,
  reader: ReturnType<typeof extract>,
  { gzip, limits }: { gzip: boolean; limits: ArchiveLimits },
): Promise<void> {
  const closed = new Promise<void>(resolve => reader.once('close', () => resolve()));
  const counts = { packed: 0, unpacked: 0 };
  const packed = counted(source, counts);
  const chunks = gzip ? inflated(packed) : packed;
  for await (const chunk of chunks) {
    if (reader.destroyed) return;
    counts.unpacked += chunk.length;
    if (counts.unpacked > limits.unpacked) throw badArchive('the archive unpacks to too much');
    if (counts.unpacked > limits.free && counts.unpacked > counts.packed * limits.ratio)
      throw badArchive(`the archive unpacks to more than ${limits.ratio} times its size`);
    if (!reader.write(chunk))
      await Promise.race([new Promise<void>(resolve => reader.once('drain', () => resolve())), closed]);
  }
  reader.end(null);
}

async function* counted(source: Readable, counts: { packed: number }): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source) {
      const bytes = Buffer.from(chunk as Uint8Array);
      counts.packed += bytes.length;
      yield bytes;
    }
  } catch (error) {
    throw new SourceError('the source failed', { cause: error });
  }
}

async function* inflated(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const writing = (async () => {
    for await (const chunk of chunks) {
      if (gunzip.destroyed) return;
      if (!gunzip.write(chunk))
        await new Promise<void>(resolve => {
          gunzip.once('drain', resolve);
          gunzip.once('close', resolve);
        });
    }
    gunzip.end();
  })().catch(error => void gunzip.destroy(error as Error));
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } finally {
    gunzip.destroy();
    await writing;
  }
}

async function collect(
  reader: ReturnType<typeof extract>,
  want: TarQuestion['want'],
  limits: ArchiveLimits,
): Promise<TarContent> {
  const found = { entries: [] as TarEntry[], files: new Map<string, Buffer>() };
  const check = checker(limits);
  for await (const entry of reader) {
    const listed = check(entry.header);
    found.entries.push(listed);
    const { path, type } = listed;
    const max = type === 'file' ? want(path) : undefined;
    // readers differ in which of two they take: what we show must be what is unpacked
    if (max !== undefined && found.files.has(path)) throw badArchive(`the archive has ${path} twice`);
    const bytes = await head(entry, Math.min(max ?? 0, limits.kept));
    if (max !== undefined) found.files.set(path, bytes);
    if (sizeOf(found.files) > limits.kept) throw badArchive('the archive has too much to read');
  }
  return found;
}

const sizeOf = (files: ReadonlyMap<string, Buffer>) => {
  let size = 0;
  for (const { length } of files.values()) size += length;
  return size;
};

/** The first bytes of an entry; the rest is passed over. */
async function head(entry: AsyncIterable<unknown>, max: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let room = max;
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    if (room > 0) chunks.push(Buffer.from(chunk.subarray(0, room)));
    room -= chunk.length;
  }
  return Buffer.concat(chunks);
}

const TYPES: Readonly<Record<string, string>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'directory',
  symlink: 'symlink',
  link: 'link',
};

/** Checks one header after the other. */
function checker(limits: ArchiveLimits): (header: Header) => TarEntry {
  const links = new Set<string>();
  let count = 0;
  let paths = 0;
  return ({ name, type: kind, size, linkname }) => {
    const type = TYPES[kind];
    if (type === undefined) throw badArchive('the archive has devices or other special files');
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
      checkLink(path, linkname ?? '', type === 'symlink');
      links.add(path);
    }
    return { path, size, type };
  };
}

function isBelow(path: string, links: ReadonlySet<string>): boolean {
  if (links.size === 0) return false;
  const segments = segmentsOf(path);
  return segments.some((_, index) => index > 0 && links.has(segments.slice(0, index).join('/')));
}
