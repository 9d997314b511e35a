/**
 * Follows the log and keeps the views: opens or builds a generation, catches up, then applies what comes in batches.
 * Whatever fails is tried again; only an event that this program cannot understand stops it.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { DomainEvent } from '../domain/catalogue.ts';
import { refuse } from '../domain/errors.ts';
import type { EventLog, RecordedEvent } from '../eventlog/port.ts';
import { buildGeneration, type Documents, decode, HaltError, pages, withDocuments } from './build.ts';
import { shapeOf } from './catalogue.ts';
import { inBatches } from './follow.ts';
import { createMutex } from './mutex.ts';
import { type Generation, type Identity, ReplacedError, type Views } from './port.ts';
import type { AppliedListener, Runner, RunnerOptions, RunnerStatus } from './runner-port.ts';
import { createStatus, type Status } from './status.ts';
import { createWaiters } from './waiters.ts';

export type { Runner, RunnerOptions } from './runner-port.ts';

const BACKOFF_MS = { first: 50, most: 1000 };
/** After as many failures in a row (0.75 s) nobody is kept waiting: a reply now is worth more than one that may come. */
const PATIENT_FAILURES = 4;
/** a rebuild beside readers takes turns of a few milliseconds */
const GENTLE_BATCH = 400;

export function createRunner(options: RunnerOptions): Runner {
  return new ViewRunner(options);
}

class ViewRunner implements Runner {
  readonly started: Promise<void>;
  readonly #log: EventLog;
  readonly #documents: Documents | undefined;
  readonly #store: Views;
  readonly #identity: Identity;
  readonly #batch: number;
  readonly #tendMs: number;
  readonly #notice: (text: string) => void;
  readonly #state: Status;
  readonly #waiters = createWaiters();
  readonly #exclusive = createMutex();
  readonly #applied = new Set<AppliedListener>();
  readonly #resets = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #isStarted = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #generation: Generation | undefined;
  #build: Promise<boolean> | undefined;
  #failures = 0;

  constructor(options: RunnerOptions) {
    const { log, store, batch = 1000, onNotice = () => {}, tendMs = 1000, distance } = options;
    this.#documents = options.documents;
    this.#log = log;
    this.#store = store;
    this.#identity = { shape: shapeOf(store.definitions), logId: log.logId, epoch: log.epoch };
    this.#batch = Math.min(batch, 1000);
    this.#tendMs = tendMs;
    this.#notice = onNotice;
    this.#state = createStatus(log.start, distance);
    this.started = this.#isStarted.promise;
    this.#running = this.#run();
  }

  position(): string {
    return this.#state.position() || this.#log.start;
  }

  status(): RunnerStatus {
    return this.#state.status();
  }

