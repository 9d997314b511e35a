import { expect, it } from 'vitest';
import { isRefusal } from '../../../src/domain/errors.ts';
import {
  type Current,
  caughtUp,
  collect,
  eventsOf,
  everything,
  type LogUnderTest,
  newEvents,
} from './support.ts';

function durable(current: Current): Required<LogUnderTest> {
  const { log, reopen, dispose } = current();
  if (!reopen) throw new Error('a durable log needs `reopen`');
  return { log, reopen, dispose };
}

export function reopening(current: Current): void {
  it('knows a repeated id after the log was opened again', async () => {
    const { log, reopen } = durable(current);
    const batch = newEvents(2);
    const first = await log.append('s', batch, { expected: 'none' });
    const again = await reopen();
    expect(await again.append('s', batch, { expected: 'none' })).toEqual({ ...first, repeated: true });
  });

  it('finishes the appends that run when it is closed', async () => {
    const { log, reopen } = durable(current);
    const appends = Array.from({ length: 20 }, (_, n) =>
      log.append(`s-${n}`, newEvents(1), { expected: 'none' }),
    );
    const closing = log.close();
    const outcomes = await Promise.allSettled(appends);
    await closing;
    const acknowledged = outcomes.flatMap(outcome =>
      outcome.status === 'fulfilled' ? [outcome.value.position] : [],
    );
    const kept = (await everything(await reopen())).map(event => event.position);
    expect(kept).toEqual(expect.arrayContaining(acknowledged));
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(isRefusal(outcome.reason, 'LOG_UNAVAILABLE')).toBe(true);
    }
  });

  it('keeps everything, and who it is, when it is opened again', async () => {
    const { log, reopen } = durable(current);
    for (let n = 0; n < 5; n++) await log.append(`s-${n % 2}`, newEvents(2), { expected: 'any' });
    const before = await everything(log);
    const { logId, epoch, start } = log;
    const head = await log.head();
    const again = await reopen();
    expect(await everything(again)).toEqual(before);
    expect({ logId: again.logId, epoch: again.epoch, start: again.start }).toEqual({ logId, epoch, start });
    expect(await again.head()).toBe(head);
    const next = await again.append('s-1', newEvents(1), { expected: 3 });
    expect(next.position > head).toBe(true);
    expect(eventsOf(await collect(again, { after: head }, caughtUp))).toHaveLength(1);
  });
}
