import { expect, it } from 'vitest';
import { isRefusal } from '../../../src/domain/errors.ts';
import type { SubscriptionMessage } from '../../../src/eventlog/port.ts';
import { type Current, newEvents } from './support.ts';

/** Reads until the subscription ends; fails when it does not end in time. */
async function ended(
  subscription: AsyncIterable<SubscriptionMessage>,
  onCaughtUp: () => void,
): Promise<void> {
  const drain = (async () => {
    for await (const message of subscription) if (message.kind === 'caughtUp') onCaughtUp();
  })();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the subscription did not end')), 5_000);
  });
  await Promise.race([drain, late]).finally(() => clearTimeout(timer));
}

export function lifetime(current: Current): void {
  it('ends a subscription when its signal aborts, before and while it waits', async () => {
    const { log } = current();
    await log.append('s', newEvents(3), { expected: 'none' });
    await ended(log.subscribe({ signal: AbortSignal.abort() }), () => {
      throw new Error('an aborted subscription delivered');
    });
    const stop = new AbortController();
    await ended(log.subscribe({ signal: stop.signal }), () => setTimeout(() => stop.abort(), 5));
    // The log itself goes on
    await log.append('s', newEvents(1), { expected: 2 });
  });

  it('can be left with break', async () => {
    const { log } = current();
    await log.append('s', newEvents(3), { expected: 'none' });
    for await (const message of log.subscribe()) if (message.kind === 'event') break;
    expect(await log.readStream('s')).toHaveLength(3);
  });

  it('ends waiting subscriptions without an error when it is closed', async () => {
    const { log } = current();
    await log.append('s', newEvents(1), { expected: 'none' });
    let closing: Promise<void> | undefined;
    await ended(log.subscribe(), () => {
      closing ??= log.close();
    });
    await closing;
  });

  it('refuses everything after it was closed, and may be closed twice', async () => {
    const { log } = current();
    await log.append('s', newEvents(1), { expected: 'none' });
    await log.close();
    await log.close();
    const calls = [
      () => log.append('s', newEvents(1), { expected: 'any' }),
      () => log.readAll(),
      () => log.readStream('s'),
      () => log.head(),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toSatisfy(error => isRefusal(error, 'LOG_UNAVAILABLE'));
    }
  });

  it('has an identity of its own', async () => {
    const { log } = current();
    expect(log.logId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(log.epoch).toBe(1);
  });
}
