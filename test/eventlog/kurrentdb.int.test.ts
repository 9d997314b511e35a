import { openKurrentLog } from '../../src/eventlog/kurrentdb/log.ts';
import { eventLogContract } from '../contracts/eventlog.ts';
import { startKurrentDouble } from '../support/kurrentdb-double.ts';

async function make() {
  const double = await startKurrentDouble();
  let log = await openKurrentLog({ url: double.url });
  return {
    log,
    reopen: async () => {
      await log.close();
      log = await openKurrentLog({ url: double.url });
      return log;
    },
    dispose: async () => {
      await log.close();
      await double.close();
    },
  };
}

eventLogContract('KurrentDB (double)', make, { groups: false });
