import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../../../src/domain/errors.ts';
import { ARCHIVE_LIMITS } from '../../../../src/protocols/shared/archive/limits.ts';
import { openZip } from '../../../../src/protocols/shared/archive/zip.ts';
import { makeZip, type ZipPart, zipSource } from '../../../support/zip-maker.ts';

const open = (parts: readonly ZipPart[], limits = ARCHIVE_LIMITS) =>
  openZip(zipSource(makeZip(parts)), { limits, asStream: true });

const good: readonly ZipPart[] = [
  { path: 'pkg/', stored: true, mode: 0o40755 },
  { path: 'pkg/a.txt', content: 'alpha '.repeat(100) },
  { path: 'pkg/b.txt', content: 'beta', stored: true },
  { path: 'pkg/ünï.txt', content: '' },
];

describe('openZip', () => {
  it('lists entries and reads files', async () => {
    const zip = await open(good);
    expect(zip.entries.map(({ path, type, size }) => [path, type, size])).toEqual([
      ['pkg', 'directory', 0],
      ['pkg/a.txt', 'file', 600],
      ['pkg/b.txt', 'file', 4],
      ['pkg/ünï.txt', 'file', 0],
    ]);
    expect((await zip.read('pkg/a.txt', 600))?.toString()).toBe('alpha '.repeat(100));
    expect((await zip.read('pkg/b.txt', 600))?.toString()).toBe('beta');
    expect((await zip.read('pkg/ünï.txt', 600))?.length).toBe(0);
    expect(await zip.read('pkg/c.txt', 600)).toBeUndefined();
    expect(await zip.read('pkg', 600)).toBeUndefined();
  });

  it('reads large files in pieces', async () => {
    const content = randomBytes(1_500_000);
    const zip = await open([
      { path: 'big', content },
      { path: 'next', content: 'x' },
    ]);
    expect(await zip.read('big', content.length)).toEqual(content);
    expect((await zip.read('next', 10))?.toString()).toBe('x');
  });

  it('reads an empty archive', async () => {
    expect((await open([])).entries).toEqual([]);
  });

  it('reads nothing larger than asked for', async () => {
    const zip = await open(good);
    await expect(zip.read('pkg/a.txt', 599)).rejects.toThrow(/more than 599 bytes/);
  });

  it('hands on what the source throws', async () => {
    const source = { size: 1000, read: () => Promise.reject(new Error('the disk is away')) };
    await expect(openZip(source)).rejects.toThrow('the disk is away');
  });
});

const one = (part: Partial<ZipPart>): ZipPart[] => [
  { path: 'first', content: 'f' },
  { path: 'x', content: 'content', ...part },
];

