/** Appending: always with an explicit revision and stable ids, so that trying again is safe. */
import {
  AccessDeniedError,
  type AppendExpectedRevision,
  MaxAppendSizeExceededError,
  NO_STREAM,
  StreamDeletedError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { refuse } from '../../domain/errors.ts';
import { type EncodedAppend, encodeAppend, encodeAppends } from '../checks.ts';
import {
  type AppendedInOrder,
  type AppendResult,
  ConflictError,
  type Expected,
  type NewEvent,
  type StreamAppend,
  TooLargeError,
} from '../port.ts';
import {
  asRefusal,
  backoff,
  type Connection,
  mayPass,
  mustBeOpen,
  pause,
  SilentError,
  within,
} from './connection.ts';
import { toServerEvent } from './events.ts';
import type { KnownIds } from './known-ids.ts';
import { toStored } from './names.ts';
import { toPosition } from './positions.ts';
import type { Reader } from './reader.ts';

/** How often `any` and `exists` follow a stream that others keep writing to. */
const CONFLICTS = 20;

/** One append on its way. */
interface Job extends EncodedAppend {
  readonly until: number;
  /** an attempt ended without an answer: it may have been written, or still be */
  unsure: boolean;
}

type Revision = number | 'none';

export class Appender {
  readonly #connection: Connection;
  readonly #reader: Reader;
  readonly #known: KnownIds;
  /** the last append of each stream: appends of this process take turns, so that they do not conflict needlessly */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(connection: Connection, reader: Reader, known: KnownIds) {
    this.#connection = connection;
    this.#reader = reader;
    this.#known = known;
  }

  async append(stream: string, events: readonly NewEvent[], expected: Expected): Promise<AppendResult> {
    mustBeOpen(this.#connection);
    return this.#append(encodeAppend(stream, events, expected));
  }

  /** The server commits one stream at a time: one after another. */
  async appendInOrder(appends: readonly StreamAppend[]): Promise<AppendedInOrder> {
    mustBeOpen(this.#connection);
    const results: AppendResult[] = [];
    for (const encoded of encodeAppends(appends)) {
      try {
        const result = await this.#append(encoded);
        results.push(result);
        if (result.repeated) break;
      } catch (error) {
        if (error instanceof ConflictError) return { results, conflict: error };
        throw error;
      }
    }
    return { results };
  }

  #append(encoded: EncodedAppend): Promise<AppendResult> {
    const job = { ...encoded, until: Date.now() + this.#connection.deadlineMs, unsure: false };
    return this.#inTurn(encoded.stream, () => this.#settle(job));
  }

  /** Resolves when all appends that run have ended. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#turns.values());
  }

  async #inTurn<T>(stream: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(stream) ?? Promise.resolve();
    const mine = before.then(work);
    const turn = mine.catch(() => {});
    this.#turns.set(stream, turn);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(stream) === turn) this.#turns.delete(stream);
    }
  }

  /** Tries until the outcome is known or the time is over. */
  async #settle(job: Job): Promise<AppendResult> {
    for (let tries = 1, conflicts = 0; ; tries++) {
      try {
        const result = await this.#attempt(job);
        if (result !== 'moved') return result;
        if (++conflicts > CONFLICTS)
          throw refuse('LOG_UNAVAILABLE', 'others keep writing to the same stream');
      } catch (error) {
        await this.#mayTryAgain(job, error, tries);
      }
    }
  }

  /** Waits before the next try. @throws what the caller gets when there is none */
  async #mayTryAgain(job: Job, error: unknown, tries: number): Promise<void> {
    if (error instanceof ConflictError || error instanceof TooLargeError) throw error;
    job.unsure = true;
    this.#known.uncover(job.stream);
    const wait = backoff(tries);
    if (!mayPass(error) || Date.now() + wait >= job.until) throw asRefusal(this.#connection, error);
    await pause(wait, this.#connection.closing);
    mustBeOpen(this.#connection);
  }

  /** One try; 'moved' when the stream went on meanwhile and the append does not mind. */
  async #attempt(job: Job): Promise<AppendResult | 'moved'> {
    const current = await this.#current(job);
    const repeated = this.#repeated(job);
    if (repeated) return repeated;
    const revision = explicit(job, current);
    const met = this.#reader.met;
    try {
      const written = await this.#send(job, revision);
      const position = written.position && toPosition(written.position);
      // The server takes the same ids at the same revision for a repetition and says nothing. What is written only
      // now lies after everything met before; for the rest the event itself is asked for its position.
      const last = Number(written.nextExpectedRevision);
      if (position && position > met && !job.unsure) return this.#written(job, { position, revision: last });
      return await this.#found(job, last);
    } catch (error) {
      if (!(error instanceof WrongExpectedVersionError)) throw error;
      return this.#conflict(job, error);
    }
  }

  /** The stream's last revision as far as it matters here, after its ids were looked through where needed. */
  async #current(job: Job): Promise<Revision | undefined> {
    const { expected, stream } = job;
    // A new stream is the server's to refuse; its ids can only be known from elsewhere
    if (expected === 'none' || this.#known.find(job.events)) return undefined;
    const covered = this.#known.covered(stream);
    if (covered !== undefined && (typeof expected !== 'number' || covered >= expected)) return covered;
    return this.#reader.scan(stream, left(job));
  }

  #repeated(job: Job): AppendResult | undefined {
    const place = this.#known.find(job.events);
    return place && { ...place, repeated: !job.unsure };
  }

  async #send(job: Job, revision: Revision) {
    const ms = left(job);
    const expectedRevision: AppendExpectedRevision = revision === 'none' ? NO_STREAM : BigInt(revision);
    const options = { ...this.#connection.base, expectedRevision, deadline: ms };
    const events = job.events.map(toServerEvent);
    try {
      return await within(ms, this.#connection.client.appendToStream(toStored(job.stream), events, options));
    } catch (error) {
      throw asRefused(error);
    }
  }

  #written(job: Job, place: { position: string; revision: number }): AppendResult {
    const mark = this.#known.mark();
    for (const { id } of job.events) this.#reader.meet({ id, ...place });
    const before = this.#known.covered(job.stream);
    if (before !== undefined || place.revision === job.events.length - 1) {
      this.#known.cover(job.stream, place.revision, mark);
    }
    return { ...place, repeated: false };
  }

  /** An append that the log held already, perhaps from an earlier try of this very call. */
  async #found(job: Job, revision: number): Promise<AppendResult> {
    const position = await this.#reader.positionOf(job.stream, revision, left(job));
    if (position === undefined) throw new Error('an acknowledged event cannot be read');
    return { ...this.#written(job, { position, revision }), repeated: !job.unsure };
  }

  async #conflict(job: Job, error: WrongExpectedVersionError): Promise<AppendResult | 'moved'> {
    this.#known.uncover(job.stream);
    const now = await this.#reader.scan(job.stream, left(job));
    const repeated = this.#repeated(job);
    if (repeated) return repeated;
    if (job.expected === 'any' || job.expected === 'exists') return 'moved';
    const actual = typeof error.actualVersion === 'bigint' ? Number(error.actualVersion) : now;
    throw new ConflictError(job.stream, job.expected, actual);
  }
}

/** The revision to send. @throws ConflictError for a stream that should exist and does not */
function explicit({ stream, expected }: Job, current: Revision | undefined): Revision {
  if (expected === 'none' || typeof expected === 'number') return expected;
  if (expected === 'exists' && current === 'none') throw new ConflictError(stream, expected, 'none');
  return current ?? 'none';
}

/** What the server says no to for good; everything else leaves the outcome open. */
function asRefused(error: unknown): unknown {
  if (error instanceof MaxAppendSizeExceededError) {
    return new TooLargeError(`the event store takes at most ${error.maxAppendSize} bytes in one append`);
  }
  if (error instanceof StreamDeletedError)
    return refuse('INTERNAL', 'the stream was deleted in the event store');
  if (error instanceof AccessDeniedError) return error;
  return error;
}

function left(job: Job): number {
  const ms = job.until - Date.now();
  if (ms <= 0) throw new SilentError(0);
  return ms;
}
