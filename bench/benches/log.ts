/** The event log itself: how much better many callers do than one, since their events share a sync of the disk. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openSqliteLog } from '../../src/eventlog/sqlite/log.ts';
import { metaOf, sha } from '../../test/projections/history.ts';
import { atLeast, type Bench, interleave, ratio } from '../bench.ts';
import { during } from '../client.ts';

export const log: Bench = {
  name: 'log',
  async run({ rounds, seconds, folder }) {
    const events = await openSqliteLog({ path: join(folder, 'appends', 'log.db') });
    let count = 0;
    const append = async () => {
      const canonical = sha(`blob ${count++}`);
      const data = {
        repositoryId: 'r',
        canonical,
        size: 1,
        via: 'upload',
        leaseUntil: '2026-01-01T00:00:00Z',
      };
      const event = { id: randomUUID(), type: 'BlobLinked', version: 1, data, meta: metaOf() };
      await events.append(`link-r/${canonical}`, [event], { expected: 'none' });
    };
    const callers = [1, 64].map(workers => ({ name: `${workers} callers`, workers }));
    try {
      const samples = await interleave(rounds, callers, async ({ workers }) => {
        const began = performance.now();
        const times = await during(seconds, workers, append);
        return times.length / ((performance.now() - began) / 1000);
      });
      const target = atLeast(5, ratio(samples, '64 callers', '1 callers'));
      return [{ what: 'durable appends', unit: 'events/s', samples, target }];
    } finally {
      await events.close();
    }
  },
};
