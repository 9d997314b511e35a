import { describe, expect, test } from 'vitest';
import { notModified, rangeHeader } from '../../../src/protocols/shared/conditional.ts';

const ETAG = '"sha256:aa"';

describe('If-None-Match', () => {
  test.each([
    ['"sha256:aa"', true],
    ['W/"sha256:aa"', true],
    ['"sha256:bb", "sha256:aa"', true],
    ['"sha256:bb","a,b", W/"sha256:aa"', true],
    ['*', true],
    ['"sha256:bb"', false],
    ['sha256:aa', false],
    ['"x sha256:aa"', false],
    ['', false],
    [undefined, false],
  ])('%s', (header, held) => {
    expect(notModified({ 'if-none-match': header }, ETAG)).toBe(held);
  });

  test('a repeated header is one list', () => {
    expect(notModified({ 'if-none-match': ['"b"', '"sha256:aa"'] }, ETAG)).toBe(true);
  });

  test('a weak tag of ours is compared weakly too', () => {
    expect(notModified({ 'if-none-match': '"index-7"' }, 'W/"index-7"')).toBe(true);
  });

  test('an endless list is not read', () => {
    expect(notModified({ 'if-none-match': `${'"b",'.repeat(4000)}${ETAG}` }, ETAG)).toBe(false);
  });
});

describe('If-Range', () => {
  const range = 'bytes=0-1';
  test.each([
    [undefined, range],
    [ETAG, range],
    ['"sha256:bb"', undefined],
    [`W/${ETAG}`, undefined],
    ['Tue, 15 Nov 1994 12:45:26 GMT', undefined],
  ])('%s', (condition, honoured) => {
    expect(rangeHeader({ range, 'if-range': condition }, ETAG)).toBe(honoured);
  });
});
