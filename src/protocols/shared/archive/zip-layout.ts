/** That a zip archive is laid out so that every unzipper sees the same entries in it. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw, inflateRawSync } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { badArchive } from './paths.ts';

/** Reads an inclusive range. */
type Read = (range: { start: number; end: number }) => Promise<Buffer>;

const END_OF_DIRECTORY = 22;
const ZIP64_LOCATOR = { size: 20, signature: 0x07064b50 };
const ZIP64_RECORD = { size: 56, signature: 0x06064b50 };
const LOCAL_HEADER = { size: 30, signature: 0x04034b50 };
const DATA_DESCRIPTOR_FLAG = 0x8;
const UNSET_16 = 0xffff;
const UNSET_32 = 0xffffffff;

/**
 * Some readers go by the number of entries, some by the directory's size: the directory must fill exactly the place
 * between the files and the end record, and every field that is set must say so.
 * @param directory.end exclusive
 * @throws PACKAGE_INVALID
 */
export async function checkDirectory(
  read: Read,
  directory: { size: number; comment: number; entries: number; start: number; end: number },
): Promise<void> {
  const endRecord = directory.size - END_OF_DIRECTORY - directory.comment;
  const record = await read({ start: endRecord, end: endRecord + END_OF_DIRECTORY - 1 });
  const agree =
    isSetTo(record.readUInt16LE(8), UNSET_16, directory.entries) &&
    isSetTo(record.readUInt16LE(10), UNSET_16, directory.entries) &&
    isSetTo(record.readUInt32LE(12), UNSET_32, directory.end - directory.start) &&
    isSetTo(record.readUInt32LE(16), UNSET_32, directory.start);
  const following = await zip64RecordBefore(read, endRecord, directory);
  if (!agree || directory.end !== following) throw contradiction();
}

const contradiction = () => badArchive('the directory of the archive contradicts itself');

const isSetTo = (field: number, unset: number, value: number) => field === unset || field === value;

/**
 * Where the zip64 end record is, without one, the end record itself. Some readers go by it whether the end record leaves
 * anything to it or not, and some look for it right before its locator: it is there, and says the same.
 */
async function zip64RecordBefore(
  read: Read,
  endRecord: number,
  { entries, start, end }: { entries: number; start: number; end: number },
): Promise<number> {
  const at = endRecord - ZIP64_LOCATOR.size;
  if (at < 0) return endRecord;
  const locator = await read({ start: at, end: endRecord - 1 });
  if (locator.readUInt32LE(0) !== ZIP64_LOCATOR.signature) return endRecord;
  if (at < ZIP64_RECORD.size) throw contradiction();
  const record = await read({ start: at - ZIP64_RECORD.size, end: at - 1 });
  const said = [4, 24, 32, 40, 48].map(offset => record.readBigUInt64LE(offset));
  const is = [ZIP64_RECORD.size - 12, entries, entries, end - start, start];
  const agree =
    record.readUInt32LE(0) === ZIP64_RECORD.signature &&
    Number(locator.readBigUInt64LE(8)) === at - ZIP64_RECORD.size &&
    said.every((value, index) => value === BigInt(is[index] ?? -1));
  if (!agree) throw contradiction();
  return at - ZIP64_RECORD.size;
}

/**
 * Some readers go from local header to local header: they must say what the directory says, must not overlap (the
 * archives that unpack to everything do), and nothing between them may have room for another entry.
 * @throws PACKAGE_INVALID
 */
