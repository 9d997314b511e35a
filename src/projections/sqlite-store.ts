/** Views in an SQLite file: `<path>` serves, `<path>.next` is being built. The process has them to itself. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import { refuse } from '../domain/errors.ts';
import { openSqlite, type SqliteDatabase, sqliteDialect, sqliteFailure } from '../sql/sqlite.ts';
import { createPlanner } from './batch.ts';
import type { ViewTables } from './catalogue.ts';
import { createIndexSql, createViewTables } from './ddl.ts';
import type { Identity, Opened, Views, ViewsDb, ViewsOptions } from './port.ts';
import { openMarker, removeDatabase, replaceDatabase } from './sqlite-files.ts';
import { type SqliteGeneration, sqliteGeneration } from './sqlite-generation.ts';
import type { AnyView } from './view.ts';

type Options = ViewsOptions & { readonly path: string; readonly definitions: readonly AnyView[] };

/** Files larger than this are not read through at the start; a damage shows itself when it is met. */
const CHECK_MAX_BYTES = 64 * 1024 * 1024;

interface Meta extends Identity {
  readonly generation: number;
  readonly checkpoint: string;
}

export function openSqliteViews(options: Options): Views {
  const { path, definitions } = options;
  const next = `${path}.next`;
  mkdirSync(dirname(path), { recursive: true });
  const planner = createPlanner(definitions);
  let serving: SqliteGeneration | undefined;
  const marker = openMarker(path);
  let lastNumber = 0;
  let damage: unknown;

  const open = (db: SqliteDatabase, number: number): SqliteGeneration =>
    sqliteGeneration({ db, number, definitions, planner, beforeCommit: options.beforeCommit });

  const servingDb = () => {
    if (!serving) throw refuse('VIEWS_BEHIND', { reason: 'the views are being built', retryAfter: 5 });
    return serving.db;
  };
  const noteFailure = (error: unknown) => {
    if (sqliteFailure(error) === 'damaged') damage = error;
  };
  const viewsDb: ViewsDb = {
    kysely: new Kysely<ViewTables>({ dialect: sqliteDialect(servingDb, noteFailure) }),
  };

  function stopServing(): void {
    if (!serving) return;
    serving.db.close();
    serving = undefined;
    marker.clear();
  }

  return {
    definitions,
    current() {
      servingDb();
      return viewsDb;
    },
    async open(identity): Promise<Opened> {
      stopServing();
      if (!existsSync(path)) return { reason: 'there are no views yet' };
      if (marker.isStale()) {
        removeDatabase(path);
        return { reason: 'the machine stopped while the views were open' };
      }
      marker.set();
      const found = openExisting(path);
      if ('reason' in found) {
        removeDatabase(path);
        return found;
      }
      lastNumber = Math.max(lastNumber, found.meta.generation);
      const reason = differs(found.meta, identity);
      if (reason !== undefined) {
        found.db.close();
        return { reason };
      }
      serving = open(found.db, found.meta.generation);
      return { generation: serving };
    },
    async discard() {
      damage = undefined;
      stopServing();
      removeDatabase(path);
    },
    async build(identity, start) {
      removeDatabase(next);
      lastNumber = Math.max(lastNumber, serving?.number ?? 0) + 1;
      const db = openSqlite(next, 'building');
      createTables(db, definitions, { ...identity, generation: lastNumber, checkpoint: start });
      // making an index over many rows stops everything for a while: only where nobody is served anyway
      if (serving) createIndexes(db, definitions);
      return open(db, lastNumber);
    },
    async finish(built) {
      createIndexes((built as SqliteGeneration).db, definitions);
    },
    async flip(built, catchUp) {
      const { db, number } = built as SqliteGeneration;
      await catchUp();
      db.close();
      stopServing();
      replaceDatabase(path, next);
      marker.set();
      serving = open(openSqlite(path, 'serving'), number);
      damage = undefined;
      return serving;
    },
    async abandon(built) {
      (built as SqliteGeneration).db.close();
      removeDatabase(next);
    },
    async tend() {
      if (damage) throw damage;
    },
    failure: sqliteFailure,
    async close() {
      stopServing();
      await viewsDb.kysely.destroy();
    },
  };
}

function openExisting(path: string): { db: SqliteDatabase; meta: Meta } | { reason: string } {
  let db: SqliteDatabase | undefined;
  try {
    db = openSqlite(path, 'serving');
    if (statSync(path).size <= CHECK_MAX_BYTES) {
      const [row] = db.all('PRAGMA quick_check(1)', []);
      if (row?.quick_check !== 'ok') throw new Error(String(row?.quick_check));
    }
    const facts = new Map(db.all('SELECT "key", "value" FROM "meta"', []).map(row => [row.key, row.value]));
    const meta = JSON.parse(String(facts.get('identity'))) as Omit<Meta, 'checkpoint'>;
    return { db, meta: { ...meta, checkpoint: String(facts.get('checkpoint')) } };
  } catch (error) {
    db?.close();
    // somebody else's lock or a full disk is no reason to throw the file away
    if (sqliteFailure(error) === 'transient') throw error;
    return { reason: `the views' file was damaged (${(error as Error).message})` };
  }
}

function differs(meta: Meta, { shape, logId, epoch }: Identity): string | undefined {
  if (meta.logId !== logId) return 'the views were of another log';
  if (meta.epoch !== epoch) return `the log was restored (epoch ${meta.epoch} became ${epoch})`;
  return meta.shape === shape ? undefined : 'the views were of another shape';
}

function createTables(db: SqliteDatabase, definitions: readonly AnyView[], meta: Meta): void {
  const { checkpoint, ...identity } = meta;
  db.exec('CREATE TABLE "meta" ("key" TEXT PRIMARY KEY, "value" TEXT NOT NULL) WITHOUT ROWID');
  createViewTables(
    db,
    definitions.map(({ table }) => table),
  );
  const insert = db.prepare('INSERT INTO "meta" VALUES (?, ?)');
  insert.run('identity', JSON.stringify(identity));
  insert.run('checkpoint', checkpoint);
}

function createIndexes(db: SqliteDatabase, definitions: readonly AnyView[]): void {
  for (const { table } of definitions)
    for (const index of table.indexes) db.exec(createIndexSql(table, index));
}
