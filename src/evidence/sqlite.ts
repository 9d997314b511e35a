/** Evidence in the file of the embedded event log: a put joins the group commit of the appends. */
import type { SqliteLog } from '../eventlog/sqlite/log.ts';
import type { EvidenceStore } from './port.ts';
import type { PersonKeys } from './seal.ts';
import { createEvidence } from './store.ts';

export function createSqliteEvidence(log: Pick<SqliteLog, 'evidence'>, keys?: PersonKeys): EvidenceStore {
  return createEvidence(log.evidence, keys);
}
