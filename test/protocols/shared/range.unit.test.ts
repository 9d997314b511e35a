import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRefusal } from '../../../src/domain/errors.ts';
import {
  parseRange,
  renderContentRange,
  renderUnsatisfiedRange,
} from '../../../src/protocols/shared/range.ts';

describe('Range of a download of 2048 bytes', () => {
  test.each([
    [undefined, undefined],
    ['', undefined],
    ['bytes=0-', { start: 0, end: 2047 }],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=500-1499', { start: 500, end: 1499 }],
    ['Bytes=500-1499', { start: 500, end: 1499 }],
    ['bytes= 500-1499 ', { start: 500, end: 1499 }],
    ['bytes=2000-5000', { start: 2000, end: 2047 }],
    ['bytes=2047-', { start: 2047, end: 2047 }],
    ['bytes=-500', { start: 1548, end: 2047 }],
    ['bytes=-9999', { start: 0, end: 2047 }],
    ['bytes=0-9999999999999999999', { start: 0, end: 2047 }],
    ['bytes=0-1,5-6', undefined],
    ['bytes=-', undefined],
    ['bytes=a-b', undefined],
    ['bytes=1', undefined],
    ['bytes=--1', undefined],
    ['items=0-1', undefined],
    ['bytes=0-99999999999999999999999999', undefined],
  ])('%s', (header, range) => {
    expect(parseRange(header, 2048)).toEqual(range);
  });

  test.each(['bytes=500-0', 'bytes=5000-10000', 'bytes=2048-', 'bytes=-0'])(
    '%s asks for nothing there',
    header => {
      expect(() => parseRange(header, 2048)).toThrow(
        expect.objectContaining({ code: 'RANGE_INVALID', detail: expect.objectContaining({ size: 2048 }) }),
      );
    },
  );

  test('nothing of an empty blob can be asked for', () => {
    for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1'])
      expect(() => parseRange(header, 0)).toThrow(expect.objectContaining({ code: 'RANGE_INVALID' }));
  });

  test('whatever is sent, the range lies inside the blob', () => {
    const header = fc.oneof(
      fc.tuple(fc.nat(5000), fc.nat(5000)).map(([a, b]) => `bytes=${a}-${b}`),
      fc.stringMatching(/^bytes=[0-9,-]{0,24}$/),
      fc.string(),
    );
    fc.assert(
      fc.property(header, fc.nat(4000), (text, size) => {
        try {
          const range = parseRange(text, size);
          if (range) expect(0 <= range.start && range.start <= range.end && range.end < size).toBe(true);
        } catch (error) {
          expect(isRefusal(error, 'RANGE_INVALID')).toBe(true);
        }
      }),
    );
  });

  test('rendering', () => {
    expect(renderContentRange({ start: 500, end: 1499 }, 2048)).toBe('bytes 500-1499/2048');
    expect(renderUnsatisfiedRange(2048)).toBe('bytes */2048');
  });
});
