/** Histories for a log that is filled in one transaction, as a restore does it. */
import type { NewEvent, RecordedEvent } from '../src/eventlog/port.ts';

interface Append {
  readonly stream: string;
  readonly events: readonly NewEvent[];
}

const BATCH = 500;

/** As an archive holds them: with their places in their streams. Times are all the same. */
export async function* recordedEvents(
  appends: Iterable<Append>,
  before: readonly RecordedEvent[] = [],
): AsyncGenerator<readonly RecordedEvent[]> {
  const revisions = new Map<string, number>();
  for (const { stream, revision } of before) revisions.set(stream, revision);
  const recordedAt = before.at(-1)?.recordedAt ?? '2026-01-01T00:00:00.000Z';
  let batch: RecordedEvent[] = [...before];
  for (const { stream, events } of appends) {
    for (const event of events) {
      const revision = (revisions.get(stream) ?? -1) + 1;
      revisions.set(stream, revision);
      batch.push({ ...event, stream, revision, recordedAt, position: '' });
    }
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}
