/** One generation of views in SQLite: rows and checkpoint move together, in one synchronous transaction. */
import type { StatementSync } from 'node:sqlite';
import type { SqliteDatabase } from '../sql/sqlite.ts';
import { foldWork, keysToLoad, keyText, type Planner, type Work } from './batch.ts';
import { columnList, keyCondition, upsertSql } from './ddl.ts';
import { type Generation, ReplacedError } from './port.ts';
import { decodeRow, encodeValue, type Table } from './table.ts';
import type { AnyView, Key } from './view.ts';

export interface SqliteGeneration extends Generation {
  readonly db: SqliteDatabase;
}

interface Parts {
  readonly db: SqliteDatabase;
  readonly number: number;
  readonly definitions: readonly AnyView[];
  readonly planner: Planner;
  readonly beforeCommit: (() => void) | undefined;
}

export function sqliteGeneration({
  db,
  number,
  definitions,
  planner,
  beforeCommit,
}: Parts): SqliteGeneration {
  const writers = new Map(definitions.map(({ table }) => [table.name, tableWriter(db, table)]));
  const readCheckpoint = db.prepare(`SELECT "value" FROM "meta" WHERE "key" = 'checkpoint'`);
  const writeCheckpoint = db.prepare(`UPDATE "meta" SET "value" = ? WHERE "key" = 'checkpoint'`);
  const checkpoint = () => String(readCheckpoint.get()?.value);

  function applyWork(work: Work): void {
    const writer = writers.get(work.view.table.name)!;
    const { upserts, deletes } = foldWork(work, writer.load(keysToLoad(work)));
    writer.remove(deletes);
    writer.upsert(upserts);
  }

  return {
    db,
    number,
    checkpoint: async () => checkpoint(),
    async apply(events, { from, to }) {
      db.transaction(() => {
        const done = checkpoint();
        if (to <= done) return;
        if (done < from) throw new ReplacedError();
        const fresh = done === from ? events : events.filter(event => event.position > done);
        for (const work of planner(fresh)) applyWork(work);
        writeCheckpoint.run(to);
        beforeCommit?.();
      });
    },
  };
}

type Row = Readonly<Record<string, string | number>>;

interface TableWriter {
  load(keys: readonly Key[]): Map<string, object>;
  upsert(rows: readonly object[]): void;
  remove(keys: readonly Key[]): void;
}

function tableWriter(db: SqliteDatabase, table: Table): TableWriter {
  const names = Object.keys(table.columns);
  const columns = names.map(name => table.columns[name]!);
  const prepare = lazily(db);
  const select = prepare(`SELECT ${columnList(names)} FROM "${table.name}" WHERE ${keyCondition(table)}`);
  const remove = prepare(`DELETE FROM "${table.name}" WHERE ${keyCondition(table)}`);
  const upsert = prepare(upsertSql(table, `VALUES (${names.map(() => '?').join(', ')})`));
  // neighbours in the tree are written together: a fifth faster where keys are random
  const byKey = (a: Row, b: Row) => {
    const differing = table.primaryKey.find(name => a[name] !== b[name]);
    return differing === undefined || a[differing]! < b[differing]! ? -1 : 1;
  };
  return {
    load(keys) {
      const rows = new Map<string, object>();
      for (const key of keys) {
        const row = select().get(...key);
        if (row) rows.set(keyText(key), decodeRow(table, row));
      }
      return rows;
    },
    upsert(rows) {
      const statement = upsert();
      for (const row of (rows as Row[]).toSorted(byKey))
        statement.run(...names.map((name, index) => encodeValue(columns[index]!, row[name])));
    },
    remove(keys) {
      for (const key of keys) remove().run(...key);
    },
  };
}

/** Statements that are prepared when they are first needed: most batches touch a few tables. */
const lazily = (db: SqliteDatabase) => (sql: string) => {
  let statement: StatementSync | undefined;
  return () => (statement ??= db.prepare(sql));
};
