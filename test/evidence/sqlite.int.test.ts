import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteLog } from '../../src/eventlog/sqlite/log.ts';
import { createSqliteEvidence } from '../../src/evidence/sqlite.ts';
import { evidenceContract } from '../contracts/evidence.ts';

evidenceContract('SQLite', async keys => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-evidence-'));
  const path = join(folder, 'events.db');
  let log = await openSqliteLog({ path });
  return {
    store: createSqliteEvidence(log, keys),
    async reopen() {
      await log.close();
      log = await openSqliteLog({ path });
      return createSqliteEvidence(log, keys);
    },
    async rawBytes() {
      await log.close();
      const files = await readdir(folder);
      return Buffer.concat(await Promise.all(files.map(file => readFile(join(folder, file)))));
    },
    async dispose() {
      await log.close();
      await rm(folder, { recursive: true });
    },
  };
});
