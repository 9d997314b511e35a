/** Everything a command says: results on stdout as table, JSON or bare ids; notes and progress on stderr. */
import { styleText } from 'node:util';
import { type Io, write } from '../io.ts';
import { type Column, fields, layout } from './table.ts';

export interface PrintOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  /** items of a list; undefined: as is usual for the form */
  readonly limit: number | undefined;
}

export interface ListShape<T> {
  readonly columns: readonly Column<T>[];
  /** what --quiet prints of an item: what other commands take */
  readonly id: (item: T) => string;
  /** in plural, for `no …` */
  readonly what: string;
}

type Fields = Parameters<typeof fields>[0];

export interface Printer {
  /** how many items of a list are wanted at most */
  readonly most: number;
  list<T>(items: AsyncIterable<T> | Iterable<T>, shape: ListShape<T>): Promise<void>;
  /** One thing: JSON as the API gave it, the id, or its fields with tables below. */
  item<T>(
    value: T,
    id: string,
    human: (value: T) => { fields: Fields; tables?: readonly string[] },
  ): Promise<void>;
  /** A change: the API's reply if there is one, its id, or a sentence. */
  done(sentence: string, reply?: { readonly body: unknown; readonly id?: string }): Promise<void>;
  /** One line as it is. */
  line(text: string): Promise<void>;
  note(text: string): Promise<void>;
}

/** A table shows this many unless told; JSON is for programs and has all. */
export const TABLE_LIMIT = 100;
/** rows that the widths of a long table come from */
const SAMPLE = 100;

export function createPrinter(io: Io, { json, quiet, limit }: PrintOptions): Printer {
  const out = (text: string) => write(io.stdout, `${text}\n`);
  const note = async (text: string) => (quiet ? undefined : write(io.stderr, `${text}\n`));
  const most = limit ?? (json ? Number.POSITIVE_INFINITY : TABLE_LIMIT);

  return {
    most,
    line: out,
    note,
    async list(items, shape) {
      const seen = { more: false };
      const wanted = upTo(items, most, seen);
      if (json) await printArray(io, wanted);
      else if (quiet) for await (const item of wanted) await out(shape.id(item));
      else await printTable(io, wanted, shape);
      if (seen.more) await note(`… there are more: --limit <n> shows them`);
    },
    async item(value, id, human) {
      if (json) return out(JSON.stringify(value, null, 2));
      if (quiet) return out(id);
      const { fields: shown, tables = [] } = human(value);
      for (const text of fields(shown)) await out(text);
      for (const text of tables) await out(`\n${text}`);
    },
    async done(sentence, reply) {
      if (json) return reply === undefined ? undefined : out(JSON.stringify(reply.body));
      if (quiet) return reply?.id === undefined ? undefined : out(reply.id);
      return out(sentence);
    },
  };
}

/** The first `most`; notes whether there was another, without giving it. */
async function* upTo<T>(items: AsyncIterable<T> | Iterable<T>, most: number, seen: { more: boolean }) {
  let taken = 0;
  for await (const item of items) {
    if (taken++ >= most) {
      seen.more = true;
      return;
    }
    yield item;
  }
}

/** An array, one item a line, written while it is fetched. */
async function printArray(io: Io, items: AsyncIterable<unknown>): Promise<void> {
  let before = '[\n';
  for await (const item of items) {
    await write(io.stdout, `${before}${JSON.stringify(item)}`);
    before = ',\n';
  }
  await write(io.stdout, before === '[\n' ? '[]\n' : '\n]\n');
}

async function printTable<T>(
  io: Io,
  items: AsyncIterable<T>,
  { columns, what }: ListShape<T>,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  const sample: T[] = [];
  let next = await iterator.next();
  for (; !next.done && sample.length < SAMPLE; next = await iterator.next()) sample.push(next.value);
  if (sample.length === 0) return write(io.stdout, `no ${what}\n`);
  const { header, row } = layout(columns, sample);
  const lines = [heading(io, header), ...sample.map(row)];
  await write(io.stdout, `${lines.join('\n')}\n`);
  for (; !next.done; next = await iterator.next()) await write(io.stdout, `${row(next.value)}\n`);
}

/** Set off on a terminal; plain in a pipe or a file, and where NO_COLOR asks for it. */
function heading({ stdout, env }: Io, text: string): string {
  const coloured = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  return coloured ? styleText('bold', text, { validateStream: false }) : text;
}

/** A small table below the fields of one thing. */
export function tableText<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const { header, row } = layout(columns, rows);
  return [header, ...rows.map(row)].join('\n');
}
