/** Reading. Positions are dense and commit in order, so any snapshot holds a prefix of the log: no gaps to wait for. */
import type pg from 'pg';
import { type Filter, passes, type RecordedEvent } from '../port.ts';
import { toPosition } from '../positions.ts';
import { recorded } from '../tail.ts';
import { rowsOf } from './session.ts';

/** A page ends early above this many bytes, so that large events do not fill the memory */
const PAGE_BYTES = 4 * 1024 * 1024;

type Row = [string, string, number, string, string, number, string, string, string, string];

export interface EventPage {
  readonly events: readonly RecordedEvent[];
  /** the last position looked at */
  readonly next: number;
  readonly more: boolean;
}

// `total` counts what was found, one more than asked for if there is more; the rows stop at the byte limit
const page = (found: string, order: string) => `
  SELECT e.position, s.name, e.revision, e.id, e.type, e.version, e.recorded_at,
         convert_from(e.meta, 'UTF8'), convert_from(e.data, 'UTF8'), e.total
  FROM (
    SELECT f.*, count(*) OVER () AS total,
           sum(octet_length(meta) + octet_length(data))
             OVER (ORDER BY ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM (${found}) f
  ) e JOIN strongroom.streams s ON s.no = e.stream_no
  WHERE coalesce(e.before, 0) < ${PAGE_BYTES}
  ORDER BY e.${order}`;

const OF_ALL = page(
  'SELECT * FROM strongroom.events WHERE position > $1 ORDER BY position LIMIT $2',
  'position',
);
const OF_STREAM = page(
  `SELECT * FROM strongroom.events
   WHERE stream_no = (SELECT no FROM strongroom.streams WHERE key = sha256(convert_to($1, 'UTF8')))
     AND revision >= $2 ORDER BY revision LIMIT $3`,
  'revision',
);

export async function pageOfAll(
  pool: pg.Pool,
  { after, limit, filter }: { after: number; limit: number; filter?: Filter | undefined },
): Promise<EventPage> {
  const query = { name: 'page-of-all', text: OF_ALL, rowMode: 'array' as const, values: [after, limit + 1] };
  return pageOf(await rowsOf<Row>(pool, query), { next: after, limit, filter });
}

export async function pageOfStream(
  pool: pg.Pool,
  { stream, from, limit }: { stream: string; from: number; limit: number },
): Promise<EventPage> {
  const values = [stream, from, limit + 1];
  const query = { name: 'page-of-stream', text: OF_STREAM, rowMode: 'array' as const, values };
  return pageOf(await rowsOf<Row>(pool, query), { next: 0, limit });
}

function pageOf(
  rows: Row[],
  { next, limit, filter }: { next: number; limit: number; filter?: Filter | undefined },
): EventPage {
  const looked = rows.slice(0, limit);
  const last = looked.at(-1);
  return {
    events: looked.filter(row => passes({ stream: row[1], type: row[4] }, filter)).map(eventOf),
    next: last ? Number(last[0]) : next,
    more: Number(rows[0]?.[9] ?? 0) > looked.length,
  };
}

function eventOf([number, stream, revision, id, type, version, recordedAt, meta, data]: Row): RecordedEvent {
  const at = { position: toPosition(Number(number)), stream, revision, recordedAt };
  return recorded({ id, type, version, meta, data }, at);
}
