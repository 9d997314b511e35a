import { expect, it } from 'vitest';
import type { RecordedEvent } from '../../../src/eventlog/port.ts';
import { type Current, collect, events, eventsOf, everything, ids, newEvents } from './support.ts';

export function followingLive(current: Current): void {
  it('delivers what is appended while it waits', async () => {
    const { log } = current();
    await log.append('s', newEvents(1), { expected: 'none' });
    const stop = new AbortController();
    const seen: RecordedEvent[] = [];
    let appended = false;
    for await (const message of log.subscribe({ signal: stop.signal })) {
      if (message.kind === 'event') seen.push(message.event);
      if (message.kind === 'caughtUp' && !appended) {
        appended = true;
        await log.append('s', newEvents(2, { type: 'Later' }), { expected: 0 });
      }
      if (seen.length === 3) stop.abort();
    }
    expect(seen).toEqual(await everything(log));
  });

  it('misses nothing and repeats nothing while several slow writers interleave', async () => {
    const { log } = current();
    const writers = 6;
    const rounds = 12;
    const total = writers * rounds * 2;
    const writer = async (number: number) => {
      for (let round = 0; round < rounds; round++) {
        // Uneven pauses, so that a slow append is overtaken by later ones
        if ((round + number) % 3 === 0) await new Promise(resolve => setTimeout(resolve, number));
        const size = (round + number) % 2 === 0 ? 1 : 3;
        await log.append(`w-${number}`, newEvents(size, { meta: { pad: 'x'.repeat(number * 2_000) } }), {
          expected: 'any',
        });
      }
    };
    const subscribers = [collect(log, {}, events(total))];
    const writing = Array.from({ length: writers }, (_, number) => writer(number));
    subscribers.push(collect(log, {}, events(total)));
    await writing[0];
    subscribers.push(collect(log, {}, events(total)));
    await Promise.all(writing);
    const all = await everything(log);
    expect(all).toHaveLength(total);
    subscribers.push(collect(log, {}, events(total)));
    for (const messages of await Promise.all(subscribers)) expect(ids(eventsOf(messages))).toEqual(ids(all));
  }, 20_000);

  it('loses nothing over many interruptions, resuming after the last event seen', async () => {
    const { log } = current();
    const write = (async () => {
      for (let n = 0; n < 60; n++) await log.append(`s-${n % 3}`, newEvents(1), { expected: 'any' });
    })();
    const seen: RecordedEvent[] = [];
    while (seen.length < 60) {
      const after = seen.at(-1)?.position ?? log.start;
      seen.push(...eventsOf(await collect(log, { after }, events(Math.min(7, 60 - seen.length)))));
    }
    await write;
    expect(ids(seen)).toEqual(ids(await everything(log)));
  });

  it('waits for a slow reader', async () => {
    const { log } = current();
    const stop = new AbortController();
    const seen: RecordedEvent[] = [];
    let writing: Promise<unknown> | undefined;
    for await (const message of log.subscribe({ signal: stop.signal })) {
      writing ??= Promise.all(
        Array.from({ length: 40 }, (_, n) => log.append(`s-${n}`, newEvents(50), { expected: 'none' })),
      );
      if (message.kind === 'event') seen.push(message.event);
      if (seen.length % 500 === 1) await new Promise(resolve => setTimeout(resolve, 2));
      if (seen.length === 2_000) stop.abort();
    }
    await writing;
    expect(ids(seen)).toEqual(ids(await everything(log, 1000)));
  }, 20_000);
}
