/**
 * Follows the log and keeps the views: opens or builds a generation, catches up, then applies what comes in batches.
 * Whatever fails is tried again; only an event that this program cannot understand stops it.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { DomainEvent } from '../domain/catalogue.ts';
import { refuse } from '../domain/errors.ts';
import type { EventLog, RecordedEvent } from '../eventlog/port.ts';
import { decode, HaltError, pages, replay } from './build.ts';
import { shapeOf } from './catalogue.ts';
import { inBatches } from './follow.ts';
import { createMutex } from './mutex.ts';
import { type Generation, type Identity, ReplacedError, type Views } from './port.ts';
import { createStatus, type RunnerStatus } from './status.ts';
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

export interface Runner {
  /** The log's position up to which the views are committed and `onApplied` was called. */
  position(): string;
  /** Resolves when position() ≥ `position`. @throws VIEWS_BEHIND after `timeoutMs`, or when the runner halted */
  reached(position: string, timeoutMs: number): Promise<void>;
  /** Called synchronously after each commit, in order, on every replica; returns its removal. */
  onApplied(listener: (events: readonly DomainEvent[], position: string) => void): () => void;
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
  const { log, store, onNotice = () => {}, tendMs = 1000 } = options;
  const batch = Math.min(options.batch ?? 1000, 1000);
  const identity: Identity = { shape: shapeOf(store.definitions), logId: log.logId, epoch: log.epoch };
  const state = createStatus(log.start, options.distance);
  const waiters = createWaiters();
  const exclusive = createMutex();
  const applied = new Set<(events: readonly DomainEvent[], position: string) => void>();
  const resets = new Set<() => void>();
  const closing = new AbortController();
  const started = Promise.withResolvers<void>();
  let generation: Generation | undefined;
  let building: Promise<boolean> | undefined;
  let failures = 0;

  function announce(events: readonly DomainEvent[], position: string): void {
    state.reached(position);
    if (events.length > 0) for (const listener of applied) listener(events, position);
    waiters.reached(position);
  }

  /** Folds and commits, then tells everybody. Events before one that cannot be read are kept. */
  async function advance(recorded: readonly RecordedEvent[], to: string): Promise<void> {
    if (!generation) throw new ReplacedError();
    const from = state.position();
    const { events, failure } = decode(recorded);
    const reached = failure ? (events.at(-1)?.position ?? from) : to;
    if (events.length > 0) await generation.apply(events, { from, to: reached });
    if (reached > from) announce(events, reached);
    if (failure) throw failure;
    failures = 0;
  }

  /** False when another node builds. */
  async function buildOnce(): Promise<boolean> {
    const built = await store.build(identity, log.start);
    if (!built) return false;
    const serving = generation !== undefined;
    const steps = {
      log,
      batch: serving ? Math.min(batch, GENTLE_BATCH) : batch,
      signal: closing.signal,
      onProgress: (position: string) => state.building(position),
    };
    try {
      state.building(log.start);
      let cursor = await replay(built, log.start, steps);
      await store.finish(built);
      cursor = await replay(built, cursor, steps);
      await exclusive(async () => {
        await store.flip(built, async () => {
          cursor = await replay(built, cursor, steps);
        });
        generation = built;
        state.serving(built.number);
        for (const listener of resets) listener();
        if (state.position() === '') announce([], cursor);
      });
      return true;
    } catch (error) {
      await store.abandon(built).catch(() => {});
      throw error;
    } finally {
      state.building(undefined);
    }
  }

  function build(): Promise<boolean> {
    building ??= buildOnce().finally(() => {
      building = undefined;
    });
    return building;
  }

  /** The generation to follow: the one that is there, or a new one. */
  async function serve(): Promise<void> {
    const opened = await exclusive(() => store.open(identity));
    if (opened.generation) {
      const checkpoint = await opened.generation.checkpoint();
      const head = await log.head();
      if (checkpoint <= head) return take(opened.generation, checkpoint, head);
      await exclusive(() => store.discard());
    }
    stopServing();
    const reason = opened.reason ?? 'the log ends before the views: it was restored to an earlier position';
    state.because(reason);
    onNotice(`${reason}: building the views`);
    if (!(await build())) await sleep(200, undefined, { signal: closing.signal });
  }

  function take(found: Generation, checkpoint: string, head: string): void {
    generation = found;
    state.serving(found.number);
    state.noteHead(head);
    // this node announces what others have folded already, too; a database that lost commits is gone through again
    const known = state.position();
    const position = known === '' || known > checkpoint ? checkpoint : known;
    state.back(position);
    announce([], position);
  }

  function stopServing(): void {
    generation = undefined;
    state.serving(undefined);
    state.back('');
  }

  async function catchUp(): Promise<void> {
    for await (const page of pages(log, state.position(), batch)) {
      closing.signal.throwIfAborted();
      state.noteHead(page.next);
      await exclusive(() => advance(page.events, page.next));
      if (!page.atHead) await turn();
    }
    state.phase('following');
    started.resolve();
  }

  async function follow(): Promise<void> {
    const stop = new AbortController();
    const end = () => stop.abort();
    let interruption: unknown;
    closing.signal.addEventListener('abort', end, { once: true });
    const timer = setInterval(() => {
      look().catch(error => {
        interruption = error;
        end();
      });
    }, tendMs);
    try {
      const messages = log.subscribe({ after: state.position(), signal: stop.signal });
      for await (const arrivals of inBatches(messages, batch)) {
        state.noteHead(arrivals.to);
        await exclusive(() => advance(arrivals.events, arrivals.to));
        if (!arrivals.caughtUp) await turn();
      }
    } finally {
      clearInterval(timer);
      closing.signal.removeEventListener('abort', end);
      end();
    }
    if (interruption) throw interruption;
    if (!closing.signal.aborted) throw refuse('LOG_UNAVAILABLE', 'the subscription ended');
  }

  /** @throws what ends the session: replaced or damaged. An unreachable log or database shows itself elsewhere. */
  async function look(): Promise<void> {
    try {
      state.noteHead(await log.head());
      if (generation) await store.tend(generation);
    } catch (error) {
      if (error instanceof ReplacedError || store.failure(error) === 'damaged') throw error;
    }
  }

  async function recover(error: unknown): Promise<void> {
    if (closing.signal.aborted) return;
    if (error instanceof HaltError) return halt(error);
    if (error instanceof ReplacedError) return void (await pause(20));
    const reason = (error as Error).message;
    state.phase('retrying', reason);
    onNotice(`the views wait and try again: ${reason}`);
    if (store.failure(error) === 'damaged') {
      stopServing();
      await exclusive(() => store.discard()).catch(() => {});
    }
    await pause(Math.min(BACKOFF_MS.first * 2 ** failures++, BACKOFF_MS.most));
  }

  const pause = (ms: number) => sleep(ms, undefined, { signal: closing.signal }).catch(() => {});

  /** Reads go on; what waits for later events is told no. Only another program can go on from here. */
  async function halt(error: HaltError): Promise<void> {
    state.phase('halted', error.message);
    onNotice(`the views halted ${error.message}`);
    waiters.fail(refuse('VIEWS_BEHIND', { reason: `the views halted ${error.message}` }));
    started.resolve();
    await new Promise(resolve => closing.signal.addEventListener('abort', resolve, { once: true }));
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await serve();
        if (!generation) continue;
        await catchUp();
        await follow();
      } catch (error) {
        await recover(error);
      }
    }
  }

  const running = run();

  return {
    position: () => state.position() || log.start,
    async reached(position, timeoutMs) {
      if (generation && position <= state.position()) return;
      const { state: phase, reason } = state.status();
      if (phase === 'halted' || phase === 'closed') throw refuse('VIEWS_BEHIND', { reason: reason ?? phase });
      state.noteHead(position);
      return waiters.until(position, timeoutMs);
    },
    onApplied(listener) {
      applied.add(listener);
      return () => applied.delete(listener);
    },
    onReset(listener) {
      resets.add(listener);
      return () => resets.delete(listener);
    },
    status: state.status,
    async rebuild() {
      if (!(await build())) throw refuse('STATE_CONFLICT', 'another node rebuilds the views now');
    },
    started: started.promise,
    async close() {
      closing.abort();
      await running;
      await building?.catch(() => {});
      state.phase('closed');
      waiters.fail(refuse('SHUTTING_DOWN'));
      started.resolve();
    },
  };
}