export async function checkLocalHeaders(
  zip: ZipFile,
  entries: readonly Entry[],
  { directoryStart, asStream }: { directoryStart: number; asStream: boolean },
  read: Read,
): Promise<void> {
  const inOrder = entries.toSorted((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  let end: number | undefined;
  for (const entry of inOrder) {
    const start = entry.relativeOffsetOfLocalHeader;
    if (end === undefined) await checkPrefix(read, start);
    else if (!adjoins(end, start)) throw badArchive('the archive has overlapping or hidden entries');
    const local = await zip.readLocalFileHeaderPromise(entry);
    if (!isSame(local, entry)) throw unlike(entry);
    if (asStream && isStreamed(local)) await checkStreamed(entry, local.fileDataStart, read);
    end = local.fileDataStart + entry.compressedSize;
  }
  if (end !== undefined && !adjoins(end, directoryStart))
    throw badArchive('the archive has overlapping or hidden entries');
}

type Local = Awaited<ReturnType<ZipFile['readLocalFileHeaderPromise']>>;

const isStreamed = (local: Local) => (local.generalPurposeBitFlag & DATA_DESCRIPTOR_FLAG) !== 0;

const isSame = (local: Local, entry: Entry) =>
  local.fileName.equals(entry.fileNameRaw) &&
  local.compressionMethod === entry.compressionMethod &&
  local.generalPurposeBitFlag === entry.generalPurposeBitFlag &&
  (agrees(local, entry) || (isStreamed(local) && saysNothing(local)));

const DEFLATED = 8;
const PIECE = 256 * 1024;

/**
 * Where the local header leaves the size to what comes after the content, readers of streams find its end by inflating
 * it: that must be where the directory says, and nothing behind it.
 */
async function checkStreamed(entry: Entry, start: number, read: Read): Promise<void> {
  if (entry.compressionMethod !== DEFLATED) return;
  const { compressedSize, uncompressedSize } = entry;
  const small = compressedSize <= PIECE && uncompressedSize <= PIECE;
  const found = small ? await inflatedAtOnce(entry, start, read) : await inflatedInPieces(entry, start, read);
  const whole = found.packed === compressedSize && found.size === uncompressedSize;
  if (!whole || found.sum !== entry.crc32 >>> 0) throw unlike(entry);
}

interface Inflated {
  /** bytes that were taken */
  readonly packed: number;
  /** bytes that came out */
  readonly size: number;
  readonly sum: number;
}

/** Archives have many small entries: one call for each. */
async function inflatedAtOnce(entry: Entry, start: number, read: Read): Promise<Inflated> {
  if (entry.compressedSize === 0) throw unlike(entry);
  const packed = await read({ start, end: start + entry.compressedSize - 1 });
  const options = { maxOutputLength: entry.uncompressedSize + 1, info: true };
  const { buffer, engine } = inflateRawSync(packed, options) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  return { packed: engine.bytesWritten, size: buffer.length, sum: crc32(buffer) };
}

async function inflatedInPieces(entry: Entry, start: number, read: Read): Promise<Inflated> {
  const end = start + entry.compressedSize;
  async function* packed() {
    for (let at = start; at < end; at += PIECE) yield read({ start: at, end: Math.min(at + PIECE, end) - 1 });
  }
  const inflate = createInflateRaw();
  let [size, sum] = [0, 0];
  await pipeline(Readable.from(packed(), { objectMode: false }), inflate, async chunks => {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      size += chunk.length;
      sum = crc32(chunk, sum);
      if (size > entry.uncompressedSize) throw unlike(entry);
    }
  });
  return { packed: inflate.bytesWritten, size, sum };
}

const unlike = ({ fileName }: Entry) =>
  badArchive(`the archive says two things of ${JSON.stringify(fileName)}`);

/** What lies between is a data descriptor at most, in which no local header fits. */
const adjoins = (end: number, next: number) => end <= next && next - end < LOCAL_HEADER.size;

/** Code before an archive makes it executable; an entry there is hidden from the directory. */
async function checkPrefix(read: Read, first: number): Promise<void> {
  if (first === 0) return;
  const head = await read({ start: 0, end: 3 });
  if (head.length === 4 && head.readUInt32LE(0) === LOCAL_HEADER.signature)
    throw badArchive('the archive has overlapping or hidden entries');
}

interface Sizes {
  readonly crc32: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
}

/** Sizes that do not fit are in the zip64 field of the local header, of which only the directory's is read. */
const agrees = (local: Sizes, entry: Sizes) =>
  local.crc32 === entry.crc32 &&
  isSetTo(local.compressedSize, UNSET_32, entry.compressedSize) &&
  isSetTo(local.uncompressedSize, UNSET_32, entry.uncompressedSize);

const saysNothing = (local: Sizes) =>
  local.crc32 === 0 &&
  isSetTo(local.compressedSize, UNSET_32, 0) &&
  isSetTo(local.uncompressedSize, UNSET_32, 0);
