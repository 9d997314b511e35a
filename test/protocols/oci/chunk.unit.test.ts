import { describe, expect, test } from 'vitest';
import { parseContentRange, renderUploadRange } from '../../../src/protocols/oci/chunk.ts';

describe('Content-Range of a chunk', () => {
  test.each([
    ['0-9', { start: 0, end: 9 }],
    [' 10-10 ', { start: 10, end: 10 }],
    ['bytes 5-9/*', { start: 5, end: 9 }],
    ['bytes 5-9/100', { start: 5, end: 9 }],
    ['bytes=5-9', { start: 5, end: 9 }],
  ])('%s', (header, range) => {
    expect(parseContentRange(header)).toEqual(range);
  });

  test('none says nothing', () => {
    expect(parseContentRange(undefined, 5)).toBeUndefined();
  });

  test.each(['', '9-0', '-5', '5-', 'a-b', '0-9,20-29', '0 - 9', '0-9999999999999999', '0x1-0x2', '0-9/x'])(
    '"%s" is malformed',
    header => {
      expect(() => parseContentRange(header)).toThrow(expect.objectContaining({ code: 'RANGE_INVALID' }));
    },
  );

  test('it spans what Content-Length says', () => {
    expect(parseContentRange('10-19', 10)).toEqual({ start: 10, end: 19 });
    expect(() => parseContentRange('10-19', 9)).toThrow(expect.objectContaining({ code: 'SIZE_INVALID' }));
  });

  test.each([
    [0, '0-0'],
    [1, '0-0'],
    [2048, '0-2047'],
  ])('an upload of %i bytes stands at %s', (received, range) => {
    expect(renderUploadRange(received)).toBe(range);
  });
});
