/** Pure: aligned columns. Widths come from the first rows, so that a long list is printed while it is fetched. */
import { clean } from './text.ts';

export interface Column<T> {
  readonly title: string;
  readonly value: (item: T) => string | number | boolean | null | undefined;
  /** numbers and sizes */
  readonly right?: boolean;
}

type Cells = readonly string[];

const GAP = '  ';

export interface Layout<T> {
  readonly header: string;
  row(item: T): string;
}

/** @param sample the rows that widths are taken from */
export function layout<T>(columns: readonly Column<T>[], sample: readonly T[]): Layout<T> {
  const cells = (item: T): Cells => columns.map(({ value }) => clean(String(value(item) ?? '')));
  const rows = sample.map(cells);
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map(row => [...(row[index] ?? '')].length)),
  );
  const line = (texts: Cells) =>
    texts
      .map((text, index) => pad(text, widths[index] ?? 0, columns[index]?.right === true))
      .join(GAP)
      .trimEnd();
  return { header: line(columns.map(({ title }) => title)), row: item => line(cells(item)) };
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - [...text].length));
  return right ? space + text : text + space;
}

/** `name  value`, one a line; a list of values goes on below. Fields without a value are left out. */
export function fields(
  of: Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>,
): string[] {
  const shown = Object.entries(of).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values.map(
      (text, index) => `${(index === 0 ? name : '').padEnd(width)}${GAP}${clean(String(text))}`,
    );
  });
}
