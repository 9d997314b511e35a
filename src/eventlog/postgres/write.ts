/** One group commit: lock the head, look up, decide in memory, write in one statement, commit. */
import { hash } from 'node:crypto';
import type pg from 'pg';
import { refuse } from '../../domain/errors.ts';
import type { EncodedAppend, EncodedEvent } from '../checks.ts';
import { type AppendOutcome, decideInOrder, type Place, planAppend } from '../plan.ts';
import { notBefore } from '../positions.ts';
import type { ArchivedEvent, LogIdentity } from '../restore.ts';

/** Woken once per group commit; the payload is the new head. */
export const CHANNEL = 'strongroom_events';

interface Stream {
  readonly no: number;
  revision: number;
}

interface EventRow {
  readonly event: EncodedEvent;
  readonly position: number;
  readonly streamNo: number;
  readonly revision: number;
  readonly recordedAt: string;
}

/** What a transaction knows, and what it will write. */
interface Draft {
  position: number;
  streamCount: number;
  recordedAt: string;
  readonly now: Date;
  readonly streams: Map<string, Stream>;
  readonly places: Map<string, Place>;
  readonly rows: EventRow[];
  /** names of the streams that are new or moved */
  readonly touched: Set<string>;
}

/** Appends of one caller, in order: those after the first that does not write are not made. */
export type Run = readonly EncodedAppend[];

/**
 * Commits a group of runs: for each the outcomes up to and including the first that does not write. A run fails alone.
 * Throws when it is not known to be committed; the client's transaction is then in any state.
 */
export async function commitGroup(client: pg.Client, group: readonly Run[]): Promise<AppendOutcome[][]> {
  const draft = await begin(client);
  const appends = group.flat();
  const names = [...new Set(appends.map(append => append.stream))];
  await lookUp(client, draft, {
    names,
    ids: appends.flatMap(append => append.events.map(event => event.id)),
  });
  const outcomes = group.map(run => decideInOrder(run, append => decide(draft, append)));
  if (draft.rows.length > 0) await write(client, draft);
  await commit(client);
  return outcomes;
}

/** Fills an empty log in one transaction. Throws when it is not committed. */
export async function restoreAll(
  client: pg.Client,
  { logId, epoch }: LogIdentity,
  batches: AsyncIterable<readonly ArchivedEvent[]>,
): Promise<number> {
  const draft = await begin(client);
  if (draft.position > 0) throw refuse('STATE_CONFLICT', 'a backup is restored into an empty event log only');
  for await (const batch of batches) {
    const names = [...new Set(batch.map(event => event.stream))];
    await lookUp(client, draft, { names: names.filter(name => !draft.streams.has(name)), ids: [] });
    for (const event of batch) takeOver(draft, event);
    await write(client, draft);
    draft.rows.length = 0;
    draft.touched.clear();
    // Streams are read again when they come up again, so that memory stays flat
    draft.streams.clear();
    draft.places.clear();
  }
  await client.query('UPDATE strongroom.head SET log_id = $1, epoch = $2', [logId, epoch]);
  await commit(client);
  return draft.position;
}

async function begin(client: pg.Client): Promise<Draft> {
  // The lock is a statement of its own: what is read after it sees everything committed before it was granted
  await client.query('BEGIN');
  const { rows } = await client.query({
    name: 'lock-head',
    text: `SELECT position, streams, recorded_at, extract(epoch FROM clock_timestamp()) * 1000 AS now
           FROM strongroom.head FOR UPDATE`,
  });
  const [head] = rows;
  return {
    position: Number(head.position),
    streamCount: Number(head.streams),
    recordedAt: head.recorded_at,
    now: new Date(Math.floor(Number(head.now))),
    streams: new Map(),
    places: new Map(),
    rows: [],
    touched: new Set(),
  };
}

const keyOf = (stream: string) => hash('sha256', stream);

async function lookUp(
  client: pg.Client,
  draft: Draft,
  { names, ids }: { names: readonly string[]; ids: readonly string[] },
): Promise<void> {
  const nameOf = new Map(names.map(name => [keyOf(name), name]));
  const { rows } = await client.query<[string, string | null, string, number]>({
    name: 'look-up',
    rowMode: 'array',
    text: `SELECT encode(s.key, 'hex'), NULL::uuid, s.no, s.revision FROM strongroom.streams s
             WHERE s.key IN (SELECT decode(k, 'hex') FROM unnest($1::text[]) AS k)
           UNION ALL
           SELECT '', i.id, e.position, e.revision
             FROM strongroom.event_ids i JOIN strongroom.events e ON e.position = i.position
             WHERE i.id = ANY($2::uuid[])`,
    values: [[...nameOf.keys()], ids],
  });
  for (const [key, id, number, revision] of rows) {
    if (id === null) draft.streams.set(nameOf.get(key)!, { no: Number(number), revision });
    else draft.places.set(id, { position: Number(number), revision });
  }
}

