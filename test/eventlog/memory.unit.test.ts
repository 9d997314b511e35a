import { expect, it } from 'vitest';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import { eventLogContract, newEvents } from '../contracts/eventlog.ts';

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
