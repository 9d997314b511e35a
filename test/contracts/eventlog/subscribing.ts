import { expect, it } from 'vitest';
import { type Current, caughtUp, collect, events, eventsOf, everything, ids, newEvents } from './support.ts';

export function subscribing(current: Current): void {
  it('says at once that an empty log is caught up', async () => {
    const { log } = current();
    expect(await collect(log, {}, caughtUp)).toEqual([{ kind: 'caughtUp', position: log.start }]);
  });

  it('delivers the history, then says that it is caught up', async () => {
    const { log } = current();
    for (let n = 0; n < 5; n++) await log.append(`s-${n}`, newEvents(3), { expected: 'none' });
    const messages = await collect(log, {}, caughtUp);
    expect(eventsOf(messages)).toEqual(await everything(log));
    expect(messages.at(-1)).toEqual({ kind: 'caughtUp', position: await log.head() });
  });

  it('delivers a history longer than a page', async () => {
    const { log } = current();
    for (let n = 0; n < 5; n++) await log.append('s', newEvents(450), { expected: 'any' });
    const messages = await collect(log, {}, caughtUp);
    expect(eventsOf(messages).map(event => event.revision)).toEqual(
      Array.from({ length: 2_250 }, (_, revision) => revision),
    );
  });

  it('resumes after a position', async () => {
    const { log } = current();
    await log.append('s', newEvents(6), { expected: 'none' });
    const all = await everything(log);
    for (const at of [0, 3, 5]) {
      const messages = await collect(log, { after: all[at]!.position }, caughtUp);
      expect(ids(eventsOf(messages))).toEqual(ids(all.slice(at + 1)));
      expect(messages.at(-1)).toEqual({ kind: 'caughtUp', position: all[5]!.position });
    }
  });

  it('filters, with a checkpoint past what it dropped', async () => {
    const { log } = current();
    await log.append('tag-1', newEvents(2), { expected: 'none' });
    await log.append('noise', newEvents(300), { expected: 'none' });
    const filter = { streamPrefixes: ['tag-'] };
    const messages = await collect(log, { filter }, caughtUp);
    expect(eventsOf(messages).map(event => event.stream)).toEqual(['tag-1', 'tag-1']);
    const head = await log.head();
    expect(messages.at(-1)).toEqual({ kind: 'caughtUp', position: head });
    // Live, a dropped event moves the safe position too
    const { position } = await log.append('noise', newEvents(1), { expected: 'any' });
    const live = await collect(
      log,
      { filter, after: head },
      message => message.kind !== 'event' && message.position >= position,
    );
    expect(eventsOf(live)).toEqual([]);
  });

  it('never names a checkpoint above an event that it delivers later', async () => {
    const { log } = current();
    const filter = { streamPrefixes: ['tag-'] };
    const write = (async () => {
      for (let n = 0; n < 40; n++) {
        await log.append(n % 5 === 0 ? 'tag-1' : 'noise', newEvents(2), { expected: 'any' });
      }
    })();
    const messages = await collect(log, { filter }, events(16));
    await write;
    let safe = log.start;
    for (const message of messages) {
      if (message.kind === 'event') expect(message.event.position > safe).toBe(true);
      else expect(message.position >= safe).toBe(true);
      safe = message.kind === 'event' ? message.event.position : message.position;
    }
    expect(eventsOf(messages)).toHaveLength(16);
  });
}
