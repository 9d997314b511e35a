/**
 * Headers of a tar archive, read strictly. Unpackers differ in what they make of odd numbers, of prefixes, of extended
 * headers and of what has no content: what two of them could read differently is refused. Pure.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
import { badArchive } from './paths.ts';

export const BLOCK = 512;

export interface TarHeader {
  readonly name: string;
  readonly link: string;
  /** `file`, `directory`, `symlink`, `link`; else what describes the entry after it, or those after it */
  readonly type: 'file' | 'directory' | 'symlink' | 'link' | 'pax' | 'global' | 'long-name' | 'long-link';
  /** of the content that follows, bytes */
  readonly size: number;
}

const TYPES: Readonly<Record<string, TarHeader['type']>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '5': 'directory',
  x: 'pax',
  g: 'global',
  L: 'long-name',
  K: 'long-link',
};

const damaged = (why: string) => badArchive(`the archive is damaged, or of another kind: ${why}`);

/** @returns undefined for a block of zeros, where an archive ends @throws PACKAGE_INVALID */
export function parseHeader(block: Buffer): TarHeader | undefined {
  if (isZero(block)) return undefined;
  if (sumOf(block) !== numberIn(block, 148, 8)) throw damaged('a header has another checksum');
  const flag = block.toString('latin1', 156, 157);
  const type = Object.hasOwn(TYPES, flag) ? TYPES[flag] : undefined;
  if (type === undefined) throw badArchive('the archive has devices or other special files');
  const size = numberIn(block, 124, 12);
  return checkedHeader({ name: nameIn(block), link: textIn(block, 157, 100), type, size });
}

/** A file whose name ends in a slash is a folder. Some skip what follows a link or folder that has a size, others read headers there. */
export function checkedHeader(header: TarHeader): TarHeader {
  const type = header.type === 'file' && header.name.endsWith('/') ? 'directory' : header.type;
  const empty = type === 'link' || type === 'symlink' || type === 'directory';
  if (empty && header.size > 0) throw badArchive('the archive has a link or folder with content');
  return { ...header, type };
}

export const isZero = (bytes: Buffer): boolean => bytes.every(byte => byte === 0);

function sumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < BLOCK; index++) if (index < 148 || index >= 156) sum += block[index] as number;
  return sum;
}

/** Octal digits in spaces, or a positive number of base 256. */
function numberIn(block: Buffer, start: number, length: number): number {
  if (block[start] === 0x80) {
    const value = BigInt(`0x${block.toString('hex', start + 1, start + length)}`);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  }
  const [, digits] = /^ *([0-7]*)[ \0]*$/.exec(block.toString('latin1', start, start + length)) ?? [];
  if (digits === undefined) throw damaged('a number is none');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function textIn(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  const rest = end < 0 ? Buffer.alloc(0) : field.subarray(end);
  if (rest.includes(0x0a)) throw damaged('a name goes on after its end');
  return field.toString('utf8', 0, end < 0 ? length : end);
}

const [MAGIC, PREFIX, TRAILER] = [257, 345, 500];

/** The folder in front of a name is where other kinds of headers have times, or nothing at all. */
function nameIn(block: Buffer): string {
  const kind = block.toString('latin1', MAGIC, MAGIC + 8);
  const name = textIn(block, 0, 100);
  const hasPrefix = block[PREFIX] !== 0;
  if (kind === 'ustar  \0' && !hasPrefix) return name;
  if (!kind.startsWith('ustar\0')) throw damaged('a header is neither of POSIX nor of GNU');
  if (!hasPrefix) return name;
  const prefix = textIn(block, PREFIX, TRAILER - PREFIX);
  const rest = block.subarray(PREFIX + Buffer.byteLength(prefix), BLOCK);
  if (kind !== 'ustar\x0000' || !isZero(rest)) throw damaged('a header has more than a name');
  return `${prefix}/${name}`;
}

/** What an extended header says of the entry after it. */
export interface Extended {
  readonly path?: string | undefined;
  readonly linkpath?: string | undefined;
  readonly size?: number | undefined;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Records `<length> <key>=<value>\n`, whose lengths count bytes. @throws PACKAGE_INVALID also for sparse files, which only
 * some unpackers know, under the names they have there
 */
export function parseExtended(bytes: Buffer): Extended {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const head = /^([1-9][0-9]{0,6}) ([^=\n]{1,200})=/.exec(bytes.toString('latin1', at, at + 220));
    const [whole = '', length = '', key = ''] = head ?? [];
    const end = at + Number(length);
    if (!head || end > bytes.length || end <= at + whole.length || bytes[end - 1] !== 0x0a)
      throw damaged('an extended header cannot be read');
    if (records.has(key) || key.startsWith('GNU.sparse.'))
      throw badArchive('the archive has sparse files, or says two things of one');
    records.set(key, valueIn(bytes.subarray(at + whole.length, end - 1), key));
    at = end;
  }
  const [path, linkpath, size] = [records.get('path'), records.get('linkpath'), records.get('size')];
  if (path === '' || linkpath === '' || (size !== undefined && !/^[0-9]{1,15}$/.test(size)))
    throw damaged('an extended header cannot be read');
  return { path, linkpath, size: size === undefined ? undefined : Number(size) };
}

/** Some read these records line by line: one in the value of another is no value to them. */
function valueIn(bytes: Buffer, key: string): string {
  if (/\n\s*[+-]?[0-9]/.test(bytes.toString('latin1')))
    throw damaged('an extended header has another one inside');
  if (key !== 'path' && key !== 'linkpath') return bytes.toString('latin1');
  try {
    return UTF8.decode(bytes);
  } catch {
    throw damaged('a name is not UTF-8');
  }
}

/** The name before an entry that is too long for its header. */
export function parseLongName(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  const rest = end < 0 ? Buffer.alloc(0) : bytes.subarray(end);
  if (end === 0 || !isZero(rest)) throw damaged('a name goes on after its end');
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
