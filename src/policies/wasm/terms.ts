/**
 * Rego values as host builtins see them. JSON alone would not do: it turns sets into arrays and rounds integers
 * above 2^53, so values cross the border in Rego's own notation and numbers keep their text.
 */
export type Term = null | boolean | string | RegoNumber | readonly Term[] | RegoSet | RegoObject;

export class RegoNumber {
  readonly text: string;

  constructor(value: string | number | bigint) {
    this.text = String(value);
  }
}

export class RegoSet {
  readonly items: readonly Term[];

  constructor(items: readonly Term[]) {
    this.items = items;
  }
}

export class RegoObject {
  readonly entries: readonly (readonly [Term, Term])[];

  constructor(entries: readonly (readonly [Term, Term])[]) {
    this.entries = entries;
  }

  get(key: Term): Term | undefined {
    return this.entries.find(([candidate]) => compareTerms(candidate, key) === 0)?.[1];
  }
}

/** Reads Rego notation as the runtime dumps it: JSON, and `{1, 2}` and `set()` for sets, any value as object key. */
export function parseTerm(text: string): Term {
  const reader = new Reader(text);
  const term = reader.term();
  reader.end();
  return term;
}

/** JSON text of a term without sets; numbers as they were written. */
export function termToJson(term: Term): string {
  if (term instanceof RegoNumber) return term.text;
  if (Array.isArray(term)) return `[${term.map(termToJson).join(',')}]`;
  if (term instanceof RegoSet || term instanceof RegoObject)
    throw new TypeError('a builtin returned a set or object');
  return JSON.stringify(term);
}

/** Rego's total order: null, booleans, numbers, strings, arrays, objects, sets. Negative, zero or positive. */
export function compareTerms(a: Term, b: Term): number {
  const ranks = rank(a) - rank(b);
  if (ranks !== 0) return ranks;
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (typeof a === 'string') return compareText(a, b as string);
  if (a instanceof RegoNumber) return compareNumbers(a, b as RegoNumber);
  return a === null ? 0 : compareLists(parts(a), parts(b));
}

/** Byte order of UTF-8, which is the order of code points and not of UTF-16 units. */
export function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function sortTerms(items: readonly Term[]): Term[] {
  return [...items].sort(compareTerms);
}

function rank(term: Term): number {
  if (term === null) return 0;
  if (typeof term === 'boolean') return 1;
  if (term instanceof RegoNumber) return 2;
  if (typeof term === 'string') return 3;
  if (term instanceof RegoObject) return 5;
  return term instanceof RegoSet ? 6 : 4;
}

function parts(term: Term): Term[] {
  if (term instanceof RegoSet) return sortTerms(term.items);
  if (!(term instanceof RegoObject)) return [...(term as readonly Term[])];
  const entries = [...term.entries].sort(([a], [b]) => compareTerms(a, b));
  return entries.map(entry => entry as readonly Term[]);
}

function compareLists(a: readonly Term[], b: readonly Term[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareTerms(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareNumbers(a: RegoNumber, b: RegoNumber): number {
  if (integer.test(a.text) && integer.test(b.text)) {
    const difference = BigInt(a.text) - BigInt(b.text);
    return difference === 0n ? 0 : difference < 0n ? -1 : 1;
  }
  return Number(a.text) - Number(b.text);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  term(): Term {
    this.#space();
    const start = this.#text[this.#at];
    if (start === '"') return JSON.parse(this.#match(stringToken)) as string;
    if (start === '[') return this.#list('[', ']');
    if (start === '{') return this.#braces();
    if (start === '-' || (start !== undefined && start >= '0' && start <= '9')) {
      return new RegoNumber(this.#match(numberToken));
    }
    return this.#word();
  }

  end(): void {
    this.#space();
    if (this.#at !== this.#text.length) this.#fail();
  }

  #word(): Term {
    const word = this.#match(wordToken);
    if (word === 'set()') return new RegoSet([]);
    return word === 'null' ? null : word === 'true';
  }

  #list(open: string, close: string): Term[] {
    this.#take(open);
    const items: Term[] = [];
    while (!this.#sees(close)) {
      if (items.length > 0) this.#take(',');
      items.push(this.term());
    }
    this.#take(close);
    return items;
  }

  #braces(): Term {
    this.#take('{');
    const items: Term[] = [];
    const entries: [Term, Term][] = [];
    while (!this.#sees('}')) {
      if (items.length + entries.length > 0) this.#take(',');
      const first = this.term();
      if (!this.#sees(':')) items.push(first);
      else {
        this.#take(':');
        entries.push([first, this.term()]);
      }
    }
    this.#take('}');
    if (items.length > 0 && entries.length > 0) this.#fail();
    return items.length > 0 ? new RegoSet(items) : new RegoObject(entries);
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #sees(mark: string): boolean {
    this.#space();
    if (this.#at >= this.#text.length) this.#fail();
    return this.#text[this.#at] === mark;
  }

  #take(mark: string): void {
    if (!this.#sees(mark)) this.#fail();
    this.#at++;
  }

  #match(token: RegExp): string {
    token.lastIndex = this.#at;
    const found = token.exec(this.#text)?.[0];
    if (found === undefined) return this.#fail();
    this.#at += found.length;
    return found;
  }

  #fail(): never {
    throw new SyntaxError(`not a Rego value, at character ${this.#at}`);
  }
}

const integer = /^-?\d+$/;
const stringToken = /"(?:[^"\\]|\\.)*"/y;
const numberToken = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const wordToken = /set\(\)|null|true|false/y;
