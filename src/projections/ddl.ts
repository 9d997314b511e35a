/** SQL for the tables of views. Identifiers are quoted as they are written in the code, on both databases. */
import type { SqliteDatabase } from '../sql/sqlite.ts';
import type { Columns, Index, Table, Typical } from './table.ts';

export type SqlDialect = 'sqlite' | 'postgres';

const quote = (name: string) => `"${name}"`;
export const columnList = (names: readonly string[]) => names.map(quote).join(', ');

function columnType(column: Columns[string], dialect: SqlDialect): string {
  const isText = column.kind === 'text' || column.kind === 'json';
  if (dialect === 'sqlite') return isText ? 'TEXT' : 'INTEGER';
  // the byte order that SQLite has too
  return isText ? 'text COLLATE "C"' : 'bigint';
}

/** @param prefix schema and dot, or nothing */
export function createTableSql(table: Table, dialect: SqlDialect, prefix = ''): string {
  const columns = Object.entries(table.columns).map(
    ([name, column]) => `${quote(name)} ${columnType(column, dialect)}${column.nullable ? '' : ' NOT NULL'}`,
  );
  const key = `PRIMARY KEY (${columnList(table.primaryKey)})`;
  const layout = dialect === 'sqlite' && withoutRowid(table) ? ' WITHOUT ROWID' : '';
  return `CREATE TABLE ${prefix}${quote(table.name)} (${columns.join(', ')}, ${key})${layout}`;
}

/** Rows for `sqlite_stat1`: `[table, index, statistics]`. https://www.sqlite.org/fileformat2.html#stat1tab */
function typicalStatistics(table: Table): [string, string, string][] {
  // the key's own tree is named like its table; beside a rowid there is an index
  const key = withoutRowid(table) ? table.name : `sqlite_autoindex_${table.name}_1`;
  const of = (name: string, typical: Typical): [string, string, string] => [
    table.name,
    name,
    typical.join(' '),
  ];
  return [
    ...(table.typical ? [of(key, table.typical)] : []),
    ...table.indexes.flatMap(({ name, typical }) => (typical ? [of(name, typical)] : [])),
  ];
}

/** Small rows live in the key's own tree; long JSON would make that tree slow to search. */
const withoutRowid = (table: Table) => Object.values(table.columns).every(column => column.kind !== 'json');

export function createIndexSql(table: Table, index: Index, prefix = ''): string {
  const where = index.where === undefined ? '' : ` WHERE ${index.where}`;
  return `CREATE INDEX IF NOT EXISTS ${quote(index.name)} ON ${prefix}${quote(table.name)} (${columnList(index.columns)})${where}`;
}

/** `INSERT … VALUES` or any other source of rows, replacing the row of the same key. */
export function upsertSql(table: Table, source: string, prefix = ''): string {
  const names = Object.keys(table.columns);
  const others = names.filter(name => !table.primaryKey.includes(name));
  const set = others.map(name => `${quote(name)} = excluded.${quote(name)}`).join(', ');
  const action = set === '' ? 'NOTHING' : `UPDATE SET ${set}`;
  return (
    `INSERT INTO ${prefix}${quote(table.name)} (${columnList(names)}) ${source} ` +
    `ON CONFLICT (${columnList(table.primaryKey)}) DO ${action}`
  );
}

export const keyCondition = (table: Table) =>
  table.primaryKey.map(name => `${quote(name)} = ?`).join(' AND ');

/** Makes the tables in an empty SQLite database, with their typical statistics. */
export function createViewTables(
  db: Pick<SqliteDatabase, 'exec' | 'prepare'>,
  tables: readonly Table[],
): void {
  for (const table of tables) db.exec(createTableSql(table, 'sqlite'));
  db.exec('ANALYZE'); // makes sqlite_stat1
  const insert = db.prepare('INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)');
  for (const row of tables.flatMap(typicalStatistics)) insert.run(...row);
  db.exec('ANALYZE sqlite_schema'); // reads it again
}
