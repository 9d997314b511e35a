import { describe, expect, it } from 'vitest';
import { pageSize } from '../../src/projections/prepared.ts';

describe('sizes of pages', () => {
  it('leave room for the row that says whether more follow after the largest page', () => {
    expect(pageSize(1000 + 1)).toBe(1001);
    expect(pageSize(1_000_000)).toBe(1001);
  });

  it('are never nothing', () => {
    expect([pageSize(undefined), pageSize(0), pageSize(-5), pageSize(7.9)]).toEqual([100, 1, 1, 7]);
  });
});
