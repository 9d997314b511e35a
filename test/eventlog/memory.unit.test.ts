import { expect, it } from 'vitest';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import { collect, eventLogContract, newEvents } from '../contracts/eventlog.ts';

async function make() {
  const log = createMemoryLog();
  return { log, dispose: () => log.close() };
}

eventLogContract('memory', make, { durable: false });

it('takes its clock from outside, and never goes back with it', async () => {
  const times = ['2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:06.000Z'];
  const log = createMemoryLog({ now: () => new Date(times.shift() ?? 0) });
  for (let n = 0; n < 3; n++) await log.append('s', newEvents(1), { expected: 'any' });
  expect((await log.readStream('s')).map(event => event.recordedAt)).toEqual([
    '2026-01-02T03:04:05.678Z',
    '2026-01-02T03:04:05.678Z',
    '2026-01-02T03:04:06.000Z',
  ]);
});

it('says that a reader is caught up only when nothing came while it read', async () => {
  const log = createMemoryLog();
  await log.append('s', newEvents(1), { expected: 'none' });
  const seen: string[] = [];
  await collect(log, {}, message => {
    seen.push(message.kind);
    // A slow reader: something is appended while it works on the last event it knows of
    if (seen.length < 3) void log.append('s', newEvents(1), { expected: 'any' });
    return message.kind === 'caughtUp';
  });
  expect(seen).toEqual(['event', 'event', 'event', 'caughtUp']);
});
