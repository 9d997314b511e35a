import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { ARCHIVE_LIMITS } from '../../../../src/protocols/shared/archive/limits.ts';
import { readTar } from '../../../../src/protocols/shared/archive/tar.ts';

type Member = Partial<Header> & Pick<Header, 'name'> & { readonly content?: string };

/** A tar of these members. */
async function tarOf(...members: readonly Member[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = '', ...header } of members) archive.entry(header, content);
  archive.finalize();
  return buffer(archive);
}

const read = (bytes: Buffer, wanted: Readonly<Record<string, number>> = {}, limits = ARCHIVE_LIMITS) =>
  readTar(Readable.from([bytes]), { gzip: true, want: path => wanted[path], limits });

const small = { name: 'package/package.json', content: '{"name":"a"}' };

describe('reading a tar archive', () => {
  it('lists what it holds and keeps what is wanted', async () => {
    const bytes = await tarOf(
      { name: './package/', type: 'directory' },
      { name: './package/package.json', content: '{"name":"a"}' },
      { name: 'package/README.md', content: 'x'.repeat(2000) },
      { name: 'package/link', type: 'symlink', linkname: 'README.md' },
    );
    const { entries, files } = await read(gzipSync(bytes), {
      'package/package.json': 100,
      'package/README.md': 10,
      'package/link': 10,
    });
    expect(entries).toEqual([
      { path: 'package', name: './package/', size: 0, type: 'directory' },
      { path: 'package/package.json', name: './package/package.json', size: 12, type: 'file' },
      { path: 'package/README.md', name: 'package/README.md', size: 2000, type: 'file' },
      { path: 'package/link', name: 'package/link', size: 0, type: 'symlink' },
    ]);
    expect([...files].map(([path, content]) => [path, content.toString()])).toEqual([
      ['package/package.json', '{"name":"a"}'],
      ['package/README.md', 'xxxxxxxxxx'],
    ]);
  });

  it('reads a plain tar in any pieces, long names included', async () => {
    const name = `package/${'deep/'.repeat(60)}file`;
    const bytes = await tarOf({ name, content: 'hello' });
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) =>
      bytes.subarray(i * 7, i * 7 + 7),
    );
    const { files } = await readTar(Readable.from(pieces), { gzip: false, want: () => 10 });
    expect(files.get(name)?.toString()).toBe('hello');
  });

  it.each([
    ['a path that goes up', { name: 'package/../../etc/passwd' }],
    ['a path that goes up the other way', { name: 'package\\..\\..\\etc' }],
    ['an absolute path', { name: '/etc/passwd' }],
    ['a drive', { name: 'C:\\windows' }],
    ['a device', { name: 'package/null', type: 'character-device' }],
    ['a pipe', { name: 'package/pipe', type: 'fifo' }],
    ['a symbolic link out', { name: 'package/l', type: 'symlink', linkname: '../../etc' }],
    ['an absolute symbolic link', { name: 'package/l', type: 'symlink', linkname: '/etc' }],
    ['a symbolic link down and up', { name: 'a/b/l', type: 'symlink', linkname: 'x/../../..' }],
    ['a hard link out', { name: 'package/l', type: 'link', linkname: '../etc' }],
  ] as const)('refuses %s', async (_, member) => {
    await expect(read(gzipSync(await tarOf(small, member)))).rejects.toMatchObject({
      code: 'PACKAGE_INVALID',
    });
  });

  it('refuses a file below a link', async () => {
    const link = { name: 'a/b', type: 'symlink', linkname: 'c' } as const;
    const bytes = await tarOf(link, { name: 'a/b/d', content: 'x' });
    await expect(read(gzipSync(bytes))).rejects.toThrow('below a link');
  });

  it('refuses a wanted file that is there twice', async () => {
    const bytes = gzipSync(await tarOf(small, { ...small, name: './package//package.json' }));
    await expect(read(bytes, { 'package/package.json': 100 })).rejects.toThrow('twice');
    await expect(read(bytes)).resolves.toMatchObject({ entries: { length: 2 } });
  });

  it('refuses what unpacks to far more than it is, without unpacking it', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    await expect(read(bomb)).rejects.toThrow('200 times');
    const padded = gzipSync(Buffer.concat([await tarOf(small), Buffer.alloc(64 * 1024 * 1024)]));
    await expect(read(padded)).rejects.toThrow('200 times');
  });

  it('refuses too many entries, too long paths, too much content', async () => {
    const bytes = gzipSync(await tarOf(small, { ...small, name: 'b' }));
    const with_ = (limits: Partial<typeof ARCHIVE_LIMITS>) =>
      read(bytes, { b: 100, 'package/package.json': 100 }, { ...ARCHIVE_LIMITS, ...limits });
    await expect(with_({ entries: 1 })).rejects.toThrow('more than 1 entries');
    await expect(with_({ path: 10 })).rejects.toThrow('paths');
    await expect(with_({ paths: 20 })).rejects.toThrow('paths');
    await expect(with_({ unpacked: 1024 })).rejects.toThrow('too much');
    await expect(with_({ kept: 20 })).rejects.toThrow('too much to read');
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 20)],
    ['no gzip', () => Buffer.from('hello')],
    ['empty', () => Buffer.alloc(0)],
    ['a gzip of something else', () => gzipSync(Buffer.alloc(2000, 'x'))],
    ['a gzip of a tar cut short', () => gzipSync(Buffer.from('x'))],
  ])('refuses what is %s', async (_, make) => {
    const whole = gzipSync(await tarOf({ name: 'a', content: 'x'.repeat(5000) }));
    await expect(read(make(whole))).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });

  it('throws on what the source throws', async () => {
    const broken = Readable.from(
      (async function* () {
        yield gzipSync(await tarOf(small)).subarray(0, 20);
        throw new Error('the disk is gone');
      })(),
    );
    await expect(readTar(broken, { gzip: true, want: () => undefined })).rejects.toThrow('the disk is gone');
  });
});
