import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planParts } from '../../../src/blobs/s3/assembly.ts';

const pieces = (...sizes: number[]) => sizes.map((size, at) => ({ size, key: String(at), etag: '' }));
const sizes = (parts: readonly { size: number }[][]) => parts.map(part => part.map(({ size }) => size));

describe('the parts of an object', () => {
  it('are single pieces where those are large enough', () => {
    expect(sizes(planParts(pieces(8, 8, 3), 5))).toEqual([[8], [8], [3]]);
    expect(planParts([], 5)).toEqual([]);
  });

  it('join pieces that are too small', () => {
    expect(sizes(planParts(pieces(1, 1, 8, 2, 2, 2, 1), 5))).toEqual([[1, 1, 8], [2, 2, 2], [1]]);
  });

  it('are all pieces in order, and only the last may be small', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 })),
        fc.integer({ min: 1, max: 20 }),
        (all, minimum) => {
          const parts = sizes(planParts(pieces(...all), minimum));
          expect(parts.flat()).toEqual(all);
          for (const part of parts.slice(0, -1)) {
            expect(part.reduce((sum, size) => sum + size, 0)).toBeGreaterThanOrEqual(minimum);
            // none is joined that could stand alone with those before it
            expect(part.slice(0, -1).reduce((sum, size) => sum + size, 0)).toBeLessThan(minimum);
          }
        },
      ),
    );
  });
});
