/** Evidence in PostgreSQL, in a schema of its own. */
import pg from 'pg';
import { isRefusal, refuse } from '../domain/errors.ts';
import { migrate, type Schema } from '../eventlog/postgres/migrations.ts';
import { poolConfig, unavailable } from '../eventlog/postgres/session.ts';
import type { EvidenceStore } from './port.ts';
import type { EvidenceRow, EvidenceRows } from './rows.ts';
import type { PersonKeys } from './seal.ts';
import { createEvidence } from './store.ts';

const EVIDENCE_SCHEMA: Schema = {
  name: 'strongroom_evidence',
  migrations: [
    `CREATE TABLE strongroom_evidence.evidence (
       digest text COLLATE "C" NOT NULL,
       owner text COLLATE "C" NOT NULL,
       body bytea NOT NULL,
       PRIMARY KEY (digest, owner)
     );`,
    // and with it the right to delete, below
    `COMMENT ON TABLE strongroom_evidence.evidence IS 'written once; removed are only records of downloads, by retention';`,
  ],
  grants: [
    'GRANT USAGE ON SCHEMA strongroom_evidence TO %app',
    'GRANT SELECT ON ALL TABLES IN SCHEMA strongroom_evidence TO %app',
    'GRANT INSERT, DELETE ON strongroom_evidence.evidence TO %app',
    'REVOKE UPDATE, TRUNCATE ON strongroom_evidence.evidence FROM %app',
  ],
};

export interface PostgresEvidence extends EvidenceStore {
  close(): Promise<void>;
}

/**
 * Opens the store, creating or migrating its table. Urls as for the event log.
 * @throws StrongroomError STORAGE_UNAVAILABLE
 */
export async function openPostgresEvidence(
  options: { readonly url: string; readonly ownerUrl?: string },
  keys?: PersonKeys,
): Promise<PostgresEvidence> {
  await storage(() => migrate(EVIDENCE_SCHEMA, options));
  const pool = new pg.Pool({ ...poolConfig(options.url), application_name: 'strongroom evidence' });
  // An idle connection that breaks is replaced at the next query: without a listener it would end the process
  pool.on('error', () => {});
  let closing: Promise<void> | undefined;
  return {
    ...createPostgresEvidence(pool, keys),
    close() {
      closing ??= pool.end();
      return closing;
    },
  };
}

/** The store over a pool of the caller, whose database has the table already. */
export function createPostgresEvidence(pool: pg.Pool, keys?: PersonKeys): EvidenceStore {
  return createEvidence(rowsIn(pool), keys);
}

function rowsIn(pool: pg.Pool): EvidenceRows {
  const query = <R extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) =>
    storage(() => pool.query<R>({ name, text, values }));
  const table = 'strongroom_evidence.evidence';
  return {
    async put({ digest, owner, body }) {
      const text = `INSERT INTO ${table} (digest, owner, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`;
      await query('put-evidence', text, [
        digest,
        owner,
        Buffer.from(body.buffer, body.byteOffset, body.length),
      ]);
    },
    async copies(digest) {
      const text = `SELECT digest, owner, body FROM ${table} WHERE digest = $1 ORDER BY owner`;
      return (await query<EvidenceRow>('get-evidence', text, [digest])).rows;
    },
    async remove(digests) {
      await query('remove-evidence', `DELETE FROM ${table} WHERE owner = '' AND digest = ANY ($1)`, [
        digests,
      ]);
    },
    async digests(after, limit) {
      const text = `SELECT DISTINCT digest FROM ${table} WHERE digest > $1 ORDER BY digest LIMIT $2`;
      const { rows } = await query<{ digest: string }>('list-evidence', text, [after, limit]);
      return rows.map(row => row.digest);
    },
  };
}

async function storage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const refusal = unavailable(error);
    throw isRefusal(refusal, 'LOG_UNAVAILABLE') ? refuse('STORAGE_UNAVAILABLE', refusal.detail) : refusal;
  }
}
