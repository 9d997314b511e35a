/** Everything that is read from the file, one page at a time. Runs in the database thread. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EvidenceRow } from '../../evidence/rows.ts';
import { type Filter, passes } from '../port.ts';
import type { EventRow, Read, RowPage } from './messages.ts';

/** A page ends early above this, so that no read keeps appends waiting, or fills the memory */
const PAGE_CHARACTERS = 4 * 1024 * 1024;

// Payloads as text: SQLite hands over a string twice as fast as a typed array, and it clones faster too
const COLUMNS = `e.position, s.name, e.revision, e.id, e.type, e.version, e.recorded_at,
  CAST(e.meta AS TEXT), CAST(e.data AS TEXT) FROM events e JOIN streams s ON s.no = e.stream_no`;

export class Reader {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: DatabaseSync) {
    this.#statements = prepare(db);
  }

  /** The rows of one request: a RowPage, evidence rows, or digests. */
  answer(read: Read): unknown {
    switch (read.kind) {
      case 'page':
        return pageOf(this.#statements.page, [read.after], read);
      case 'stream':
        return pageOf(this.#statements.ofStream, [read.stream, read.from], read);
      case 'evidence':
        return this.#statements.evidence.all(read.digest) as unknown as EvidenceRow[];
      case 'digests':
        return this.#statements.digests.all(read.after, read.limit).map(row => String(row.digest));
    }
  }
}

function pageOf(
  statement: StatementSync,
  from: (string | number)[],
  { limit, ...read }: { after?: number; limit: number; filter?: Filter },
): RowPage {
  const rows: EventRow[] = [];
  let next = read.after ?? 0;
  let looked = 0;
  let characters = 0;
  // One row more than asked for tells whether there is more
  for (const row of statement.iterate(...from, limit + 1) as Iterable<unknown> as Iterable<EventRow>) {
    if (looked === limit || characters > PAGE_CHARACTERS) return { rows, next, more: true };
    looked += 1;
    next = row[0];
    if (!passes({ stream: row[1], type: row[4] }, read.filter)) continue;
    characters += row[7].length + row[8].length;
    rows.push(row);
  }
  return { rows, next, more: false };
}

function prepare(db: DatabaseSync) {
  const page = db.prepare(`SELECT ${COLUMNS} WHERE e.position > ? ORDER BY e.position LIMIT ?`);
  const ofStream = db.prepare(
    `SELECT ${COLUMNS} WHERE e.stream_no = (SELECT no FROM streams WHERE name = ?) AND e.revision >= ?
     ORDER BY e.revision LIMIT ?`,
  );
  for (const statement of [page, ofStream]) statement.setReturnArrays(true);
  return {
    page,
    ofStream,
    evidence: db.prepare('SELECT digest, owner, body FROM evidence WHERE digest = ? ORDER BY owner'),
    digests: db.prepare('SELECT DISTINCT digest FROM evidence WHERE digest > ? ORDER BY digest LIMIT ?'),
  };
}
