import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { readPublishBody } from '../../../src/protocols/npm/publish-body.ts';

const LIMITS = { document: 10_000, attachments: 1 };

/** The text in pieces of a size. */
const pieces = (text: string, size: number) => {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / size);
  return Readable.from(Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size)));
};

const read = (text: string, size = 1000, limits = LIMITS) =>
  readPublishBody(pieces(text, size), limits, async (_, data) => buffer(data));

const documentOf = (data: string, more = {}) =>
  JSON.stringify({ name: 'a "quoted" näme', _attachments: { 'a-1.0.0.tgz': { data, length: 1 } }, ...more });

describe('reading what npm publishes', () => {
  it.each([1, 2, 3, 4, 5, 7, 64, 10_000])(
    'takes the tarball out of it, in pieces of %i bytes',
    async size => {
      const content = randomBytes(1001);
      const { document, attachments } = await read(
        documentOf(content.toString('base64'), { versions: { a: [1] } }),
        size,
      );
      expect(attachments.get('a-1.0.0.tgz')?.equals(content)).toBe(true);
      expect(document).toEqual({
        name: 'a "quoted" näme',
        _attachments: { 'a-1.0.0.tgz': { data: '', length: 1 } },
        versions: { a: [1] },
      });
    },
  );

  it('takes escaped slashes for slashes, cut anywhere', async () => {
    const content = Buffer.alloc(60, 0xff);
    const text = documentOf('@').replace('@', content.toString('base64').replaceAll('/', '\\/'));
    for (let size = 1; size < 20; size++)
      expect((await read(text, size)).attachments.get('a-1.0.0.tgz')?.equals(content)).toBe(true);
  });

  it('does not hold the tarball: the limit is for the rest', async () => {
    const content = Buffer.alloc(200_000, 7);
    const { attachments } = await read(documentOf(content.toString('base64')));
    expect(attachments.get('a-1.0.0.tgz')?.length).toBe(200_000);
    await expect(read(documentOf('', { padding: 'x'.repeat(10_000) }))).rejects.toMatchObject({
      code: 'CONTENT_TOO_LARGE',
    });
  });

  it('leaves a provenance bundle in the document', async () => {
    const text = JSON.stringify({ _attachments: { 'a-1.0.0.sigstore': { data: '{"a":"b"}' } } });
    const { document, attachments } = await read(text);
    expect(attachments.size).toBe(0);
    expect(document).toEqual({ _attachments: { 'a-1.0.0.sigstore': { data: '{"a":"b"}' } } });
  });

  it('does not take other strings for attachments', async () => {
    const text = JSON.stringify({
      versions: { _attachments: { x: { data: 'no' } } },
      list: [{ _attachments: { y: { data: 'no' } } }],
      data: 'no',
      _attachments: { z: { deeper: { data: 'no' } } },
    });
    const { document, attachments } = await read(text);
    expect(attachments.size).toBe(0);
    expect(document).toEqual(JSON.parse(text));
  });

  it.each([
    ['no base64', documentOf('a*b=')],
    ['base64 with a gap', documentOf('QUJD QUJD')],
    ['padding in the middle', documentOf('QQ==QUJD')],
    ['an escape in it', documentOf('@').replace('@', 'QU\\u0041')],
    ['two tarballs', JSON.stringify({ _attachments: { a: { data: '' }, b: { data: '' } } })],
    ['the same twice', '{"_attachments":{"a":{"data":"","data":"QUJD"}}}'],
    ['no end', documentOf('QUJD').slice(0, -3)],
    ['an open string', '{"a":"b'],
    ['an open tarball', '{"_attachments":{"a":{"data":"QUJD'],
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['duplicate keys', '{"a":1,"a":2}'],
    ['too deep', '['.repeat(100) + ']'.repeat(100)],
  ])('refuses %s', async (_, text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('says that a body was cut short, and hands on refusals of who takes the tarball', async () => {
    const cut = Readable.from(
      (async function* () {
        yield Buffer.from('{"_attachments":{"a":{"data":"QUJD');
        throw new Error('aborted');
      })(),
    );
    await expect(readPublishBody(cut, LIMITS, async (_, data) => buffer(data))).rejects.toMatchObject({
      code: 'SIZE_INVALID',
    });
    const refusing = async () => {
      throw new Error('no');
    };
    await expect(readPublishBody(pieces(documentOf('QUJD'), 100), LIMITS, refusing)).rejects.toThrow('no');
  });
});
