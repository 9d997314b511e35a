/**
 * Follows the log and keeps the views: opens or builds a generation, catches up, then applies what comes in batches.
 * Whatever fails is tried again; only an event that this program cannot understand stops it.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { DomainEvent } from '../domain/catalogue.ts';
import { refuse } from '../domain/errors.ts';
import type { EventLog, RecordedEvent } from '../eventlog/port.ts';
import { decode, HaltError, pages, type Replay, replay } from './build.ts';
import { shapeOf } from './catalogue.ts';
import { inBatches } from './follow.ts';
import { createMutex } from './mutex.ts';
import { type Generation, type Identity, ReplacedError, type Views } from './port.ts';
import { createStatus, type RunnerStatus, type Status } from './status.ts';
import { createWaiters } from './waiters.ts';

export type { RunnerStatus } from './status.ts';

export interface RunnerOptions {
  readonly log: EventLog;
  readonly store: Views;
  /** events per transaction at most; default and maximum 1000. A rebuild beside a serving generation takes fewer */
  readonly batch?: number;
  /** events from one position to another, for logs whose positions tell */
  readonly distance?: (from: string, to: string) => number;
  /** is told in a sentence why views are rebuilt or what is tried again */
  readonly onNotice?: (text: string) => void;
  /** milliseconds between looks at the head and at other nodes; default 1000 */
  readonly tendMs?: number;
}

export type AppliedListener = (events: readonly DomainEvent[], position: string) => void;

export interface Runner {
  /** The log's position up to which the views are committed and `onApplied` was called. */
  position(): string;
  /** Resolves when position() ≥ `position`. @throws VIEWS_BEHIND after `timeoutMs`, or when the runner halted */
  reached(position: string, timeoutMs: number): Promise<void>;
  /** Called synchronously after each commit, in order, on every replica; returns its removal. */
  onApplied(listener: AppliedListener): () => void;
  /** Called when another generation took over: whatever was cached from the views must go. */
  onReset(listener: () => void): () => void;
  status(): RunnerStatus;
  /**
   * Builds a new generation beside the serving one, flips and drops the old. Resolves after the flip.
   * @throws STATE_CONFLICT when another node builds one now
   */
  rebuild(): Promise<void>;
  /** Resolves when the views are at the head that the log had at the start, or the runner halted. */
  readonly started: Promise<void>;
  /** Stops following; the store stays open. */
  close(): Promise<void>;
}

const BACKOFF_MS = { first: 50, most: 5000 };
/** a rebuild beside readers takes turns of a few milliseconds */
const GENTLE_BATCH = 200;

export function createRunner(options: RunnerOptions): Runner {
  return new ViewRunner(options);
}

class ViewRunner implements Runner {
  readonly started: Promise<void>;
  readonly #log: EventLog;
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

  constructor({ log, store, batch = 1000, onNotice = () => {}, tendMs = 1000, distance }: RunnerOptions) {
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
      if (events.length > 0) await this.#generation.apply(events, { from, to: reached });
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

  async #buildOnce(): Promise<boolean> {
    const start = this.#log.start;
    const built = await this.#store.build(this.#identity, start);
    if (!built) return false;
    const steps: Replay = {
      log: this.#log,
      batch: this.#generation ? Math.min(this.#batch, GENTLE_BATCH) : this.#batch,
      signal: this.#closing.signal,
      onProgress: position => this.#state.building(position),
    };
    try {
      steps.onProgress(start);
      let cursor = await replay(built, start, steps);
      await this.#store.finish(built);
      cursor = await replay(built, cursor, steps);
      await this.#exclusive(async () => {
        const catchUp = async () => {
          cursor = await replay(built, cursor, steps);
        };
        this.#reset(await this.#store.flip(built, catchUp), cursor);
      });
      return true;
    } catch (error) {
      await this.#store.abandon(built).catch(() => {});
      throw error;
    } finally {
      this.#state.building(undefined);
    }
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
    await this.#pause(Math.min(BACKOFF_MS.first * 2 ** this.#failures++, BACKOFF_MS.most));
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
