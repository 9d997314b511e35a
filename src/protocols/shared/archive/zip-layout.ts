/** That a zip archive is laid out so that every unzipper sees the same entries in it. */
import type { Entry, ZipFile } from 'yauzl';
import { badArchive } from './paths.ts';

/** Reads an inclusive range. */
type Read = (range: { start: number; end: number }) => Promise<Buffer>;

const END_OF_DIRECTORY = 22;
const ZIP64_LOCATOR = { size: 20, signature: 0x07064b50 };
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
  const following = await zip64RecordBefore(read, endRecord);
  if (!agree || directory.end !== following)
    throw badArchive('the directory of the archive contradicts itself');
}

const isSetTo = (field: number, unset: number, value: number) => field === unset || field === value;

/** Where the zip64 end record is that the locator before the end record names; without one, the end record itself. */
async function zip64RecordBefore(read: Read, endRecord: number): Promise<number> {
  const start = endRecord - ZIP64_LOCATOR.size;
  if (start < 0) return endRecord;
  const locator = await read({ start, end: endRecord - 1 });
  return locator.readUInt32LE(0) === ZIP64_LOCATOR.signature ? Number(locator.readBigUInt64LE(8)) : endRecord;
}

/**
 * Some readers go from local header to local header: they must say what the directory says, must not overlap (the
 * archives that unpack to everything do), and nothing between them may have room for another entry.
 * @throws PACKAGE_INVALID
 */
export async function checkLocalHeaders(
  zip: ZipFile,
  entries: Iterable<Entry>,
  directoryStart: number,
  read: Read,
): Promise<void> {
  const inOrder = [...entries].sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  let end: number | undefined;
  for (const entry of inOrder) {
    const start = entry.relativeOffsetOfLocalHeader;
    if (end === undefined) await checkPrefix(read, start);
    else if (!adjoins(end, start)) throw badArchive('the archive has overlapping or hidden entries');
    const local = await zip.readLocalFileHeaderPromise(entry);
    const streamed = (local.generalPurposeBitFlag & DATA_DESCRIPTOR_FLAG) !== 0;
    const same =
      local.fileName.equals(entry.fileNameRaw) &&
      local.compressionMethod === entry.compressionMethod &&
      local.generalPurposeBitFlag === entry.generalPurposeBitFlag &&
      (streamed || agrees(local, entry));
    if (!same) throw badArchive(`the archive says two things of ${JSON.stringify(entry.fileName)}`);
    end = local.fileDataStart + entry.compressedSize;
  }
  if (end !== undefined && !adjoins(end, directoryStart))
    throw badArchive('the archive has overlapping or hidden entries');
}

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
