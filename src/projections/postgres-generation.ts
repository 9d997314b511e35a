/** One generation of views in PostgreSQL: rows and checkpoint move together, under the lock of its row. */
import type pg from 'pg';
import { inTransaction, quoted } from '../sql/postgres.ts';
import { foldWork, keysToLoad, keyText, type Planner, type Work } from './batch.ts';
import { columnList, upsertSql } from './ddl.ts';
import { type Generation, ReplacedError } from './port.ts';
import { type Column, decodeRow, encodeValue, type Table } from './table.ts';
import type { Key } from './view.ts';

interface Parts {
  readonly pool: pg.Pool;
  readonly number: number;
  /** quoted name of the table of generations */
  readonly table: string;
  readonly schema: string;
  readonly planner: Planner;
  readonly beforeCommit: (() => void) | undefined;
}

export function postgresGeneration({
  pool,
  number,
  table,
  schema,
  planner,
  beforeCommit,
}: Parts): Generation {
  const prefix = `${quoted(schema)}.`;
  const select = `SELECT "checkpoint", "status" FROM ${table} WHERE "number" = $1`;

  async function checkpoint(client: pg.Pool | pg.PoolClient, lock = ''): Promise<string> {
    const { rows } = await client.query<{ checkpoint: string; status: string }>(select + lock, [number]);
    if (!rows[0] || rows[0].status === 'replaced') throw new ReplacedError();
    return rows[0].checkpoint;
  }

  return {
    number,
    checkpoint: () => checkpoint(pool),
    async apply(events, { from, to }) {
      await inTransaction(pool, async client => {
        const done = await checkpoint(client, ' FOR UPDATE');
        if (to <= done) return;
        if (done < from) throw new ReplacedError();
        for (const work of planner(events.filter(event => event.position > done)))
          await applyWork(client, work, prefix);
        await client.query(`UPDATE ${table} SET "checkpoint" = $2, "usedAt" = now() WHERE "number" = $1`, [
          number,
          to,
        ]);
        beforeCommit?.();
      });
    },
  };
}

async function applyWork(client: pg.PoolClient, work: Work, prefix: string): Promise<void> {
  const { table } = work.view;
  const { upserts, deletes } = foldWork(work, await load(client, table, keysToLoad(work), prefix));
  if (deletes.length > 0)
    await client.query(
      `DELETE FROM ${prefix}${quoted(table.name)} AS t USING ${keySource(table)} WHERE ${keyJoin(table)}`,
      keyArrays(table, deletes),
    );
  if (upserts.length > 0) {
    const columns = Object.entries(table.columns);
    const source = `SELECT * FROM unnest(${columns.map(([, column], at) => parameter(column, at)).join(', ')})`;
    const values = columns.map(([name, column]) =>
      upserts.map(row => encodeValue(column, (row as Record<string, unknown>)[name])),
    );
    await client.query(upsertSql(table, source, prefix), values);
  }
}

async function load(
  client: pg.PoolClient,
  table: Table,
  keys: readonly Key[],
  prefix: string,
): Promise<Map<string, object>> {
  const found = new Map<string, object>();
  if (keys.length === 0) return found;
  const { rows } = await client.query<Record<string, string | number>>(
    `SELECT t.* FROM ${prefix}${quoted(table.name)} AS t, ${keySource(table)} WHERE ${keyJoin(table)}`,
    keyArrays(table, keys),
  );
  for (const row of rows) found.set(keyText(table.primaryKey.map(name => row[name]!)), decodeRow(table, row));
  return found;
}

/** A column's values as one array parameter, so that a statement's text does not depend on how many rows there are. */
const parameter = (column: Column, at: number) =>
  `$${at + 1}::${column.kind === 'text' || column.kind === 'json' ? 'text' : 'bigint'}[]`;

const keySource = (table: Table) =>
  `unnest(${table.primaryKey.map((name, at) => parameter(table.columns[name]!, at)).join(', ')}) ` +
  `AS k (${columnList(table.primaryKey)})`;

const keyJoin = (table: Table) =>
  table.primaryKey.map(name => `t.${quoted(name)} = k.${quoted(name)}`).join(' AND ');

const keyArrays = (table: Table, keys: readonly Key[]) =>
  table.primaryKey.map((_, at) => keys.map(key => key[at]!));
