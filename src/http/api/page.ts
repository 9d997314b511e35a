/** Keyset paging: a cursor is the key of the last item, in a form that nobody is tempted to write by hand. */
import { z } from 'zod';
import { refuse } from '../../domain/errors.ts';

export const paging = z.object({
  /** `next` of the page before */
  cursor: z.string().max(4096).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    next: z.string().optional().describe('cursor of the next page; absent on the last'),
  });

export interface Page<T> {
  readonly items: T[];
  readonly next?: string;
}

/** @throws CURSOR_INVALID */
export function readCursor<K>(text: string | undefined, key: z.ZodType<K>): K | undefined {
  if (text === undefined) return undefined;
  try {
    return key.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
  } catch {
    throw refuse('CURSOR_INVALID', 'use `next` of the page before as it is');
  }
}

/**
 * Makes a page from up to `limit + 1` rows.
 * @param key of a row, as `readCursor` gives it back
 */
export function toPage<Row, T>(
  rows: readonly Row[],
  limit: number,
  { key, item }: { key: (row: Row) => unknown; item: (row: Row) => T },
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const items = shown.map(item);
  if (rows.length <= limit || last === undefined) return { items };
  return { items, next: Buffer.from(JSON.stringify(key(last))).toString('base64url') };
}

export interface Visible<Row, K> {
  readonly read: (page: { after: K | undefined; limit: number }) => Promise<readonly Row[]>;
  readonly key: (row: Row) => K;
  readonly sees: (row: Row) => Promise<boolean>;
}

const BATCH = 100;

/**
 * Up to `limit + 1` rows that the caller may see, for `toPage`. It reads on until there are enough of them, so that
 * neither the length of a page nor its cursor tells of what is hidden.
 */
export async function visibleRows<Row, K>(
  limit: number,
  after: K | undefined,
  { read, key, sees }: Visible<Row, K>,
): Promise<Row[]> {
  const visible: Row[] = [];
  for (let from = after; ; ) {
    const rows = await read({ after: from, limit: BATCH });
    for (const row of rows) {
      if (await sees(row)) visible.push(row);
      if (visible.length > limit) return visible;
    }
    const last = rows.at(-1);
    if (rows.length < BATCH || last === undefined) return visible;
    from = key(last);
  }
}
