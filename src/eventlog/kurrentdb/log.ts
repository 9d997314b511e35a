/**
 * The event log in KurrentDB (EventStoreDB). The server is Strongroom's alone; from version 23.10 it announces when
 * subscribers are caught up, with older ones (from 22.6) that takes a moment longer.
 *
 * What differs from the other adapters, because the server has no index of event ids:
 *  - A repeated id is found (a) among the ids that this process wrote, read or delivered, the latest 50,000 of them,
 *    in any stream; (b) among the last 512 events of the stream that is written to, which are looked through when
 *    they are not known yet; (c) by the server itself, when the same ids come at the same expected revision. An id
 *    that returns later than all of these, or in another stream after a restart, is written a second time.
 *  - `repeated` is exact for what this process has met. If another process wrote the same ids at the same revision and
 *    nothing of it was read here since, the result is the first one but says `repeated: false`.
 *  - `any` and `exists` read the stream's last revision and follow it for at most 20 conflicts with other processes.
 *  - `recordedAt` is the server's time. Where its clock went back (a new leader), times repeat the latest one of the
 *    same page, stream read or subscription; a reading that starts later does not know it, and shows the earlier time.
 *  - Appends in order are made one after another: when the process dies, the first few may be there.
 *  - One append has at most 1 MiB with the server's default settings, TooLargeError beyond.
 *  - A LOG_UNAVAILABLE append may still have been written, or be written later, when the server had it and did not
 *    answer: appending the same ids again settles it.
 */
import type { Credentials } from '@eventstore/db-client';
import type { EventLog } from '../port.ts';
import { Appender } from './appender.ts';
import { connect } from './connection.ts';
import { type Identity, identify } from './identity.ts';
import { KnownIds } from './known-ids.ts';
import { START } from './positions.ts';
import { Reader } from './reader.ts';
import { supervise } from './subscription.ts';

export interface KurrentLogOptions {
  /** e.g. `esdb://user:password@host:2113?tls=true`, `esdb+discover://…`, or the same with `kurrentdb` */
  readonly url: string;
  /** instead of those in the URL */
  readonly credentials?: Credentials;
  /** ms in which one append or read answers or fails; default 5000 */
  readonly deadlineMs?: number;
  /** ms of silence after which a subscription is checked; default 5000 */
  readonly idleMs?: number;
  /** how many event ids are remembered; default 50,000 */
  readonly rememberIds?: number;
  /** set by a restore: who the log is from now on */
  readonly restored?: Identity;
}

/**
 * Opens the log, and gives a new one its identity.
 * @throws StrongroomError LOG_UNAVAILABLE when the server does not answer, REQUEST_INVALID for a bad URL
 */
export async function openKurrentLog(options: KurrentLogOptions): Promise<EventLog> {
  const { url, credentials, deadlineMs = 5_000, idleMs = 5_000, rememberIds = 50_000, restored } = options;
  const connection = connect({ url, credentials, deadlineMs });
  const known = new KnownIds(rememberIds);
  const reader = new Reader(connection, known);
  const appender = new Appender(connection, reader, known);
  let identity: Identity;
  try {
    identity = await identify(connection, restored);
    await reader.head();
  } catch (error) {
    await connection.close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    ...identity,
    start: START,
    append: (stream, events, { expected }) => appender.append(stream, events, expected),
    appendInOrder: appends => appender.appendInOrder(appends),
    readStream: (stream, { from = 0, limit = Number.POSITIVE_INFINITY } = {}) =>
      reader.stream(stream, from, limit),
    readAll: page => reader.page(page),
    head: () => reader.head(),
    subscribe: (subscription = {}) => supervise({ connection, reader, idleMs }, subscription),
    close: () => {
      connection.shut();
      closing ??= appender.idle().then(() => connection.close());
      return closing;
    },
  };
}
