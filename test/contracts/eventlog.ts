/**
 * The contract of the event log port (src/eventlog/port.ts), run over every adapter.
 * An adapter's test is one call; what only that adapter has is tested beside the call.
 */
import { afterEach, beforeEach, describe } from 'vitest';
import { appending } from './eventlog/appending.ts';
import { appendingInOrder } from './eventlog/appending-in-order.ts';
import { awkwardInput } from './eventlog/awkward-input.ts';
import { followingLive } from './eventlog/following-live.ts';
import { lifetime } from './eventlog/lifetime.ts';
import { reading } from './eventlog/reading.ts';
import { reopening } from './eventlog/reopening.ts';
import { repeating } from './eventlog/repeating.ts';
import { subscribing } from './eventlog/subscribing.ts';
import type { ContractLimits, LogUnderTest } from './eventlog/support.ts';

export * from './eventlog/support.ts';

/** Registers the whole suite for one adapter; `make` gives a new, empty log for each test. */
export function eventLogContract(
  name: string,
  make: () => Promise<LogUnderTest>,
  limits: ContractLimits = {},
): void {
  describe(`event log contract: ${name}`, () => {
    let under: LogUnderTest | undefined;
    const current = () => under!;
    beforeEach(async () => {
      under = undefined;
      under = await make();
    }, 30_000);
    afterEach(() => under?.dispose(), 30_000);

    appending(current);
    appendingInOrder(current, limits);
    reading(current);
    awkwardInput(current);
    repeating(current, limits);
    subscribing(current);
    followingLive(current);
    lifetime(current);
    if (limits.durable !== false) reopening(current);
  });
}
