/** Queries that are built by Kysely once per database and then only executed: building costs more than running. */
import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { ViewTables } from './catalogue.ts';
import type { Views, ViewsDb } from './port.ts';

class Marker {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Stands for the argument of this name in the query that is built. */
export type Argument<A> = <K extends keyof A & string>(name: K) => A[K];

export type Db = Kysely<ViewTables>;

/**
 * @param build is called once per database; its shape must not depend on the arguments' values
 * @returns a function that runs the query on the serving generation
 */
export function prepared<A extends object, O>(
  build: (db: Db, argument: Argument<A>) => Compilable<O>,
): (views: Pick<Views, 'current'>, args: A) => Promise<O[]> {
  const compiled = new WeakMap<ViewsDb, CompiledQuery<O>>();
  return async (views, args) => {
    const db = views.current();
    let query = compiled.get(db);
    if (!query) {
      query = build(db.kysely, name => new Marker(name) as never).compile();
      compiled.set(db, query);
    }
    const values = args as Record<string, unknown>;
    const parameters = query.parameters.map(value => (value instanceof Marker ? values[value.name] : value));
    return (await db.kysely.executeQuery<O>({ ...query, parameters })).rows;
  };
}

/** After the greatest text, where a list that goes down begins. */
export const AFTER_ALL = '\u{10FFFF}';

export const DEFAULT_LIMIT = 100;
/** The largest page has 1000 rows, and one more row says whether others follow. */
export const MAX_LIMIT = 1001;

/** How many rows a page has. */
export const pageSize = (limit: number | undefined) =>
  Math.max(1, Math.min(Math.floor(limit ?? DEFAULT_LIMIT), MAX_LIMIT));

/**
 * A list filled up to a power of two by repeating its last member: then there are few shapes of a query, and its
 * statement is found again.
 */
export function padded<T>(list: readonly T[]): T[] {
  const last = list.at(-1);
  if (last === undefined) return [];
  const size = 2 ** Math.ceil(Math.log2(list.length));
  return [...list, ...Array.from({ length: size - list.length }, () => last)];
}

/** A list in parts that fit into one statement. */
export function* chunks<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}
