/** From the start of the process until it listens: on an empty folder, and with a hundred thousand artifacts. */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordedEvent } from '../../src/eventlog/port.ts';
import { openSqliteLog } from '../../src/eventlog/sqlite/log.ts';
import { createRunner } from '../../src/projections/runner.ts';
import { openViews } from '../../src/projections/store.ts';
import { startRegistry } from '../../test/support/registry.ts';
import { pushesOf } from '../artifacts.ts';
import { atMost, type Bench } from '../bench.ts';
import { recordedEvents } from '../history.ts';
import { summarise } from '../stats.ts';

const ARTIFACTS = 100_000;

export const start: Bench = {
  name: 'start',
  async run({ rounds, folder }) {
    const empty: number[] = [];
    const full: number[] = [];
    for (let round = 0; round < rounds; round++)
      empty.push(await startAndStop(join(folder, `empty-${round}`)));
    const data = join(folder, 'full');
    await startAndStop(data);
    await fill(data);
    for (let round = 0; round < rounds; round++) full.push(await startAndStop(data));
    const row = (what: string, samples: number[], limit: number) => ({
      what: `start, ${what}`,
      unit: 's',
      samples: { strongroom: samples },
      target: atMost(limit, summarise(samples).median, ' s'),
    });
    return [row('empty', empty, 1), row(`${ARTIFACTS.toLocaleString('en')} artifacts`, full, 2)];
  },
};

/** Seconds until it listens. */
async function startAndStop(data: string): Promise<number> {
  const began = performance.now();
  const registry = await startRegistry({ data });
  const took = (performance.now() - began) / 1000;
  await registry.stop({ keep: true });
  return took;
}

/** Puts a log in the place of the first one that goes on with as many pushes. */
async function fill(data: string): Promise<void> {
  const [path, other] = [join(data, 'log.db'), join(data, 'filled.db')];
  const first = await openSqliteLog({ path });
  const events: RecordedEvent[] = [];
  for (let after = first.start, atHead = false; !atHead; ) {
    const page = await first.readAll({ after });
    events.push(...page.events);
    ({ next: after, atHead } = page);
  }
  const identity = { logId: first.logId, epoch: first.epoch };
  await first.close();
  const created = events.find(({ type, data: of }) => type === 'RepositoryCreated' && of.name === 'oci');
  const filled = await openSqliteLog({ path: other });
  const pushes = pushesOf(ARTIFACTS, String(created?.data.repositoryId), identity.logId);
  await filled.restore(identity, recordedEvents(pushes, events));
  // the views as they are after any clean stop: built once, here
  await rm(join(data, 'views.db'), { force: true });
  const store = await openViews({ url: `sqlite:${join(data, 'views.db')}` });
  const runner = createRunner({ log: filled, store });
  await runner.started;
  await runner.close();
  await store.close();
  await filled.close();
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
  await rename(other, path);
}
