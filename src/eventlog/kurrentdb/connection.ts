/**
 * The connection to the server, and what has to be known about `@eventstore/db-client` 6.2.1 to use it safely:
 *  - without credentials it appends through a batch stream whose promises are shared by all clients, whose late
 *    replies throw and whose deadlines are ignored. Told that the server knows no batches, it takes the unary call,
 *    over secure and insecure channels alike;
 *  - reads and subscriptions have no deadline, and errors that look like a cancellation of ours are swallowed, so
 *    that a reader waits for ever: every call here has a timer of our own;
 *  - leaving a stream does not cancel the call behind it, whose errors have no listener then, and which it keeps;
 *  - it prints unknown options, and puts the whole URL with its password into parse errors.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AccessDeniedError,
  type AllStreamResolvedEvent,
  type Credentials,
  EventStoreDBClient,
  NotLeaderError,
  type ResolvedEvent,
} from '@eventstore/db-client';
import { isRefusal, refuse, StrongroomError } from '../../domain/errors.ts';

export interface Connection {
  readonly client: EventStoreDBClient;
  /** what every call passes: only the leader has everything that was acknowledged */
  readonly base: { readonly requiresLeader: true; readonly credentials?: Credentials };
  /** how long one operation may take, in ms */
  readonly deadlineMs: number;
  /** aborts when the log is closed */
  readonly closing: AbortSignal;
  /** begins to close: nothing new is accepted, subscriptions end */
  shut(): void;
  /** frees the connection */
  close(): Promise<void>;
}

export interface ConnectionOptions {
  /** `esdb://`, `esdb+discover://`, `kurrentdb://` or `kurrentdb+discover://`, as the server's documentation has it */
  readonly url: string;
  readonly credentials?: Credentials | undefined;
  readonly deadlineMs: number;
}

/** Connects at the first call. @throws StrongroomError REQUEST_INVALID for a URL that the client does not take */
export function connect({ url, credentials, deadlineMs }: ConnectionOptions): Connection {
  const closing = new AbortController();
  const client = createClient(url);
  return {
    client,
    base: { requiresLeader: true, ...(credentials && { credentials }) },
    deadlineMs,
    closing: closing.signal,
    shut: () => closing.abort(),
    close: async () => {
      closing.abort();
      await dispose(client);
    },
  };
}

function createClient(url: string): EventStoreDBClient {
  let client: EventStoreDBClient;
  try {
    client = EventStoreDBClient.connectionString(url.trim().replace(/^kurrentdb/, 'esdb'));
  } catch {
    throw refuse('REQUEST_INVALID', 'the URL of the event store is not like esdb://host:2113?tls=true');
  }
  return Object.assign(client, { supports: async () => false });
}

/** Cancels what runs and closes the channel; waits no longer than a moment for a server that does not answer. */
async function dispose(client: EventStoreDBClient): Promise<void> {
  const internals = client as unknown as { getChannel(): Promise<{ close(): void }> };
  const closed = async () => {
    await client.dispose();
    (await internals.getChannel()).close();
  };
  await Promise.race([closed().catch(() => {}), sleep(1_000, undefined, { ref: false })]);
}

/** No answer within the time: whether the server did what it was asked is unknown. */
export class SilentError extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = 'SilentError';
  }
}

/** The result, or SilentError after `ms`; a late result is dropped. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SilentError(ms)), Math.max(ms, 0));
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** What delivers the client's streams: the call itself. */
interface Source {
  cancel(): void;
  resume(): unknown;
}

/** What the client's streams have in common; their own types are of an older Node. */
interface Stream<T> {
  [Symbol.asyncIterator](): AsyncIterableIterator<T>;
  on(event: string | symbol, listener: (...args: unknown[]) => void): unknown;
  destroy(error?: Error): unknown;
}

/** What a read delivers; SilentError when nothing comes for `ms`. The call behind is cancelled when it is left. */
export async function* drain<T extends ResolvedEvent | AllStreamResolvedEvent>(
  ms: number,
  stream: Stream<T>,
): AsyncGenerator<T, void, undefined> {
  const release = hold(stream);
  const timer = setTimeout(() => stream.destroy(new SilentError(ms)), Math.max(ms, 0));
  try {
    for await (const resolved of stream) {
      timer.refresh();
      yield resolved;
    }
  } finally {
    clearTimeout(timer);
    release();
  }
}

/**
 * Takes a stream of the client from its beginning. The returned function ends it and the call behind it, which has
 * to be cancelled and read out, else the client keeps it for ever.
 */
export function hold(stream: Stream<unknown>): () => void {
  let source: Source | undefined;
  let released = false;
  // Not within a call of the stream itself: grpc-js cannot be cancelled while it delivers
  const end = () =>
    setImmediate(() => {
      source?.cancel();
      source?.resume();
    });
  stream.on('error', () => {});
  stream.on('pipe', from => {
    source = from as Source;
    if (released) end();
  });
  return () => {
    released = true;
    stream.destroy();
    end();
  };
}

const READ_ATTEMPTS = 4;

/**
 * Runs a read until it succeeds, a few times within the deadline; `attempt` gets the ms that are left.
 * @throws StrongroomError LOG_UNAVAILABLE when the server does not answer
 */
export async function reading<T>(
  connection: Connection,
  attempt: (remainingMs: number) => Promise<T>,
): Promise<T> {
  const until = Date.now() + connection.deadlineMs;
  for (let tries = 1; ; tries++) {
    mustBeOpen(connection);
    try {
      const left = until - Date.now();
      return await within(left, attempt(left));
    } catch (error) {
      if (tries >= READ_ATTEMPTS || !mayPass(error) || Date.now() >= until)
        throw asRefusal(connection, error);
    }
    await pause(backoff(tries), connection.closing);
  }
}

export function mustBeOpen(connection: Connection): void {
  if (connection.closing.aborted) throw refuse('LOG_UNAVAILABLE', 'the event log was closed');
}

/** Whether trying again can help: everything but refusals, since the client wraps what it does not know. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof StrongroomError || error instanceof AccessDeniedError);
}

/** As the port has it: LOG_UNAVAILABLE with a reason, unless it is a refusal already. */
export function asRefusal(connection: Connection, error: unknown): StrongroomError {
  if (isRefusal(error)) return error;
  if (connection.closing.aborted) return refuse('LOG_UNAVAILABLE', 'the event log was closed');
  return new StrongroomError('LOG_UNAVAILABLE', { reason: reasonOf(error), retryAfter: 1 }, { cause: error });
}

function reasonOf(error: unknown): string {
  if (error instanceof AccessDeniedError) return 'the event store does not accept the credentials';
  if (error instanceof NotLeaderError) return 'the event store is choosing a leader';
  if (error instanceof SilentError) return 'the event store does not answer in time';
  return 'the event store cannot be reached';
}

/** ms before try `tries + 1`: doubling from 50 ms to 5 s, half of it random. */
export function backoff(tries: number): number {
  const full = Math.min(5_000, 50 * 2 ** Math.min(tries, 10));
  return full / 2 + (Math.random() * full) / 2;
}

/** Waits, or less when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
