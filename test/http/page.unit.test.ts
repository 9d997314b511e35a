import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { paging, readCursor, toPage, visibleRows } from '../../src/http/api/page.ts';
import { refusalOf } from '../support/spec.ts';

const key = z.tuple([z.string(), z.number().int()]);
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n);
const plain = { key: (row: number) => ['k', row], item: (row: number) => `item ${row}` };
const encoded = (text: string) => Buffer.from(text).toString('base64url');

describe('a page', () => {
  it('has no next when there is nothing more', () => {
    expect(toPage([], 2, plain)).toEqual({ items: [] });
    expect(toPage(numbers(2), 2, plain)).toEqual({ items: ['item 0', 'item 1'] });
  });

  it('shows as much as was asked for, and names the last that it shows', () => {
    const page = toPage(numbers(3), 2, plain);
    expect(page.items).toEqual(['item 0', 'item 1']);
    expect(readCursor(page.next, key)).toEqual(['k', 1]);
  });

  it('takes any key through its cursor', () => {
    for (const value of ['', 'ä/?+&=', '日本', '\u0000', 'x'.repeat(1000)]) {
      const { next } = toPage([1, 2], 1, { ...plain, key: () => [value, 7] });
      expect(next).toMatch(/^[\w-]+$/);
      expect(readCursor(next, key)).toEqual([value, 7]);
    }
  });

  it('without a cursor is the first', () => expect(readCursor(undefined, key)).toBeUndefined());

  it.each([
    '',
    'x',
    '%%%',
    encoded('["k"'),
    encoded('["k"]'),
    encoded('["k",1.5]'),
    encoded('{"__proto__":1}'),
    'ä',
  ])('does not begin at the cursor %j', text =>
    expect(refusalOf(() => readCursor(text, key)).code).toBe('CURSOR_INVALID'),
  );

  it('has 100 items by default, and 1 to 1000 when asked', () => {
    expect(paging.parse({})).toEqual({ limit: 100 });
    expect(paging.parse({ limit: '1000', cursor: 'abc' })).toEqual({ limit: 1000, cursor: 'abc' });
    for (const limit of ['0', '-1', '1001', '1.5', 'many', '', 'NaN'])
      expect(paging.safeParse({ limit }).success).toBe(false);
    expect(paging.safeParse({ cursor: 'x'.repeat(4097) }).success).toBe(false);
  });
});

describe('visible rows', () => {
  /** A table of rows 0 to count - 1, that remembers how it was read. */
  function table(count: number, visible: (row: number) => boolean) {
    const reads: (number | undefined)[] = [];
    const rows = numbers(count);
    return {
      reads,
      read: async ({ after, limit }: { after: number | undefined; limit: number }) => {
        reads.push(after);
        return rows.filter(row => row > (after ?? -1)).slice(0, limit);
      },
      key: (row: number) => row,
      sees: async (row: number) => visible(row),
    };
  }

  it('are one more than the limit, when there are so many', async () => {
    expect(
      await visibleRows(
        2,
        undefined,
        table(10, () => true),
      ),
    ).toEqual([0, 1, 2]);
    expect(
      await visibleRows(
        2,
        4,
        table(10, () => true),
      ),
    ).toEqual([5, 6, 7]);
    expect(
      await visibleRows(
        20,
        undefined,
        table(10, () => true),
      ),
    ).toEqual(numbers(10));
  });

  it('are read on for, past what is hidden', async () => {
    const rare = table(1000, row => row % 150 === 149);
    expect(await visibleRows(2, undefined, rare)).toEqual([149, 299, 449]);
    expect(rare.reads.slice(0, 3)).toEqual([undefined, 99, 199]);
  });

  it('tell nothing of what is hidden: a page is the same without it', async () => {
    const even = (row: number) => row % 2 === 0;
    const some = await visibleRows(3, undefined, table(500, even));
    const alone = numbers(500).filter(even).slice(0, 4);
    expect(some).toEqual(alone);
    expect(toPage(some, 3, plain)).toEqual(toPage(alone, 3, plain));
  });

  it('end when all was read, also on a whole batch', async () => {
    for (const count of [0, 1, 99, 100, 101, 200])
      expect(
        await visibleRows(
          1000,
          undefined,
          table(count, () => true),
        ),
      ).toHaveLength(count);
    const hidden = table(200, () => false);
    expect(await visibleRows(5, undefined, hidden)).toEqual([]);
    expect(hidden.reads).toEqual([undefined, 99, 199]);
  });
});
