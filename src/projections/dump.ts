/** All rows of all views as text, in key order: equal dumps mean equal views, on any database. */
import type { Views } from './port.ts';

/** One line per row: the table's name, a tab, and the row's stored values as JSON in the order of the columns. */
export async function dumpViews(views: Views): Promise<string> {
  const lines: string[] = [];
  const { kysely } = views.current();
  const tables = views.definitions.map(({ table }) => table);
  for (const table of tables.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    let query = kysely.selectFrom(table.name as 'tags').selectAll();
    for (const column of table.primaryKey) query = query.orderBy(column as 'tag');
    const names = Object.keys(table.columns);
    for (const row of (await query.execute()) as unknown as Record<string, unknown>[])
      lines.push(`${table.name}\t${JSON.stringify(names.map(name => row[name]))}`);
  }
  return `${lines.join('\n')}\n`;
}
