import { afterAll, beforeAll } from 'vitest';
import { openPostgresLog } from '../../src/eventlog/postgres/log.ts';
import { eventLogContract } from '../contracts/eventlog.ts';
import { restoreContract } from '../contracts/restore.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { describeWith } from '../support/services.ts';

describeWith(['postgres'], 'PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = (await startPostgres())!;
  });
  afterAll(() => server.stop());

  async function make() {
    const url = await server.database();
    let log = await openPostgresLog({ url });
    return {
      log,
      async reopen() {
        await log.close();
        log = await openPostgresLog({ url });
        return log;
      },
      dispose: () => log.close(),
    };
  }

  eventLogContract('PostgreSQL', make);
  restoreContract('PostgreSQL', make);
});
