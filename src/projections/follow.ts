/** A subscription in batches: what is there already is taken together, what comes alone is not kept waiting. */
import { setImmediate as turn } from 'node:timers/promises';
import type { RecordedEvent, SubscriptionMessage } from '../eventlog/port.ts';

export interface Arrivals {
  readonly events: readonly RecordedEvent[];
  /** everything up to here is in this batch or one before */
  readonly to: string;
  readonly caughtUp: boolean;
}

type Step = IteratorResult<SubscriptionMessage, unknown>;

/** Ends when the subscription does, with its error when it has one. */
export async function* inBatches(
  messages: AsyncIterable<SubscriptionMessage>,
  max: number,
): AsyncGenerator<Arrivals, void, undefined> {
  const iterator = messages[Symbol.asyncIterator]();
  const next = (): Promise<Step> => {
    const step = iterator.next();
    // it is awaited with the batch after this one; until then a failure is not "unhandled"
    step.catch(() => {});
    return step;
  };
  let pending = next();
  for (let first = await pending; !first.done; first = await pending) {
    const batch = new Batch();
    // a turn of the event loop: time enough for what is in memory, too short for anybody to notice
    const soon: Promise<undefined> = turn(undefined);
    let step: Step | undefined = first;
    while (step && !step.done && batch.takes(step.value, max)) {
      pending = next();
      step = await Promise.race([pending, soon]);
    }
    if (batch.full(max)) pending = next();
    yield batch;
  }
}

class Batch implements Arrivals {
  readonly events: RecordedEvent[] = [];
  to = '';
  caughtUp = false;

  /** Adds the message; false when the batch ends with it. */
  takes(message: SubscriptionMessage, max: number): boolean {
    this.to = message.kind === 'event' ? message.event.position : message.position;
    this.caughtUp = message.kind === 'caughtUp';
    if (message.kind === 'event') this.events.push(message.event);
    return !this.full(max);
  }

  full(max: number): boolean {
    return this.caughtUp || this.events.length >= max;
  }
}
