/** Appends that wait for the head lock, committed in groups by one session of this process. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { StrongroomError } from '../../domain/errors.ts';
import type { AppendOutcome } from '../plan.ts';
import { connect, discard, isTransient, unavailable, writerConfig } from './session.ts';
import { commitGroup, type Run } from './write.ts';

const GROUP_REQUESTS = 200;
const GROUP_CHARACTERS = 8 * 1024 * 1024;
const BACKOFF_MS = [20, 50, 100, 250, 500, 1_000];

interface Waiting {
  readonly run: Run;
  readonly until: number;
  resolve(outcomes: readonly AppendOutcome[]): void;
  reject(error: Error): void;
}

/** Called with each run of a group and its outcomes, in the order of the log, before the callers get them. */
export type OnCommit = (run: Run, outcomes: readonly AppendOutcome[]) => void;

export class AppendQueue {
  readonly #config: pg.ClientConfig;
  readonly #patienceMs: number;
  readonly #onCommit: OnCommit;
  readonly #waiting: Waiting[] = [];
  #client: pg.Client | undefined;
  #draining: Promise<void> | undefined;

  /** @param patienceMs how long an append may wait for a server that is away */
  constructor(url: string, patienceMs: number, onCommit: OnCommit) {
    this.#config = writerConfig(url);
    this.#patienceMs = patienceMs;
    this.#onCommit = onCommit;
  }

  /** @throws StrongroomError LOG_UNAVAILABLE after a few seconds without the server */
  append(run: Run): Promise<readonly AppendOutcome[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ run, until: Date.now() + this.#patienceMs, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when everything that waits has its answer and the session is closed. */
  async close(): Promise<void> {
    await this.#draining;
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => discard(client));
  }

  async #drain(): Promise<void> {
    // Lets the callers that were woken together join the first group
    await new Promise(resolve => setImmediate(resolve));
    let failures = 0;
    while (this.#waiting.length > 0) {
      const group = this.#take();
      const error = await this.#try(group);
      if (!error) {
        failures = 0;
        continue;
      }
      this.#refuse(group, error);
      await sleep(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)]);
      failures += 1;
    }
    this.#draining = undefined;
  }

  #take(): Waiting[] {
    let characters = 0;
    let count = 0;
    while (count < Math.min(this.#waiting.length, GROUP_REQUESTS) && characters < GROUP_CHARACTERS) {
      for (const { events } of this.#waiting[count]!.run)
        for (const { data, meta } of events) characters += data.length + meta.length;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** The error when the group is not known to be committed. */
  async #try(group: readonly Waiting[]): Promise<unknown> {
    let outcomes: AppendOutcome[][];
    try {
      this.#client ??= await connect(this.#config);
      outcomes = await commitGroup(
        this.#client,
        group.map(waiting => waiting.run),
      );
    } catch (error) {
      // In an unknown state: the next try has a session of its own, which waits for the lock of this one
      discard(this.#client);
      this.#client = undefined;
      return error;
    }
    for (const [at, { run }] of group.entries()) this.#onCommit(run, outcomes[at]!);
    for (const [at, waiting] of group.entries()) waiting.resolve(outcomes[at]!);
    return undefined;
  }

  /**
   * After a broken connection nobody knows whether the commit went through, so the group is tried again with the same
   * event ids: what was written answers as a repetition.
   */
  #refuse(group: readonly Waiting[], error: unknown): void {
    const again = isTransient(error);
    const refusal: StrongroomError = unavailable(error);
    const kept: Waiting[] = [];
    for (const waiting of [...group, ...this.#waiting.splice(0)]) {
      const tried = group.includes(waiting);
      if ((tried && !again) || waiting.until <= Date.now()) waiting.reject(refusal);
      else kept.push(waiting);
    }
    this.#waiting.unshift(...kept);
  }
}