describe('openZip refuses', () => {
  it.each<[string, readonly ZipPart[]]>([
    ['paths that lead out', one({ path: '../x' })],
    ['paths that lead out below', one({ path: 'a/../../x' })],
    ['absolute paths', one({ path: '/etc/passwd' })],
    ['drive letters', one({ path: 'C:/x' })],
    ['paths that lead out with backslashes', one({ path: '..\\x' })],
    ['equal names', [...good, { path: 'pkg/a.txt', content: 'other' }]],
    ['equal names written differently', [...good, { path: './pkg//a.txt', content: 'other' }]],
    ['a file named as a directory', [...good, { path: 'pkg', content: 'other' }]],
    ['encryption', one({ flags: 0x801 })],
    ['strong encryption', one({ flags: 0x840 })],
    ['other compression', one({ method: 12 })],
    ['symbolic links', one({ mode: 0o120777 })],
    ['devices', one({ mode: 0o20666 })],
    ['directories with content', one({ path: 'x/' })],
    ['other names in local headers', one({ localPath: 'y' })],
    ['stored files of another size', one({ size: 8, stored: true })],
    ['entries that only local headers have', [{ path: 'h', content: 'h', hidden: true }, ...good]],
    ['hidden entries between', [...good, { path: 'h', content: 'h', hidden: true }, { path: 'z' }]],
    ['hidden entries at the end', [...good, { path: 'h', content: 'h', hidden: true }]],
  ])('%s', async (_name, parts) => {
    const refused = await open(parts).catch((error: unknown) => error);
    expect(isRefusal(refused, 'PACKAGE_INVALID'), String(refused)).toBe(true);
  });

  it('sizes that are not the size', async () => {
    const zip = await open(one({ size: 5 }));
    await expect(zip.read('x', 100)).rejects.toThrow(/damaged/);
  });

  it('a directory that counts fewer entries than it has', async () => {
    await expect(openZip(zipSource(makeZip(good, { count: 3 })))).rejects.toThrow(/contradicts/);
  });

  it('bytes after the end, and what is cut short', async () => {
    await expect(openZip(zipSource(makeZip(good, { tail: 'garbage' })))).rejects.toThrow(/damaged/);
    const whole = makeZip(good);
    for (const length of [0, 1, 21, 40, whole.length >> 1, whole.length - 1])
      await expect(openZip(zipSource(whole.subarray(0, length))), `${length}`).rejects.toThrow(/damaged/);
  });

  it('damaged content when it is read', async () => {
    const whole = makeZip([{ path: 'x', content: 'abcdef', stored: true }]);
    whole[whole.indexOf('abc')] = 0x20;
    await expect((await openZip(zipSource(whole))).read('x', 10)).rejects.toThrow(/damaged/);
  });

  it('too much, by each limit', async () => {
    const bomb = { path: 'zeros', content: Buffer.alloc(300_000) };
    const limited = (limits: Partial<typeof ARCHIVE_LIMITS>) =>
      open([bomb], { ...ARCHIVE_LIMITS, ...limits });
    await expect(limited({ free: 1000 })).rejects.toThrow(/200 times/);
    await expect(limited({ unpacked: 299_999 })).rejects.toThrow(/too much/);
    await expect(limited({ entries: 0 })).rejects.toThrow(/entries/);
    await expect(limited({ path: 4 })).rejects.toThrow(/too long/);
    await expect(limited({ paths: 4 })).rejects.toThrow(/too long/);
    expect((await limited({})).entries).toHaveLength(1);
  });

  /** The end record with a zip64 record and its locator before it, which say how large the directory is, and where. */
  function zip64(whole: Buffer, said: { size?: number; record?: number; between?: Buffer } = {}): Buffer {
    const end = whole.subarray(-22);
    const directory = whole.length - 22;
    const start = end.readUInt32LE(16);
    const record = Buffer.alloc(56);
    record.write('PK\x06\x06', 'latin1');
    record.writeBigUInt64LE(44n, 4);
    for (const offset of [24, 32]) record.writeBigUInt64LE(BigInt(end.readUInt16LE(10)), offset);
    record.writeBigUInt64LE(BigInt(said.size ?? directory - start), 40);
    record.writeBigUInt64LE(BigInt(start), 48);
    const locator = Buffer.alloc(20);
    locator.write('PK\x06\x07', 'latin1');
    locator.writeBigUInt64LE(BigInt(said.record ?? directory), 8);
    locator.writeUInt32LE(1, 16);
    const between = said.between ?? Buffer.alloc(0);
    return Buffer.concat([whole.subarray(0, directory), record, between, locator, end]);
  }

  it('a directory that is another one for who reads 64 bits', async () => {
    const whole = makeZip(good);
    expect((await openZip(zipSource(zip64(whole)))).entries).toHaveLength(4);
    const others = [
      { size: 500 },
      { record: 3 },
      { between: Buffer.alloc(8) },
      { record: whole.length + 54 },
    ];
    for (const said of others) {
      const refused = await openZip(zipSource(zip64(whole, said))).catch((error: unknown) => error);
      expect(isRefusal(refused, 'PACKAGE_INVALID'), JSON.stringify(said)).toBe(true);
    }
  });

  it('content that ends before its end, for who reads the archive as a stream', async () => {
    const streamed = { path: 'x', content: 'x'.repeat(5000), flags: 0x808 };
    const large = { path: 'large', content: randomBytes(600_000), flags: 0x808 };
    expect((await open([streamed, large, { path: 'y' }])).entries).toHaveLength(3);
    const behind = [{ ...large, behind: Buffer.alloc(1) }, { path: 'y' }];
    await expect(open(behind)).rejects.toThrow(/two things/);
    expect((await openZip(zipSource(makeZip(behind)))).entries).toHaveLength(2);
    const hidden = makeZip([{ path: 'hidden', content: 'h' }]).subarray(0, 37);
    for (const more of [{ behind: hidden }, { behind: Buffer.alloc(1) }, { size: 4999 }, { size: 5001 }])
      await expect(open([{ ...streamed, ...more }, { path: 'y' }])).rejects.toThrow(/two things/);
  });
});
