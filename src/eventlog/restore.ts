/** What a log can do when an installation is restored from a backup; not part of the port that the system runs on. */
import { type EncodedEvent, encodeEvent } from './checks.ts';
import type { EventLog, Position, RecordedEvent } from './port.ts';

export interface LogIdentity {
  readonly logId: string;
  readonly epoch: number;
}

export interface RestorableLog extends EventLog {
  /**
   * Fills this empty log, all or nothing, and takes over the identity (the caller raises the epoch). Order,
   * revisions, ids and times stay as they were; positions are given anew, densely, so they stay the same between
   * logs that number densely. Nothing else may use the log meanwhile.
   * @returns the new head
   * @throws StrongroomError STATE_CONFLICT when the log is not empty
   * @throws StrongroomError REQUEST_INVALID when the events are not a log (a revision or a time out of order)
   */
  restore(identity: LogIdentity, batches: AsyncIterable<readonly RecordedEvent[]>): Promise<Position>;
}

/** An event of an archive as it will be stored: its place in the stream and its time are given. */
export interface ArchivedEvent extends EncodedEvent {
  readonly stream: string;
  readonly revision: number;
  readonly recordedAt: string;
}

/** @throws as `encodeEvent` does */
export function archived(event: RecordedEvent): ArchivedEvent {
  const { stream, revision, recordedAt } = event;
  return { ...encodeEvent(event), stream, revision, recordedAt };
}
