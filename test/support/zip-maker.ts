/** Makes small zip archives, also wrong ones. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipPart {
  readonly path: string;
  readonly content?: string | Uint8Array;
  /** as it is instead of deflated */
  readonly stored?: boolean;
  /** general purpose bits */
  readonly flags?: number;
  /** `st_mode` */
  readonly mode?: number;
  /** what the directory says the unpacked size is */
  readonly size?: number;
  /** what the local header says its name is */
  readonly localPath?: string;
  /** the directory does not name it */
  readonly hidden?: boolean;
  readonly method?: number;
  /** bytes behind the deflated content, counted as a part of it */
  readonly behind?: Buffer;
}

/** https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.3 */
export function makeZip(parts: readonly ZipPart[], end: { count?: number; tail?: string } = {}): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const part of parts) {
    const local = localOf(part);
    locals.push(local.bytes);
    if (!part.hidden) directory.push(directoryOf(part, local.common, offset));
    offset += local.bytes.length;
  }
  const central = Buffer.concat(directory);
  const record = Buffer.alloc(22);
  record.write('PK\x05\x06', 'latin1');
  record.writeUInt16LE(end.count ?? directory.length, 8);
  record.writeUInt16LE(end.count ?? directory.length, 10);
  record.writeUInt32LE(central.length, 12);
  record.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, record, Buffer.from(end.tail ?? '')]);
}

function localOf({ content: text = '', stored = false, ...part }: ZipPart) {
  const content = Buffer.from(text);
  const deflated = stored ? content : deflateRawSync(content);
  const packed = part.behind ? Buffer.concat([deflated, part.behind]) : deflated;
  const common = Buffer.alloc(22);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(part.flags ?? 0x800, 2);
  common.writeUInt16LE(part.method ?? (stored ? 0 : 8), 4);
  common.writeUInt32LE(0x5a21_0000, 6); // 2025-01-01
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(part.size ?? content.length, 18);
  const name = Buffer.from(part.localPath ?? part.path);
  return { common, bytes: Buffer.concat([headed('PK\x03\x04', common, name), name, packed]) };
}

function directoryOf({ path, mode = 0o100644 }: ZipPart, common: Buffer, offset: number): Buffer {
  const name = Buffer.from(path);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE((mode << 16) >>> 0, 6);
  rest.writeUInt32LE(offset, 10);
  const madeByUnix = '\x14\x03';
  return Buffer.concat([headed(`PK\x01\x02${madeByUnix}`, common, name), rest, name]);
}

/** The fields that local header and directory share, with the length of the name after them. */
function headed(signature: string, common: Buffer, name: Buffer): Buffer {
  const lengths = Buffer.alloc(4);
  lengths.writeUInt16LE(name.length, 0);
  return Buffer.concat([Buffer.from(signature, 'latin1'), common, lengths]);
}

/** An archive in memory as what opens archives reads it. */
export const zipSource = (bytes: Buffer) => ({
  size: bytes.length,
  read: async ({ start, end }: { start: number; end: number }) => bytes.subarray(start, end + 1),
});
