/**
 * Reads a stranger's zip archive where it lies, by its directory. Unzippers differ in what they believe (directory or
 * local headers, the count or the size of the directory, which of two equal names): an archive that two of them could
 * read differently is refused. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.3
 */
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { isRefusal, type StrongroomError } from '../../../domain/errors.ts';
import { ARCHIVE_LIMITS, type ArchiveLimits } from './limits.ts';
import { badArchive, checkPath, plainPath } from './paths.ts';
import { checkDirectory, checkLocalHeaders } from './zip-layout.ts';

export interface ZipSource {
  /** bytes */
  readonly size: number;
  /** an inclusive range; what it throws is thrown on */
  read(range: { start: number; end: number }): Promise<Buffer>;
}

export interface ZipEntry {
  /** without `./` and trailing slashes */
  readonly path: string;
  /** as written, in UTF-8: directories end with a slash */
  readonly name: string;
  readonly type: 'file' | 'directory';
  /** unpacked, bytes */
  readonly size: number;
  readonly compressedSize: number;
}

export interface ZipContent {
  readonly entries: readonly ZipEntry[];
  /**
   * A file, whole; undefined: there is none. Its length and checksum are verified.
   * @param max bytes. @throws PACKAGE_INVALID when it is larger, or damaged
   */
  read(path: string, max: number): Promise<Buffer | undefined>;
}

export interface ZipOptions {
  readonly limits?: ArchiveLimits;
  /**
   * some clients read such archives as streams: content whose length only follows it is inflated, to see that it ends
   * where the directory says
   */
  readonly asStream?: boolean;
}

/**
 * @throws PACKAGE_INVALID for what is no archive, is damaged or beyond the limits; for paths that lead out of it, links,
 * equal names, encryption, unknown compression, and entries whose local header says something else than the directory
 */
export async function openZip(
  source: ZipSource,
  { limits = ARCHIVE_LIMITS, asStream = false }: ZipOptions = {},
): Promise<ZipContent> {
  const reader = new CachedReader(source);
  try {
    const zip = await fromRandomAccessReaderPromise(reader, source.size, { autoClose: false });
    const directoryStart = Number(zip.readEntryCursor);
    if (zip.entryCount > limits.entries)
      throw badArchive(`the archive has more than ${limits.entries} entries`);
    const found = collector(limits, source.size);
    for await (const entry of zip.eachEntry()) found.add(entry);
    await checkDirectory(range => reader.bytes(range), {
      ...{ size: source.size, comment: zip.comment.length, entries: zip.entryCount },
      ...{ start: directoryStart, end: Number(zip.readEntryCursor) },
    });
    await checkLocalHeaders(zip, [...found.raw.values()], { directoryStart, asStream }, range =>
      reader.bytes(range),
    );
    return {
      entries: found.entries,
      async read(path, max) {
        const entry = found.raw.get(path);
        return entry && !isDirectory(entry) ? readEntry(zip, entry, { max, reader }) : undefined;
      },
    };
  } catch (error) {
    throw refusalOf(error, reader);
  }
}

const NOT_ZIP = 'the archive is damaged, cut short, or of another kind';

/** Why reading failed: an error of whoever hands on the bytes, a refusal, or bytes that are no archive. */
function refusalOf(error: unknown, reader: CachedReader): unknown {
  if (reader.failure !== undefined) return reader.failure;
  return isRefusal(error) ? error : badArchive(NOT_ZIP);
}

function collector(limits: ArchiveLimits, packed: number) {
  const entries: ZipEntry[] = [];
  const raw = new Map<string, Entry>();
  const sums = { packed, paths: 0, unpacked: 0 };

  function add(entry: Entry): void {
    const problem = problemOf(entry);
    if (problem) throw problem;
    checkPath(entry.fileName);
    sums.paths += entry.fileNameLength;
    sums.unpacked += entry.uncompressedSize;
    if (entry.fileNameLength > limits.path) throw badArchive(LONG_PATHS);
    checkSums(sums, limits);
    const path = plainPath(entry.fileName);
    if (path === '' || raw.has(path)) throw badArchive('the archive has two entries of one name');
    raw.set(path, entry);
    const type = isDirectory(entry) ? 'directory' : 'file';
    const { uncompressedSize: size, compressedSize } = entry;
    entries.push({ path, name: nameOf(entry), type, size, compressedSize });
  }

  return { entries, raw, add };
}

