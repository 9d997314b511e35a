import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../../src/domain/errors.ts';
import { escapeXml, parseXml } from '../../../src/protocols/shared/xml.ts';

const parse = (text: string) => parseXml(Buffer.from(text));
const reason = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    return isRefusal(error, 'PACKAGE_INVALID') ? error.detail.reason : error;
  }
  return 'accepted';
};

describe('XML of strangers', () => {
  it('gives elements by local name, whatever their prefix', () => {
    const root = parse(
      '<?xml version="1.0"?><!-- a --><m:p xmlns:m="urn:m" x:id="7" xmlns:x="urn:x"><m:a>1 &amp; <b>2</b></m:a><a/></m:p>',
    );
    expect(root.name).toBe('p');
    expect(root.attributes.get('id')).toBe('7');
    expect(root.textOf('a')).toBe('1 & 2');
    expect(root.child('a')?.child('b')?.text).toBe('2');
    expect(root.all('a').map(({ text }) => text)).toEqual(['1 & 2', '']);
    expect(root.child('none')).toBeUndefined();
  });

  it('reads the encodings that documents declare', () => {
    const latin = Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>\u00e9</a>', 'latin1');
    expect(parseXml(latin).text).toBe('\u00e9');
    const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('<a>\u00e9</a>', 'utf16le')]);
    expect(parseXml(wide).text).toBe('\u00e9');
    expect(parseXml(Buffer.from('\ufeff<a>\u00e9</a>')).text).toBe('\u00e9');
  });

  it('takes what looks like markup inside comments and CDATA sections', () => {
    expect(parse('<a><!-- <!DOCTYPE b> --><![CDATA[<!ENTITY c>]]></a>').text).toBe('<!ENTITY c>');
  });

  it.each([
    ['a document type', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', /document type/],
    ['entities', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', /document type/],
    ['a document type behind a broken comment', '<a><!-- <!DOCTYPE b></a>', /document type/],
    [
      'a document type between instructions',
      '<?a <!-- ?><!DOCTYPE a [<!ENTITY x "y">]><?b --> ?><a/>',
      /document type/,
    ],
    ['an entity nobody declared', '<a>&x;</a>', /well-formed/],
    ['deep nesting', '<a>'.repeat(100) + '</a>'.repeat(100), /nested deeper/],
    ['deep nesting that hides in attributes', '<a b="/>">'.repeat(100) + '</a>'.repeat(100), /nested deeper/],
    ['many elements', `<a>${'<b/>'.repeat(70_000)}</a>`, /nodes/],
    ['too much', `<a>${' '.repeat(2 * 1024 * 1024)}</a>`, /bytes/],
    ['two roots', '<a/><b/>', /well-formed/],
    ['no end', '<a>', /well-formed/],
    ['nothing', '', /well-formed/],
    ['an unknown encoding', '<?xml version="1.0" encoding="klingon"?><a/>', /readable/],
    ['broken UTF-8', '', /readable/],
  ])('refuses %s', (what, text, expected) => {
    const bytes = what === 'broken UTF-8' ? Buffer.from([0x3c, 0x61, 0x3e, 0xff]) : Buffer.from(text);
    expect(reason(() => parseXml(bytes))).toMatch(expected);
  });

  it.each([
    ['comments without an end', '<!--'.repeat(20_000)],
    ['CDATA sections without an end', '<![CDATA['.repeat(20_000)],
    ['instructions', '<?'.repeat(20_000)],
  ])('is quick to refuse %s', (_what, inside) => {
    const began = performance.now();
    expect(reason(() => parse(`<a>${inside}</a>`))).not.toBe('accepted');
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  it('escapes what it writes, so that it reads the same', () => {
    const text = `<&>"' \u0000 \ud800 é`;
    expect(parse(`<a b="${escapeXml(text)}">${escapeXml(text)}</a>`)).toMatchObject({
      text: `<&>"' \ufffd \ufffd é`,
    });
  });
});
