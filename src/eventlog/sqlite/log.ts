/** The embedded event log: one SQLite file, written by one thread, in groups. */
import { Worker } from 'node:worker_threads';
import { refuse, type StrongroomError } from '../../domain/errors.ts';
import type { EvidenceRow, EvidenceRows } from '../../evidence/rows.ts';
import { type EncodedAppend, encodeAppend, encodeAppends } from '../checks.ts';
import { FOLLOW_PAGE, type Followable, follow, HeadWaiters } from '../follow.ts';
import { type AppendOutcome, resultOf, resultsOf } from '../plan.ts';
import type {
  AppendedInOrder,
  AppendResult,
  Expected,
  NewEvent,
  Page,
  Position,
  ReadAllOptions,
  RecordedEvent,
  StreamAppend,
  SubscribeOptions,
  SubscriptionMessage,
} from '../port.ts';
import { fromPosition, START, toPosition } from '../positions.ts';
import { archived, type LogIdentity, type RestorableLog } from '../restore.ts';
import { recorded, Tail } from '../tail.ts';
import { WorkerLink } from './link.ts';
import type { EventRow, Opened, Read, RowPage } from './messages.ts';

export interface SqliteLogOptions {
  /** the file; its folder is made when missing */
  readonly path: string;
  /** called once when the database thread died: the log refuses everything from then on */
  readonly onBroken?: (error: StrongroomError) => void;
}

export interface SqliteLog extends RestorableLog {
  /** the evidence table in the same file, written in the same groups */
  readonly evidence: EvidenceRows;
}

/**
 * Opens or creates the log; only one process at a time can have it.
 * @throws StrongroomError STORAGE_UNAVAILABLE with a reason a person can act on
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  // The published package holds the same files compiled
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: { path: options.path },
    // Not those of this process: some of them (--input-type, --test) mean nothing to a thread, or stop it
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const { link, opened } = await WorkerLink.open(worker);
  return new LogOverWorker(link, opened, options);
}

/** Rows looked at in one turn of the database thread */
const TURN_ROWS = 1_000;

class LogOverWorker implements SqliteLog {
  readonly start = START;
  readonly evidence: EvidenceRows;
  readonly #link: WorkerLink;
  readonly #tail = new Tail();
  readonly #waiters = new HeadWaiters();
  readonly #source: Followable;
  #identity: LogIdentity;
  #head: number;
  #refusal: StrongroomError | undefined;
  #closing: Promise<void> | undefined;

  constructor(link: WorkerLink, opened: Opened, { onBroken }: SqliteLogOptions) {
    this.#link = link;
    this.#identity = opened;
    this.#head = opened.head;
    this.#source = {
      start: START,
      knownHead: () => toPosition(this.#head),
      page: (after, filter) => this.#followingPage(after, filter),
      beyond: (position, signal) => this.#waiters.until(() => this.#head > fromPosition(position), signal),
    };
    this.evidence = {
      put: row => this.#call<void>({ kind: 'put', row }),
      copies: digest => this.#call<EvidenceRow[]>({ kind: 'evidence', digest }),
      remove: digests => this.#call<void>({ kind: 'remove', digests }),
      digests: (after, limit) => this.#call<string[]>({ kind: 'digests', after, limit }),
    };
    link.listen({
      turn: head => {
        if (head === this.#head) return;
        this.#head = head;
        this.#waiters.wake();
      },
      broken: error => {
        if (this.#closing) return;
        this.#waiters.end(error);
        onBroken?.(error);
      },
    });
  }

  get logId(): string {
    return this.#identity.logId;
  }

  get epoch(): number {
    return this.#identity.epoch;
  }

  async append(
    stream: string,
    events: readonly NewEvent[],
    { expected }: { expected: Expected },
  ): Promise<AppendResult> {
    const append = encodeAppend(stream, events, expected);
    const [outcome] = await this.#write([append]);
    return resultOf(append, outcome!);
  }

  async appendInOrder(appends: readonly StreamAppend[]): Promise<AppendedInOrder> {
    const encoded = encodeAppends(appends);
    return resultsOf(encoded, await this.#write(encoded));
  }

  #write(appends: readonly EncodedAppend[]): Promise<AppendOutcome[]> {
    return this.#call<AppendOutcome[]>({ kind: 'append', appends }, outcomes => {
      for (const [at, outcome] of outcomes.entries())
        if (outcome.kind === 'written') this.#tail.push({ append: appends[at]!, ...outcome });
    });
  }

  async readStream(
    stream: string,
    { from = 0, limit = Number.MAX_SAFE_INTEGER }: { from?: number; limit?: number } = {},
  ): Promise<readonly RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for (;;) {
      const left = Math.min(limit - events.length, TURN_ROWS);
      const page = await this.#call<RowPage>({
        kind: 'stream',
        stream,
        from: from + events.length,
        limit: left,
      });
      for (const row of page.rows) events.push(eventOf(row));
      if (!page.more || events.length >= limit) return events;
    }
  }

  async readAll({ after = START, filter, limit = 1000 }: ReadAllOptions = {}): Promise<Page> {
    const read: Read = { kind: 'page', after: fromPosition(after), limit, ...(filter && { filter }) };
    const page = await this.#call<RowPage>(read);
    return { events: page.rows.map(eventOf), next: toPosition(page.next), atHead: !page.more };
  }

  async head(): Promise<Position> {
    this.#mustBeOpen();
    return toPosition(this.#head);
  }

  subscribe(options: SubscribeOptions = {}): AsyncIterable<SubscriptionMessage> {
    return follow(this.#source, options);
  }

  async #followingPage(after: Position, filter: ReadAllOptions['filter']): Promise<Page | undefined> {
    if (this.#closing) return undefined;
    const remembered = this.#tail.page(fromPosition(after), FOLLOW_PAGE, filter);
    return remembered ?? this.readAll({ after, limit: FOLLOW_PAGE, ...(filter && { filter }) });
  }

  close(): Promise<void> {
    this.#closing ??= this.#link.close();
    this.#refusal = refuse('LOG_UNAVAILABLE', 'the event log was closed');
    this.#waiters.end();
    return this.#closing;
  }

  async restore(identity: LogIdentity, batches: AsyncIterable<readonly RecordedEvent[]>): Promise<Position> {
    this.#mustBeOpen();
    this.#refusal = refuse('LOG_UNAVAILABLE', 'the event log is being restored');
    try {
      await this.#link.call({ kind: 'restore-begin', identity });
      await this.#restoreAll(batches);
      this.#identity = identity;
    } finally {
      if (!this.#closing) this.#refusal = undefined;
    }
    return toPosition(this.#head);
  }

  async #restoreAll(batches: AsyncIterable<readonly RecordedEvent[]>): Promise<void> {
    let keep = false;
    try {
      for await (const batch of batches) {
        await this.#link.call({ kind: 'restore-events', events: batch.map(archived) });
      }
      keep = true;
    } finally {
      await this.#link.call({ kind: 'restore-end', keep });
    }
  }

  #call<T>(request: Parameters<WorkerLink['call']>[0], first?: (value: T) => void): Promise<T> {
    return this.#refusal ? Promise.reject(this.#refusal) : this.#link.call(request, first);
  }

  #mustBeOpen(): void {
    if (this.#refusal) throw this.#refusal;
  }
}

function eventOf([
  number,
  stream,
  revision,
  id,
  type,
  version,
  recordedAt,
  meta,
  data,
]: EventRow): RecordedEvent {
  const at = { position: toPosition(number), stream, revision, recordedAt };
  return recorded({ id, type, version, meta, data }, at);
}