/** yauzl hands on slashes where there are backslashes. */
const nameOf = ({ fileName, fileNameRaw }: Entry): string =>
  fileNameRaw.includes('\\') ? fileNameRaw.toString() : fileName;

const LONG_PATHS = 'the archive has paths that are too long';

function checkSums(
  { packed, paths, unpacked }: { packed: number; paths: number; unpacked: number },
  limits: ArchiveLimits,
): void {
  if (paths > limits.paths) throw badArchive(LONG_PATHS);
  if (unpacked > limits.unpacked) throw badArchive('the archive unpacks to too much');
  if (unpacked > limits.free && unpacked > packed * limits.ratio)
    throw badArchive(`the archive unpacks to more than ${limits.ratio} times its size`);
}

const isDirectory = ({ fileName }: Entry) => fileName.endsWith('/');

const UNICODE_PATH = 0x7075;
/** of `st_mode`, where Unix made the archive: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/sys_stat.h.html */
const KIND = 0xf000;
const PLAIN_KINDS = [0, 0x8000, 0x4000];

function problemOf(entry: Entry): StrongroomError | undefined {
  if (entry.isEncrypted()) return badArchive('the archive is encrypted');
  if (!entry.canDecodeFileData()) return badArchive('the archive is compressed in a way other than deflate');
  if (isDirectory(entry) && entry.uncompressedSize > 0)
    return badArchive('the archive has a directory with content');
  if (entry.extraFields.some(({ id }) => id === UNICODE_PATH))
    return badArchive('the archive has an entry with two names');
  const madeByUnix = entry.versionMadeBy >>> 8 === 3;
  const kind = (entry.externalFileAttributes >>> 16) & KIND;
  if (madeByUnix && !PLAIN_KINDS.includes(kind))
    return badArchive('the archive has links or other special files');
}

async function readEntry(
  zip: ZipFile,
  entry: Entry,
  { max, reader }: { max: number; reader: CachedReader },
): Promise<Buffer> {
  if (entry.uncompressedSize > max) throw badArchive(`a file in the archive has more than ${max} bytes`);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    if (crc32(bytes) === entry.crc32 >>> 0) return bytes;
  } catch (error) {
    throw refusalOf(error, reader);
  }
  throw badArchive(NOT_ZIP);
}

/** What is read at once, bytes: directories and headers are read in many small pieces. */
const WINDOW = 256 * 1024;

/** Hands yauzl its bytes; keeps the last window that was read. */
class CachedReader extends RandomAccessReader {
  /** what the source threw, as it was */
  failure: unknown;
  readonly #source: ZipSource;
  #window: { readonly start: number; readonly bytes: Buffer } = { start: 0, bytes: Buffer.alloc(0) };

  constructor(source: ZipSource) {
    super();
    this.#source = source;
  }

  /** An inclusive range; shorter when the source ends before. */
  async bytes({ start, end }: { start: number; end: number }): Promise<Buffer> {
    const last = Math.min(end, this.#source.size - 1);
    if (start > last) return Buffer.alloc(0);
    if (start < this.#window.start || last >= this.#window.start + this.#window.bytes.length) {
      const until = Math.min(Math.max(last, start + WINDOW - 1), this.#source.size - 1);
      this.#window = { start, bytes: await this.#fetch({ start, end: until }) };
    }
    return this.#window.bytes.subarray(start - this.#window.start, last - this.#window.start + 1);
  }

  async #fetch(range: { start: number; end: number }): Promise<Buffer> {
    try {
      return await this.#source.read(range);
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
  }

  override read(...[into, offset, length, position, done]: Parameters<RandomAccessReader['read']>): void {
    this.bytes({ start: position, end: position + length - 1 }).then(
      found => {
        found.copy(into, offset);
        done(found.length === length ? null : new Error('the archive ends before'));
      },
      error => done(error as Error),
    );
  }

  /** @param end exclusive */
  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#pieces(start, end), { objectMode: false });
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; at += WINDOW)
      yield await this.bytes({ start: at, end: Math.min(at + WINDOW, end) - 1 });
  }
}
