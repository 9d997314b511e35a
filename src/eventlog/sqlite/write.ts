/** Everything that changes the file, one transaction at a time. Runs in the database thread. */
import type { DatabaseSync } from 'node:sqlite';
import { refuse } from '../../domain/errors.ts';
import type { EvidenceRow } from '../../evidence/rows.ts';
import type { EncodedAppend, EncodedEvent } from '../checks.ts';
import { type AppendOutcome, decideInOrder, type Place, planAppend } from '../plan.ts';
import { notBefore } from '../positions.ts';
import type { ArchivedEvent, LogIdentity } from '../restore.ts';
import type { Write } from './messages.ts';

interface Stream {
  no: number;
  revision: number;
}

export class Writer {
  readonly #db: DatabaseSync;
  readonly #statements: ReturnType<typeof prepare>;
  /** of the last event, also of one that is not committed yet */
  #head: number;
  #lastTime: string;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#statements = prepare(db);
    const last = this.#statements.last.get();
    this.#head = Number(last?.position ?? 0);
    this.#lastTime = String(last?.recorded_at ?? '');
  }

  get head(): number {
    return this.#head;
  }

  /**
   * One transaction, one fsync, a result per request; a conflict fails alone because it is found before anything
   * of its request is written. Throws when nothing of the group was committed; this writer is then used up.
   */
  commit(group: readonly Write[]): (AppendOutcome[] | undefined)[] {
    this.#db.exec('BEGIN IMMEDIATE');
    const outcomes = group.map(write => this.#write(write));
    this.#db.exec('COMMIT');
    return outcomes;
  }

  #write(write: Write): AppendOutcome[] | undefined {
    if (write.kind === 'append') return decideInOrder(write.appends, append => this.#append(append));
    return write.kind === 'put' ? this.#put(write.row) : this.#remove(write.digests);
  }

  #append(append: EncodedAppend): AppendOutcome {
    const stream = this.#stream(append.stream);
    const plan = planAppend(append, id => this.#place(id), stream?.revision);
    if (plan.kind === 'conflict') return plan;
    if (plan.kind === 'repeated') return { kind: 'repeated', ...plan.last };
    const recordedAt = notBefore(this.#lastTime, new Date());
    let { firstRevision: revision } = plan;
    const last = revision + append.events.length - 1;
    const no = stream?.no ?? this.#newStream(append.stream, last);
    for (const event of append.events) this.#insert(event, { no, revision: revision++ }, recordedAt);
    if (stream) this.#statements.moveStream.run(last, no);
    return { kind: 'written', position: this.#head, revision: last, recordedAt };
  }

  #stream(name: string): Stream | undefined {
    return this.#statements.stream.get(name) as Stream | undefined;
  }

  #newStream(name: string, revision: number): number {
    return Number(this.#statements.addStream.run(name, revision).lastInsertRowid);
  }

  #place(id: string): Place | undefined {
    return this.#statements.place.get(id) as Place | undefined;
  }

  #insert(event: EncodedEvent, stream: Stream, recordedAt: string): void {
    const { id, type, version, meta, data } = event;
    this.#head += 1;
    this.#lastTime = recordedAt;
    this.#statements.addEvent.run(
      this.#head,
      stream.no,
      stream.revision,
      id,
      type,
      version,
      recordedAt,
      meta,
      data,
    );
  }

  #put({ digest, owner, body }: EvidenceRow): undefined {
    this.#statements.addEvidence.run(digest, owner, body);
    return undefined;
  }

  #remove(digests: readonly string[]): undefined {
    for (const digest of digests) this.#statements.removeEvidence.run(digest);
    return undefined;
  }

  /** Opens the one transaction of a restore; `restoreEvents` and `endRestore` follow. */
  beginRestore({ logId, epoch }: LogIdentity): void {
    if (this.#head > 0) throw refuse('STATE_CONFLICT', 'a backup is restored into an empty event log only');
    this.#db.exec('BEGIN IMMEDIATE');
    this.#statements.setMeta.run(logId, 'log_id');
    this.#statements.setMeta.run(String(epoch), 'epoch');
  }

  restoreEvents(events: readonly ArchivedEvent[]): void {
    for (const event of events) {
      const stream = this.#stream(event.stream);
      const inOrder = event.revision === (stream?.revision ?? -1) + 1 && event.recordedAt >= this.#lastTime;
      if (!inOrder) {
        throw refuse('REQUEST_INVALID', `event ${event.id} of the archive is not in the order of a log`);
      }
      const no = stream?.no ?? this.#newStream(event.stream, event.revision);
      this.#insert(event, { no, revision: event.revision }, event.recordedAt);
      if (stream) this.#statements.moveStream.run(event.revision, no);
    }
  }

  endRestore(): void {
    this.#db.exec('COMMIT');
  }
}

function prepare(db: DatabaseSync) {
  return {
    last: db.prepare('SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1'),
    stream: db.prepare('SELECT no, revision FROM streams WHERE name = ?'),
    addStream: db.prepare('INSERT INTO streams (name, revision) VALUES (?, ?)'),
    moveStream: db.prepare('UPDATE streams SET revision = ? WHERE no = ?'),
    place: db.prepare('SELECT position, revision FROM events WHERE id = ?'),
    addEvent: db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, CAST(? AS BLOB), CAST(? AS BLOB))'),
    addEvidence: db.prepare('INSERT OR IGNORE INTO evidence (digest, owner, body) VALUES (?, ?, ?)'),
    removeEvidence: db.prepare("DELETE FROM evidence WHERE digest = ? AND owner = ''"),
    setMeta: db.prepare('UPDATE meta SET value = ? WHERE key = ?'),
  };
}
