import { describe, expect, test } from 'vitest';
import { decodePath, decodeQuery } from '../../../src/protocols/shared/decode.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('paths', () => {
  test('each segment is decoded once', () => {
    expect(decodePath('/a%20b/%2525/%40scope/x+y')).toEqual(['', 'a b', '%25', '@scope', 'x+y']);
  });

  test.each([
    '/..',
    '/%2e%2e/x',
    '/a%2fb',
    '/a%5cb',
    '/a\\b',
    '/%',
    '/%ff',
    '/%00',
    '/a\u007f',
    `/${'a'.repeat(4096)}`,
  ])('%s is refused', path => {
    expect(() => decodePath(path)).toThrow(code('NAME_INVALID'));
  });

  test('a format whose names have slashes keeps encoded ones inside a segment, but no dot segments', () => {
    expect(decodePath('/@scope%2fname/-/f.tgz', { encodedSlashes: true })).toEqual([
      '',
      '@scope/name',
      '-',
      'f.tgz',
    ]);
    for (const path of ['/a%2f..', '/..%2Fa', '/a%2f.%2fb', '/a%5cb'])
      expect(() => decodePath(path, { encodedSlashes: true })).toThrow(code('NAME_INVALID'));
  });
});

describe('queries', () => {
  test('fields are decoded as forms are', () => {
    const query = decodeQuery('a=1&b=x+y%2Bz&a=2&flag&=v');
    expect([query.all('a'), query.one('b'), query.one('flag'), query.one('none')]).toEqual([
      ['1', '2'],
      'x y+z',
      '',
      undefined,
    ]);
    expect(() => query.one('a')).toThrow(code('REQUEST_INVALID'));
  });

  test.each(['a=%', 'a=%ff', 'a=%00', `a=${'b'.repeat(16_384)}`, 'a&'.repeat(257)])(
    '%s is refused',
    query => {
      expect(() => decodeQuery(query)).toThrow(code('REQUEST_INVALID'));
    },
  );
});
