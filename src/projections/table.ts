/**
 * Tables of views as data. One definition gives the row type, the stored type, the DDL and the shape hash.
 * Both databases store only text and integers: JSON as text, booleans as 0 and 1, so that dumps are equal.
 */

export type ColumnKind = 'text' | 'integer' | 'boolean' | 'json';

export interface Column<T = unknown, K extends ColumnKind = ColumnKind> {
  readonly kind: K;
  readonly nullable: boolean;
  /** carries the type only; never set */
  readonly value?: T;
}

export const text = <T extends string = string>(): Column<T, 'text'> => ({ kind: 'text', nullable: false });
export const integer = (): Column<number, 'integer'> => ({ kind: 'integer', nullable: false });
export const flag = (): Column<boolean, 'boolean'> => ({ kind: 'boolean', nullable: false });
/** any JSON value, stored as text */
export const json = <T>(): Column<T, 'json'> => ({ kind: 'json', nullable: false });
export const nullable = <T, K extends ColumnKind>(column: Column<T, K>): Column<T | null, K> => ({
  kind: column.kind,
  nullable: true,
});

export type Columns = Readonly<Record<string, Column>>;

type ValueOf<C> = C extends { readonly value?: infer T } ? T : never;
type StoredValue<C> =
  C extends Column<infer T, infer K>
    ? K extends 'text' | 'integer'
      ? T
      : (K extends 'json' ? string : number) | (null extends T ? null : never)
    : never;

/** A row as folds and queries see it. */
export type RowOf<C extends Columns> = { readonly [K in keyof C]: ValueOf<C[K]> };
/** A row as the database keeps it. */
export type StoredOf<C extends Columns> = { [K in keyof C]: StoredValue<C[K]> };

export interface Index<C extends Columns = Columns> {
  readonly name: string;
  readonly columns: readonly (keyof C & string)[];
  /** partial index, SQL that both databases understand */
  readonly where?: string;
  readonly typical?: Typical;
}

/**
 * How many rows there are in a busy installation: in all, and for each prefix of the index's columns. SQLite has no
 * statistics of a table that was empty once, and without any it walks through a whole repository to save a sort.
 */
export type Typical = readonly number[];

export interface Table<C extends Columns = Columns> {
  readonly name: string;
  readonly columns: C;
  readonly primaryKey: readonly (keyof C & string)[];
  /** of the primary key */
  readonly typical?: Typical;
  readonly indexes: readonly Index<C>[];
}

/** Declares a table; exists for its type inference. */
export function table<const C extends Columns>(definition: Table<C>): Table<C> {
  return definition;
}

export type StoredScalar = string | number | null;

/**
 * Neither NUL nor lone surrogates survive in PostgreSQL's text, and a client can put both into a media type:
 * they become U+FFFD, on both databases alike.
 */
export function storable(value: string): string {
  const formed = value.isWellFormed() ? value : value.toWellFormed();
  return formed.includes('\0') ? formed.replaceAll('\0', '\uFFFD') : formed;
}

/** One value as it is stored. */
export function encodeValue(column: Column, value: unknown): StoredScalar {
  if (value === null || value === undefined) return null;
  if (column.kind === 'json') return JSON.stringify(value);
  if (column.kind === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' ? storable(value) : (value as number);
}

/** A stored row as folds and queries see it. Columns that are not of the table are kept (joined ones). */
export function decodeRow<C extends Columns>(of: Table<C>, stored: object): RowOf<C> {
  const row: Record<string, unknown> = { ...stored };
  for (const name in of.columns) {
    const column = of.columns[name];
    const value = row[name];
    if (value === null || value === undefined) continue;
    if (column?.kind === 'json') row[name] = JSON.parse(value as string);
    else if (column?.kind === 'boolean') row[name] = value !== 0;
  }
  return row as RowOf<C>;
}
