import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { openPostgresEvidence } from '../../src/evidence/postgres.ts';
import { evidenceContract } from '../contracts/evidence.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { describeWith } from '../support/services.ts';

describeWith(['postgres'], 'PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = (await startPostgres())!;
  });
  afterAll(() => server.stop());

  evidenceContract('PostgreSQL', async keys => {
    const url = await server.database();
    let store = await openPostgresEvidence({ url }, keys);
    return {
      store,
      async reopen() {
        await store.close();
        store = await openPostgresEvidence({ url }, keys);
        return store;
      },
      async rawBytes() {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        const { rows } = await client.query('SELECT body FROM strongroom_evidence.evidence');
        await client.end();
        return Buffer.concat(rows.map(row => row.body));
      },
      dispose: () => store.close(),
    };
  });
});
