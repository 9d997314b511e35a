/** A realistic history folded into all views, as a rebuild does it. */
import { join } from 'node:path';
import { openSqliteLog } from '../../src/eventlog/sqlite/log.ts';
import { createRunner } from '../../src/projections/runner.ts';
import { openViews } from '../../src/projections/store.ts';
import { History } from '../../test/projections/history.ts';
import { atLeast, type Bench } from '../bench.ts';
import { recordedEvents } from '../history.ts';
import { summarise } from '../stats.ts';

const EVENTS = 100_000;

export const replay: Bench = {
  name: 'replay',
  async run({ rounds, folder }) {
    const log = await openSqliteLog({ path: join(folder, 'replay', 'log.db') });
    try {
      const { appends } = new History(7).run(EVENTS);
      await log.restore({ logId: log.logId, epoch: 1 }, recordedEvents(appends));
      const count = appends.reduce((sum, { events }) => sum + events.length, 0);
      const rates: number[] = [];
      for (let round = 0; round < Math.min(rounds, 3); round++) {
        const store = await openViews({ url: `sqlite:${join(folder, 'replay', `views-${round}.db`)}` });
        const began = performance.now();
        const runner = createRunner({ log, store });
        await runner.started;
        rates.push(count / ((performance.now() - began) / 1000));
        await runner.close();
        await store.close();
      }
      return [
        {
          what: `replay of ${count.toLocaleString('en')} events into all views`,
          unit: 'events/s',
          samples: { strongroom: rates },
          target: atLeast(20_000, summarise(rates).median, ''),
        },
      ];
    } finally {
      await log.close();
    }
  },
};
