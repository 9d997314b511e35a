/** SQL for the tables of views. Identifiers are quoted as they are written in the code, on both databases. */
import type { Columns, Index, Table } from './table.ts';

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
  // small rows live in the key's own tree; long JSON would make that tree slow to search
  const hasJson = Object.values(table.columns).some(column => column.kind === 'json');
  const layout = dialect === 'sqlite' && !hasJson ? ' WITHOUT ROWID' : '';
  return `CREATE TABLE ${prefix}${quote(table.name)} (${columns.join(', ')}, ${key})${layout}`;
}

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
