import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteLog } from '../../src/eventlog/sqlite/log.ts';
import { eventLogContract } from '../contracts/eventlog.ts';
import { restoreContract } from '../contracts/restore.ts';

async function make() {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-log-'));
  const path = join(folder, 'events.db');
  let log = await openSqliteLog({ path });
  return {
    log,
    async reopen() {
      await log.close();
      log = await openSqliteLog({ path });
      return log;
    },
    async dispose() {
      await log.close();
      await rm(folder, { recursive: true });
    },
  };
}

eventLogContract('SQLite', make);
restoreContract('SQLite', make);
