/** Archives that one unpacker reads differently from another: what we show of them would not be what is unpacked. */
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readTar } from '../../../../src/protocols/shared/archive/tar.ts';

interface Parts {
  readonly name: string;
  readonly content?: string | Buffer;
  readonly type?: string;
  /** the field as it is, 12 bytes */
  readonly size?: string | Buffer;
  readonly link?: string;
  /** bytes of the header from an offset on, before its checksum is made */
  readonly raw?: Readonly<Record<number, string>>;
  readonly checksum?: string;
}

function entry({ name, content = '', type = '0', link = '', raw = {}, ...more }: Parts): Buffer {
  const bytes = Buffer.from(content);
  const block = Buffer.alloc(512);
  block.write(name, 0, 'latin1');
  block.write('0000644\x000000000\x000000000\0', 100);
  const size = Buffer.from(more.size ?? `${bytes.length.toString(8).padStart(11, '0')}\0`);
  size.copy(block, 124);
  block.write('00000000000\0', 136);
  block.write(type, 156);
  block.write(link, 157);
  block.write('ustar\x0000', 257);
  for (const [offset, text] of Object.entries(raw)) block.write(text, Number(offset), 'latin1');
  block.write('        ', 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(more.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([block, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

const END = Buffer.alloc(1024);
const archive = (...entries: readonly Buffer[]) => Buffer.concat([...entries, END]);
const record = (text: string) => {
  const length = text.length + 2;
  const digits = String(length + String(length).length).length;
  return `${length + digits} ${text}\n`;
};
const pax = (text: string, type = 'x') => entry({ name: 'PaxHeader', type, content: text });

const read = (bytes: Buffer) =>
  readTar(Readable.from([bytes]), {
    gzip: true,
    want: path => (path === 'app/meta' ? 1000 : undefined),
  });

const META = entry({ name: 'app/meta', content: 'seen' });
const EVIL = entry({ name: 'app/meta', content: 'evil' });
const other = (parts: Partial<Parts> = {}) => entry({ name: 'app/x', content: 'evil', ...parts });

describe('a tar archive that is read in one way only', () => {
  it('is read with extended headers, long names and numbers of base 256', async () => {
    const name = `app/${'n'.repeat(150)}`;
    const large = Buffer.from('800000000000000000000004', 'hex');
    const bytes = archive(
      pax(record('comment=of git'), 'g'),
      META,
      pax(record(`path=${name}1`) + record('mtime=1.5') + record('SCHILY.xattr.user.x=a\nb')),
      other(),
      entry({ name: '././@LongLink', type: 'L', content: `${name}2\0` }),
      other({ raw: { 257: 'ustar  \0' } }),
      entry({ name: 'y', content: 'evil', raw: { 345: 'app/deep' } }),
      other({ size: large, name: 'app/z' }),
      entry({ name: 'app/dir/' }),
    );
    const { entries, files } = await read(gzipSync(bytes));
    expect(entries.map(({ path }) => path)).toEqual([
      ...['app/meta', `${name}1`, `${name}2`, 'app/deep/y', 'app/z', 'app/dir'],
    ]);
    expect(files.get('app/meta')?.toString()).toBe('seen');
  });

  const inside = Buffer.concat([EVIL]).toString('latin1');
  it.each([
    ['a record inside a record', [META, pax(record(`comment=x\n${record('path=app/meta')}`)), other()]],
    ['records after a broken one', [META, pax(`x\n${record('path=app/meta')}`), other()]],
    ['a record that is longer than it says', [META, pax('6 a=1\npath=app/meta\n'), other()]],
    [
      'a sparse file',
      [META, pax(record('GNU.sparse.name=app/meta') + record('GNU.sparse.major=1')), other()],
    ],
    ['a name for all entries', [pax(record('path=app/meta'), 'g'), META, other()]],
    ['two extended headers', [META, pax(record('mtime=1')), pax(record('path=app/meta')), other()]],
    [
      'two names',
      [META, pax(record('path=app/y')), entry({ name: 'L', type: 'L', content: 'app/meta\0' }), other()],
    ],
    ['one name twice', [META, pax(record('path=app/y') + record('path=app/meta')), other()]],
    ['an empty name', [META, pax(record('path=')), other()]],
    ['a size that is none', [META, pax(record('size=4x')), other()]],
    ['a negative size', [META, other({ size: '-0000000010\0' })]],
    ['digits that only some read', [META, other({ size: '1_0000     \0' })]],
    ['a link with content', [META, entry({ name: 'app/l', type: '2', link: 'x', content: inside })]],
    ['a folder with content', [META, entry({ name: 'app/d', type: '5', content: inside })]],
    ['a folder by its name, with content', [META, entry({ name: 'app/d/', content: inside })]],
    ['a name after its end', [META, other({ raw: { 5: '\0\n/../meta' } })]],
    ['a long name after its end', [META, entry({ name: 'L', type: 'L', content: 'app/y\0\nmeta' }), other()]],
    [
      'a folder where others have times',
      [META, entry({ name: 'meta', raw: { 257: 'ustar  \0', 345: 'app' } })],
    ],
    ['a folder of another length', [META, entry({ name: 'meta', raw: { 345: 'app', 476: '1' } })]],
    [
      'links, and folders deeper than anybody has',
      [entry({ name: 'app/l', type: '2', link: 'x' }), pax(record(`path=${'a/'.repeat(2000)}f`)), META],
    ],
    ['another checksum', [META, other({ checksum: '000001\0 ' })]],
    ['a link in its place', [META, entry({ name: 'app/meta', type: '1', link: 'app/x' })]],
    ['a link before it', [entry({ name: 'app/meta', type: '1', link: 'app/x' }), META]],
    ['an entry after its end', [META, Buffer.alloc(512), EVIL]],
    ['an entry after both blocks of its end', [other(), END, META]],
  ])('refuses %s', async (_, entries) => {
    await expect(read(gzipSync(archive(...entries)))).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });

  it.each([
    ['garbage after its end', Buffer.from('garbage')],
    ['zeros and another member, which Python goes on with', Buffer.concat([Buffer.alloc(1), gzipSync(EVIL)])],
  ])('refuses a gzip with %s', async (_, tail) => {
    const bytes = Buffer.concat([gzipSync(archive(META)), tail]);
    await expect(read(bytes)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });

  it('reads what is compressed in members, in whatever pieces', async () => {
    const bytes = Buffer.concat([gzipSync(META), gzipSync(other()), gzipSync(END)]);
    for (const size of [1, 7, 100]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      const { entries } = await readTar(Readable.from(pieces), { gzip: true, want: () => undefined });
      expect(entries).toHaveLength(2);
    }
    await expect(read(Buffer.concat([gzipSync(META), gzipSync(EVIL), gzipSync(END)]))).rejects.toThrow(
      'twice',
    );
  });
});
