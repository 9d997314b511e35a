/** Evidence in the file of the embedded event log: a put joins the group commit of the appends. */
import type { SqliteLog } from '../eventlog/sqlite/log.ts';
import type { EvidenceStore } from './port.ts';
import type { EvidenceRows } from './rows.ts';
import type { PersonKeys } from './seal.ts';
import { createEvidence } from './store.ts';

/** Plain digests that are remembered; parameters and results are the same at most decisions. */
const REMEMBERED = 1_000;

export function createSqliteEvidence(log: Pick<SqliteLog, 'evidence'>, keys?: PersonKeys): EvidenceStore {
  return createEvidence(remembering(log.evidence), keys);
}

/** Does not write again what this process knows to be durable. No other process writes to the file, or removes from it. */
function remembering(rows: EvidenceRows): EvidenceRows {
  const durable = new Set<string>();
  let removals = 0;
  return {
    ...rows,
    async put(row) {
      if (row.owner !== '') return rows.put(row);
      const before = removals;
      if (!durable.delete(row.digest)) await rows.put(row);
      // what was removed while it was being written may be gone again
      if (before === removals) durable.add(row.digest);
      const [oldest] = durable;
      if (durable.size > REMEMBERED && oldest !== undefined) durable.delete(oldest);
    },
    remove(digests) {
      removals += 1;
      for (const digest of digests) durable.delete(digest);
      return rows.remove(digests);
    },
  };
}