  async reached(position: string, timeoutMs: number): Promise<void> {
    if (this.#generation && position <= this.#state.position()) return;
    const { state, reason = state } = this.status();
    if (state === 'halted' || state === 'closed') throw refuse('VIEWS_BEHIND', { reason });
    if (state === 'retrying' && this.#failures > PATIENT_FAILURES) throw stuck();
    this.#state.noteHead(position);
    return this.#waiters.until(position, timeoutMs);
  }

  onApplied(listener: AppliedListener): () => void {
    this.#applied.add(listener);
    return () => this.#applied.delete(listener);
  }

  onReset(listener: () => void): () => void {
    this.#resets.add(listener);
    return () => this.#resets.delete(listener);
  }

  async rebuild(): Promise<void> {
    if (!(await this.#built())) throw refuse('STATE_CONFLICT', 'another node rebuilds the views now');
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#build?.catch(() => {});
    this.#state.phase('closed');
    this.#waiters.fail(refuse('SHUTTING_DOWN'));
    this.#isStarted.resolve();
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await this.#serve();
        if (!this.#generation) continue;
        await this.#catchUp();
        await this.#follow();
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  /** Finds the generation to follow: the one that is there, or a new one. */
  async #serve(): Promise<void> {
    const opened = await this.#exclusive(() => this.#store.open(this.#identity));
    if (opened.generation) {
      const checkpoint = await opened.generation.checkpoint();
      this.#state.noteHead(await this.#log.head());
      if (checkpoint <= this.#state.status().head) return this.#take(opened.generation, checkpoint);
      await this.#exclusive(() => this.#store.discard());
    }
    this.#stopServing();
    const reason = opened.reason ?? 'the log ends before the views: it was restored to an earlier position';
    this.#state.because(reason);
    this.#notice(`${reason}: building the views`);
    if (!(await this.#built())) await this.#pause(200);
  }

  #take(found: Generation, checkpoint: string): void {
    this.#generation = found;
    this.#state.serving(found.number);
    // this node announces what others have folded already, too; a database that lost commits is gone through again
    const known = this.#state.position();
    const position = known === '' || known > checkpoint ? checkpoint : known;
    this.#state.back(position);
    this.#announce([], position);
  }

  #stopServing(): void {
    this.#generation = undefined;
    this.#state.serving(undefined);
    this.#state.back('');
  }

  async #catchUp(): Promise<void> {
    for await (const page of pages(this.#log, this.#state.position(), this.#batch)) {
      this.#closing.signal.throwIfAborted();
      await this.#advance(page.events, page.next);
      if (!page.atHead) await turn();
    }
    this.#state.phase('following');
    this.#isStarted.resolve();
  }

  async #follow(): Promise<void> {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#closing.signal]);
    let interruption: unknown;
    const timer = setInterval(() => {
      this.#look().catch(error => {
        interruption = error;
        stop.abort();
      });
    }, this.#tendMs);
    try {
      const messages = this.#log.subscribe({ after: this.#state.position(), signal });
      for await (const arrivals of inBatches(messages, this.#batch)) {
        await this.#advance(arrivals.events, arrivals.to);
        if (!arrivals.caughtUp) await turn();
      }
    } finally {
      clearInterval(timer);
      stop.abort();
    }
    if (interruption) throw interruption;
    if (!this.#closing.signal.aborted) throw refuse('LOG_UNAVAILABLE', 'the subscription ended');
  }

  /** @throws what ends the session: replaced or damaged. An unreachable log or database shows itself elsewhere. */
  async #look(): Promise<void> {
    try {
      this.#state.noteHead(await this.#log.head());
      if (this.#generation) await this.#store.tend(this.#generation);
    } catch (error) {
      if (error instanceof ReplacedError || this.#store.failure(error) === 'damaged') throw error;
    }
  }

  /** Folds and commits, then tells everybody. Events before one that cannot be read are kept. */
  #advance(recorded: readonly RecordedEvent[], to: string): Promise<void> {
    this.#state.noteHead(to);
    return this.#exclusive(async () => {
      if (!this.#generation) throw new ReplacedError();
      const from = this.#state.position();
      const { events, failure } = decode(recorded);
      const reached = failure ? (events.at(-1)?.position ?? from) : to;
      const known = await withDocuments(events, this.#documents);
      if (events.length > 0) await this.#generation.apply(known, { from, to: reached });
      if (reached > from) this.#announce(events, reached);
      if (failure) throw failure;
      this.#failures = 0;
    });
  }

  #announce(events: readonly DomainEvent[], position: string): void {
    this.#state.reached(position);
    if (events.length > 0) for (const listener of this.#applied) listener(events, position);
    this.#waiters.reached(position);
  }

  /** False when another node builds. Whoever asks while one is being built waits for that one. */
  #built(): Promise<boolean> {
    this.#build ??= this.#buildOnce().finally(() => {
      this.#build = undefined;
    });
    return this.#build;
  }

  #buildOnce(): Promise<boolean> {
    return buildGeneration({
      log: this.#log,
      documents: this.#documents,
      store: this.#store,
      identity: this.#identity,
      batch: this.#generation ? Math.min(this.#batch, GENTLE_BATCH) : this.#batch,
      signal: this.#closing.signal,
      onProgress: position => this.#state.building(position),
      exclusive: this.#exclusive,
      takeOver: (generation, checkpoint) => this.#reset(generation, checkpoint),
    });
  }

  #reset(generation: Generation, checkpoint: string): void {
    this.#generation = generation;
    this.#state.serving(generation.number);
    for (const listener of this.#resets) listener();
    if (this.#state.position() === '') this.#announce([], checkpoint);
  }

  async #recover(error: unknown): Promise<void> {
    if (this.#closing.signal.aborted) return;
    if (error instanceof HaltError) return this.#halt(error);
    if (error instanceof ReplacedError) return this.#pause(20);
    const reason = (error as Error).message;
    this.#state.phase('retrying', reason);
    this.#notice(`the views wait and try again: ${reason}`);
    if (this.#store.failure(error) === 'damaged') {
      this.#stopServing();
      await this.#exclusive(() => this.#store.discard()).catch(() => {});
    }
    const pause = Math.min(BACKOFF_MS.first * 2 ** this.#failures++, BACKOFF_MS.most);
    if (this.#failures > PATIENT_FAILURES) this.#waiters.fail(stuck());
    await this.#pause(pause);
  }

  /** Reads go on; what waits for later events is told no. Only another program can go on from here. */
  async #halt(error: HaltError): Promise<void> {
    const reason = `the views halted ${error.message}`;
    this.#state.phase('halted', reason);
    this.#notice(reason);
    this.#waiters.fail(refuse('VIEWS_BEHIND', { reason }));
    this.#isStarted.resolve();
    await new Promise(resolve => this.#closing.signal.addEventListener('abort', resolve, { once: true }));
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}

const stuck = () => refuse('VIEWS_BEHIND', { reason: 'the views cannot be written now', retryAfter: 1 });