function decide(draft: Draft, append: EncodedAppend): AppendOutcome {
  const plan = planAppend(append, id => draft.places.get(id), draft.streams.get(append.stream)?.revision);
  if (plan.kind === 'conflict') return plan;
  if (plan.kind === 'repeated') return { kind: 'repeated', ...plan.last };
  draft.recordedAt = notBefore(draft.recordedAt, draft.now);
  const stream = streamOf(draft, append.stream);
  for (const event of append.events) add(draft, stream, event);
  const { position, recordedAt } = draft;
  return { kind: 'written', position, revision: stream.revision, recordedAt };
}

function takeOver(draft: Draft, event: ArchivedEvent): void {
  const stream = streamOf(draft, event.stream);
  if (event.revision !== stream.revision + 1 || event.recordedAt < draft.recordedAt) {
    throw refuse('REQUEST_INVALID', `event ${event.id} of the archive is not in the order of a log`);
  }
  draft.recordedAt = event.recordedAt;
  add(draft, stream, event);
}

function streamOf(draft: Draft, name: string): Stream {
  let stream = draft.streams.get(name);
  if (!stream) {
    draft.streamCount += 1;
    stream = { no: draft.streamCount, revision: -1 };
    draft.streams.set(name, stream);
  }
  draft.touched.add(name);
  return stream;
}

function add(draft: Draft, stream: Stream, event: EncodedEvent): void {
  draft.position += 1;
  stream.revision += 1;
  const { position, recordedAt } = draft;
  draft.rows.push({ event, position, streamNo: stream.no, revision: stream.revision, recordedAt });
  draft.places.set(event.id, { position, revision: stream.revision });
}

/** One statement, so one round trip. Payloads travel as text: half the size of bytea in an array. */
const WRITE = `
  WITH streams AS (
    INSERT INTO strongroom.streams (no, key, name, revision)
    SELECT no, decode(key, 'hex'), name, revision
      FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[]) AS s (no, key, name, revision)
    ON CONFLICT (no) DO UPDATE SET revision = excluded.revision
  ), events AS (
    INSERT INTO strongroom.events (position, stream_no, revision, id, type, version, recorded_at, meta, data)
    SELECT position, stream_no, revision, id, type, version, recorded_at,
           convert_to(meta, 'UTF8'), convert_to(data, 'UTF8')
      FROM unnest($5::bigint[], $6::bigint[], $7::int[], $8::uuid[], $9::text[], $10::int[], $11::text[],
                  $12::text[], $13::text[])
           AS e (position, stream_no, revision, id, type, version, recorded_at, meta, data)
  ), ids AS (
    INSERT INTO strongroom.event_ids (id, position)
    SELECT id, position FROM unnest($8::uuid[], $5::bigint[]) AS i (id, position)
  ), head AS (
    UPDATE strongroom.head SET position = $14::bigint, streams = $15::bigint, recorded_at = $16
  )
  SELECT pg_notify('${CHANNEL}', ($14::bigint)::text)`;

async function write(client: pg.Client, draft: Draft): Promise<void> {
  const touched = [...draft.touched].map(name => ({ name, ...draft.streams.get(name)! }));
  const { rows } = draft;
  await client.query({
    name: 'write',
    text: WRITE,
    values: [
      touched.map(stream => stream.no),
      touched.map(stream => keyOf(stream.name)),
      touched.map(stream => stream.name),
      touched.map(stream => stream.revision),
      rows.map(row => row.position),
      rows.map(row => row.streamNo),
      rows.map(row => row.revision),
      rows.map(row => row.event.id),
      rows.map(row => row.event.type),
      rows.map(row => row.event.version),
      rows.map(row => row.recordedAt),
      rows.map(row => row.event.meta),
      rows.map(row => row.event.data),
      draft.position,
      draft.streamCount,
      draft.recordedAt,
    ],
  });
}

async function commit(client: pg.Client): Promise<void> {
  const { command } = await client.query('COMMIT');
  // The server answers COMMIT of a failed transaction with ROLLBACK, and no error
  if (command !== 'COMMIT') throw refuse('LOG_UNAVAILABLE', 'PostgreSQL rolled the append back');
}
