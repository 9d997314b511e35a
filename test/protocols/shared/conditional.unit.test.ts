import { describe, expect, test } from 'vitest';
import { notModified, preconditionFails, rangeHeader } from '../../../src/protocols/shared/conditional.ts';

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

describe('If-Modified-Since', () => {
  const MODIFIED = 'Tue, 15 Nov 1994 12:45:26 GMT';
  test.each([
    [MODIFIED, true],
    ['Tue, 15 Nov 1994 12:45:27 GMT', true],
    ['Tuesday, 15-Nov-94 12:45:26 GMT', true],
    ['Tue, 15 Nov 1994 12:45:25 GMT', false],
    ['yesterday', false],
    ['', false],
  ])('%s', (since, held) => {
    expect(notModified({ 'if-modified-since': since }, ETAG, MODIFIED)).toBe(held);
    expect(notModified({ 'if-modified-since': since }, ETAG)).toBe(false);
    // a tag that was sent, too, decides alone
    expect(notModified({ 'if-modified-since': since, 'if-none-match': '"b"' }, ETAG, MODIFIED)).toBe(false);
    expect(notModified({ 'if-modified-since': since, 'if-none-match': ETAG }, ETAG, MODIFIED)).toBe(true);
  });
});

describe('conditions of a change', () => {
  test.each([
    [{}, undefined, false],
    [{}, ETAG, false],
    [{ 'if-match': '*' }, undefined, true],
    [{ 'if-match': '*' }, ETAG, false],
    [{ 'if-match': ETAG }, undefined, true],
    [{ 'if-match': `"b", ${ETAG}` }, ETAG, false],
    [{ 'if-match': '"b"' }, ETAG, true],
    [{ 'if-match': `W/${ETAG}` }, ETAG, true],
    [{ 'if-match': 'rubbish' }, ETAG, true],
    [{ 'if-none-match': '*' }, undefined, false],
    [{ 'if-none-match': '*' }, ETAG, true],
    [{ 'if-none-match': ETAG }, undefined, false],
    [{ 'if-none-match': `"b", W/${ETAG}` }, ETAG, true],
    [{ 'if-none-match': '"b"' }, ETAG, false],
    [{ 'if-match': ETAG, 'if-none-match': ETAG }, ETAG, true],
  ])('%j when there is %s', (headers, etag, fails) => {
    expect(preconditionFails(headers, etag)).toBe(fails);
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
