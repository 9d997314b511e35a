/** The administration of generations in PostgreSQL: which there are, who builds, which serves, what is dropped. */
import type pg from 'pg';
import { inTransaction, quoted } from '../sql/postgres.ts';
import { createIndexSql, createTableSql } from './ddl.ts';
import { type Identity, ReplacedError } from './port.ts';
import type { AnyView } from './view.ts';

/** How long a generation of another shape may be unused before it is dropped: longer than a rolling upgrade's pause. */
const OTHER_SHAPE_MS = 10 * 60_000;

interface GenerationRow {
  readonly number: number;
  readonly shape: string;
  readonly logId: string;
  readonly epoch: number;
}

export interface Administration {
  readonly pool: pg.Pool;
  /** quoted name of the table of generations */
  readonly table: string;
  readonly schemaOf: (number: number) => string;
  /** advisory lock: who holds it builds */
  readonly lockName: string;
}

/** An advisory lock, held by a connection while this node builds; a node that dies gives it back. */
export function builderLocks({ pool, lockName }: Administration) {
  let holder: pg.PoolClient | undefined;
  async function release(): Promise<void> {
    const client = holder;
    holder = undefined;
    if (!client) return;
    const failure = await client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [lockName]).then(
      () => undefined,
      (error: Error) => error,
    );
    client.release(failure);
  }
  return {
    release,
    /** undefined: somebody else holds it. When `work` fails, it is given back */
    async whenFree<T>(work: () => Promise<T>): Promise<T | undefined> {
      if (holder) return undefined;
      const client = await pool.connect();
      try {
        const { rows } = await client.query<{ locked: boolean }>(
          'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked',
          [lockName],
        );
        if (!rows[0]?.locked) {
          client.release();
          return undefined;
        }
        holder = client;
      } catch (error) {
        client.release(error as Error);
        throw error;
      }
      try {
        return await work();
      } catch (error) {
        await release();
        throw error;
      }
    },
  };
}

/** While the row of the serving generation is locked, no node can move it: so the new one can pass it. */
export async function flip(
  { pool, table }: Administration,
  { number, shape, catchUp }: { number: number; shape: string; catchUp: () => Promise<void> },
): Promise<void> {
  await inTransaction(pool, async client => {
    const ofShape = `"shape" = $1 AND "status" = 'serving'`;
    await client.query(`SELECT 1 FROM ${table} WHERE ${ofShape} FOR UPDATE`, [shape]);
    await catchUp();
    await client.query(`UPDATE ${table} SET "status" = 'replaced', "usedAt" = now() WHERE ${ofShape}`, [
      shape,
    ]);
    await client.query(`UPDATE ${table} SET "status" = 'serving' WHERE "number" = $1`, [number]);
  });
}

export async function tend(
  admin: Administration,
  { number, shape, graceMs }: { number: number; shape: string; graceMs: number },
): Promise<void> {
  const { pool, table } = admin;
  const used = await pool.query<{ status: string }>(
    `UPDATE ${table} SET "usedAt" = now() WHERE "number" = $1 RETURNING "status"`,
    [number],
  );
  const { rows } = await pool.query<{ number: number }>(
    `SELECT "number" FROM ${table} WHERE "number" <> $1 AND (
       ("status" = 'replaced' AND "usedAt" < now() - $2 * interval '1 millisecond') OR
       ("shape" <> $4 AND "usedAt" < now() - $3 * interval '1 millisecond'))`,
    [number, graceMs, OTHER_SHAPE_MS, shape],
  );
  for (const row of rows) await drop(admin, row.number);
  if (used.rows[0]?.status !== 'serving') throw new ReplacedError();
}

export async function createAdministration(
  { pool, table, lockName }: Administration,
  schema: string,
): Promise<void> {
  await inTransaction(pool, async client => {
    // two nodes may start at once, and CREATE … IF NOT EXISTS is no protection against that
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [lockName]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`);
    await client.query(`CREATE TABLE IF NOT EXISTS ${table} (
      "number" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      "shape" text NOT NULL, "logId" text NOT NULL, "epoch" bigint NOT NULL,
      "status" text NOT NULL CHECK ("status" IN ('building', 'serving', 'replaced')),
      "checkpoint" text COLLATE "C" NOT NULL,
      "usedAt" timestamptz NOT NULL DEFAULT now())`);
  });
}

export async function findServing(
  { pool, table, schemaOf }: Administration,
  { shape, logId, epoch }: Identity,
  tables: number,
): Promise<{ number: number } | { reason: string }> {
  const { rows } = await pool.query<GenerationRow>(
    `SELECT * FROM ${table} WHERE "status" = 'serving' ORDER BY "number" DESC`,
  );
  const ours = rows.find(row => row.shape === shape);
  if (!ours) return { reason: rows.length ? 'the views were of another shape' : 'there are no views yet' };
  if (ours.logId !== logId) return { reason: 'the views were of another log' };
  if (ours.epoch !== epoch) return { reason: `the log was restored (epoch ${ours.epoch} became ${epoch})` };
  const { rows: there } = await pool.query('SELECT 1 FROM pg_tables WHERE schemaname = $1', [
    schemaOf(ours.number),
  ]);
  if (there.length !== tables) return { reason: 'tables of the views were missing' };
  return { number: ours.number };
}

/** Under the builder's lock: what others left unfinished is theirs no longer. */
export async function createGeneration(
  admin: Administration,
  definitions: readonly AnyView[],
  { shape, logId, epoch, checkpoint }: Identity & { checkpoint: string },
): Promise<number> {
  const { pool, table, schemaOf } = admin;
  const left = await pool.query<{ number: number }>(
    `SELECT "number" FROM ${table} WHERE "status" = 'building'`,
  );
  for (const { number } of left.rows) await drop(admin, number);
  return inTransaction(pool, async client => {
    const { rows } = await client.query<{ number: number }>(
      `INSERT INTO ${table} ("shape", "logId", "epoch", "status", "checkpoint")
       VALUES ($1, $2, $3, 'building', $4) RETURNING "number"`,
      [shape, logId, epoch, checkpoint],
    );
    const number = rows[0]!.number;
    const schema = quoted(schemaOf(number));
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await client.query(`CREATE SCHEMA ${schema}`);
    for (const view of definitions) await client.query(createTableSql(view.table, 'postgres', `${schema}.`));
    return number;
  });
}

/** Before it serves: building indexes over finished tables is faster, and the planner needs its statistics. */
export async function createIndexes(
  { pool, schemaOf }: Administration,
  definitions: readonly AnyView[],
  number: number,
): Promise<void> {
  const prefix = `${quoted(schemaOf(number))}.`;
  for (const { table } of definitions) {
    for (const index of table.indexes) await pool.query(createIndexSql(table, index, prefix));
    await pool.query(`ANALYZE ${prefix}${quoted(table.name)}`);
  }
}

export async function drop({ pool, table, schemaOf }: Administration, number: number): Promise<void> {
  await inTransaction(pool, async client => {
    await client.query(`DELETE FROM ${table} WHERE "number" = $1`, [number]);
    await client.query(`DROP SCHEMA IF EXISTS ${quoted(schemaOf(number))} CASCADE`);
  });
}
