/** The event log in PostgreSQL, for one or several processes on one database. */
import pg from 'pg';
import { isRefusal, refuse, type StrongroomError } from '../../domain/errors.ts';
import { encodeAppend, encodeAppends } from '../checks.ts';
import { FOLLOW_PAGE, type Followable, follow, HeadWaiters } from '../follow.ts';
import { resultOf, resultsOf } from '../plan.ts';
import type {
  AppendedInOrder,
  AppendResult,
  Expected,
  Filter,
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
import { Tail } from '../tail.ts';
import { coalesced } from './coalesce.ts';
import { LOG_SCHEMA, migrate } from './migrations.ts';
import { AppendQueue } from './queue.ts';
import { type EventPage, pageOfAll, pageOfStream } from './read.ts';
import { connect, discard, poolConfig, rowsOf, unavailable } from './session.ts';
import { type Watch, watchHead } from './watch.ts';
import { restoreAll } from './write.ts';

export interface PostgresLogOptions {
  /** `postgres://user@host/database` of the application's role */
  readonly url: string;
  /** of the role that owns the tables and migrates them; default `url` */
  readonly ownerUrl?: string;
  /** how long an append waits for a server that is away, ms; default 5,000 */
  readonly appendTimeoutMs?: number;
}

/**
 * Opens the log, creating or migrating its tables in schema `strongroom`.
 * @throws StrongroomError LOG_UNAVAILABLE, or STORAGE_UNAVAILABLE for tables that cannot be used
 */
export async function openPostgresLog(options: PostgresLogOptions): Promise<RestorableLog> {
  await migrate(LOG_SCHEMA, options);
  const pool = new pg.Pool(poolConfig(options.url));
  // An idle connection that breaks is replaced at the next query: without a listener it would end the process
  pool.on('error', () => {});
  try {
    return new LogOverPostgres(options, pool, await describe(pool));
  } catch (error) {
    await pool.end();
    throw error;
  }
}

interface Description extends LogIdentity {
  readonly head: number;
}

async function describe(pool: pg.Pool): Promise<Description> {
  const query = { text: 'SELECT log_id, epoch, position FROM strongroom.head', rowMode: 'array' as const };
  const [row] = await rowsOf<[string, number, string]>(pool, query);
  return { logId: row![0], epoch: row![1], head: Number(row![2]) };
}

const STREAM_PAGE = 1_000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;

class LogOverPostgres implements RestorableLog {
  readonly start = START;
  readonly #url: string;
  readonly #pool: pg.Pool;
  readonly #queue: AppendQueue;
  readonly #watch: Watch;
  readonly #tail = new Tail();
  readonly #waiters = new HeadWaiters();
  readonly #source: Followable;
  readonly #askHead: () => Promise<number>;
  #identity: LogIdentity;
  #knownHead: number;
  #refusal: StrongroomError | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    { url, appendTimeoutMs = 5_000 }: PostgresLogOptions,
    pool: pg.Pool,
    { head, ...identity }: Description,
  ) {
    this.#url = url;
    this.#pool = pool;
    this.#identity = identity;
    this.#knownHead = head;
    this.#askHead = coalesced(async () => {
      const query = { name: 'head', text: 'SELECT position FROM strongroom.head', rowMode: 'array' as const };
      const [row] = await rowsOf<[string]>(pool, query);
      this.#heard(Number(row![0]));
      return Number(row![0]);
    });
    this.#queue = new AppendQueue(url, appendTimeoutMs, (run, outcomes) => {
      for (const [at, outcome] of outcomes.entries()) {
        if (outcome.kind !== 'written') continue;
        this.#tail.push({ append: run[at]!, ...outcome });
        this.#heard(outcome.position);
      }
    });
    this.#watch = watchHead(url, this.#askHead, head => this.#heard(head));
    this.#source = {
      start: START,
      knownHead: () => toPosition(this.#knownHead),
      page: (after, filter, signal) => this.#followingPage(after, filter, signal),
      beyond: (position, signal) =>
        this.#waiters.until(() => this.#knownHead > fromPosition(position), signal),
    };
  }

  get logId(): string {
    return this.#identity.logId;
  }

  get epoch(): number {
    return this.#identity.epoch;
  }

  #heard(head: number): void {
    if (!(head > this.#knownHead)) return;
    this.#knownHead = head;
    this.#waiters.wake();
  }

  async append(
    stream: string,
    events: readonly NewEvent[],
    { expected }: { expected: Expected },
  ): Promise<AppendResult> {
    this.#mustBeOpen();
    const append = encodeAppend(stream, events, expected);
    const [outcome] = await this.#queue.append([append]);
    return resultOf(append, outcome!);
  }

  async appendInOrder(appends: readonly StreamAppend[]): Promise<AppendedInOrder> {
    this.#mustBeOpen();
    const run = encodeAppends(appends);
    return resultsOf(run, await this.#queue.append(run));
  }

  async readStream(
    stream: string,
    { from = 0, limit = Number.MAX_SAFE_INTEGER }: { from?: number; limit?: number } = {},
  ): Promise<readonly RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for (;;) {
      this.#mustBeOpen();
      const left = Math.min(limit - events.length, STREAM_PAGE);
      const page = await pageOfStream(this.#pool, { stream, from: from + events.length, limit: left });
      events.push(...page.events);
      if (!page.more || events.length >= limit) return events;
    }
  }

  async readAll({ after = START, filter, limit = 1000 }: ReadAllOptions = {}): Promise<Page> {
    this.#mustBeOpen();
    return this.#asPage(await pageOfAll(this.#pool, { after: fromPosition(after), limit, filter }));
  }

  async head(): Promise<Position> {
    this.#mustBeOpen();
    return toPosition(await this.#askHead());
  }

  subscribe(options: SubscribeOptions = {}): AsyncIterable<SubscriptionMessage> {
    return follow(this.#source, options);
  }

  /** Goes on after lost connections for as long as somebody wants the page. */
  async #followingPage(
    after: Position,
    filter: Filter | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Page | undefined> {
    for (
      let wait = FIRST_RETRY_MS;
      !this.#closing && !signal?.aborted;
      wait = Math.min(wait * 2, LAST_RETRY_MS)
    ) {
      const remembered = this.#tail.page(fromPosition(after), FOLLOW_PAGE, filter);
      const page = remembered ?? (await this.#pageOrNothing({ after, filter, limit: FOLLOW_PAGE }));
      if (page) return page;
      const pause = AbortSignal.any([AbortSignal.timeout(wait), ...(signal ? [signal] : [])]);
      await this.#waiters.until(() => false, pause);
    }
    return undefined;
  }

  async #pageOrNothing(read: { after: Position; filter: Filter | undefined; limit: number }) {
    try {
      return this.#asPage(await pageOfAll(this.#pool, { ...read, after: fromPosition(read.after) }));
    } catch (error) {
      if (!isRefusal(error, 'LOG_UNAVAILABLE')) throw error;
      return undefined;
    }
  }

  #asPage({ events, next, more }: EventPage): Page {
    if (!more) this.#heard(next);
    return { events, next: toPosition(next), atHead: !more };
  }

  close(): Promise<void> {
    this.#refusal = refuse('LOG_UNAVAILABLE', 'the event log was closed');
    this.#closing ??= this.#closeAll();
    this.#waiters.end();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    await this.#queue.close();
    await this.#watch.close();
    await this.#pool.end();
  }

  async restore(identity: LogIdentity, batches: AsyncIterable<readonly RecordedEvent[]>): Promise<Position> {
    this.#mustBeOpen();
    let client: pg.Client | undefined;
    try {
      // A restore may pause for its archive: no time limits
      client = await connect({ ...poolConfig(this.#url), statement_timeout: 0, query_timeout: 0 });
      const head = await restoreAll(client, identity, archivedBatches(batches));
      this.#identity = identity;
      this.#heard(head);
      return toPosition(head);
    } catch (error) {
      throw unavailable(error);
    } finally {
      discard(client);
    }
  }

  #mustBeOpen(): void {
    if (this.#refusal) throw this.#refusal;
  }
}

async function* archivedBatches(batches: AsyncIterable<readonly RecordedEvent[]>) {
  for await (const batch of batches) yield batch.map(archived);
}
