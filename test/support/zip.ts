/** Files of a small zip archive, by name: stored or deflated, as the shared test data has them. */
import { inflateRawSync } from 'node:zlib';

const LOCAL_HEADER = 30;
const CENTRAL_HEADER = 46;
const END_OF_DIRECTORY = 0x0605_4b50;

/** https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.3 */
export function unzip(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const end = archive.lastIndexOf(Buffer.from(Uint32Array.of(END_OF_DIRECTORY).buffer));
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [method, size] = [archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 20)];
    const [nameLength, extra] = [archive.readUInt16LE(at + 28), archive.readUInt16LE(at + 30)];
    const comment = archive.readUInt16LE(at + 32);
    const local = archive.readUInt32LE(at + 42);
    const name = archive.toString('utf8', at + CENTRAL_HEADER, at + CENTRAL_HEADER + nameLength);
    const begin = local + LOCAL_HEADER + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const content = archive.subarray(begin, begin + size);
    files.set(name, method === 0 ? content : inflateRawSync(content));
    at += CENTRAL_HEADER + nameLength + extra + comment;
  }
  return files;
}
