/**
 * Maven's version order, as its ComparableVersion sorts: numbers, qualifiers and lists that hyphens and transitions
 * between letters and digits open. https://maven.apache.org/pom.html#version-order-specification
 */

/** A number, a qualifier, or what a hyphen opened. */
type Item = bigint | string | Item[];

/** Known qualifiers in their order; '' is the release. Unknown ones come after them, alphabetically. */
const QUALIFIERS = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp'];
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['ga', ''],
  ['final', ''],
  ['release', ''],
  ['cr', 'rc'],
]);
/** only when a digit follows at once */
const SHORT: ReadonlyMap<string, string> = new Map([
  ['a', 'alpha'],
  ['b', 'beta'],
  ['m', 'milestone'],
]);

/** Negative, zero or positive, as `a` comes before, equals or comes after `b`. Any text is a version. */
export const compareMaven = (a: string, b: string): number => compareLists(parse(a), parse(b));

/** Versions ascending; those that are equal to Maven (`1`, `1.0`) by code units, so that the order is total. */
export function sortMaven<T>(items: readonly T[], versionOf: (item: T) => string): T[] {
  const keyed = items.map(item => ({ item, version: versionOf(item), parsed: parse(versionOf(item)) }));
  keyed.sort((a, b) => compareLists(a.parsed, b.parsed) || (a.version < b.version ? -1 : 1));
  return keyed.map(({ item }) => item);
}

/** What is beyond does not count: lists nest as deep as a version has hyphens. */
const MAX_LENGTH = 1000;
/** Tokens of a text: runs of digits, runs of other characters, and the separators between them. */
const TOKEN = /[0-9]+|[^0-9.-]+|[.-]/g;

function parse(version: string): Item[] {
  /** those that are open, the root first: what comes goes to the last */
  const lists: Item[][] = [[]];
  const tokens = version.slice(0, MAX_LENGTH).toLowerCase().match(TOKEN) ?? [];
  tokens.forEach((token, index) => {
    const afterSeparator = isSeparator(tokens[index - 1] ?? '.');
    if (isSeparator(token)) separate(lists, token, afterSeparator);
    else append(lists, itemOf(token, tokens[index + 1]), afterSeparator);
  });
  for (const list of lists.toReversed()) trim(list, list === lists[0]);
  return lists[0] ?? [];
}

const add = (lists: readonly Item[][], item: Item) => lists.at(-1)?.push(item);

/** Between two separators is a zero. */
function separate(lists: Item[][], token: string, afterSeparator: boolean): void {
  if (afterSeparator) add(lists, 0n);
  if (token === '-') open(lists);
}

/** A transition between letters and digits is a hyphen. */
function append(lists: Item[][], item: Item, afterSeparator: boolean): void {
  if (!afterSeparator) open(lists);
  add(lists, item);
}

function open(lists: Item[][]): void {
  const inner: Item[] = [];
  add(lists, inner);
  lists.push(inner);
}

const isSeparator = (token: string) => token === '.' || token === '-';

function itemOf(token: string, next: string | undefined): Item {
  if (/^[0-9]/.test(token)) return BigInt(token);
  const long = next !== undefined && /^[0-9]/.test(next) ? SHORT.get(token) : undefined;
  return long ?? ALIASES.get(token) ?? token;
}

/** Takes what says nothing (`0`, `ga`, an empty list) from the end of a list, also before an inner list. */
function trim(list: Item[], isRoot: boolean): void {
  for (let index = list.length - 1; index >= 0; index--) {
    const item = list[index];
    if (item !== undefined && isNull(item)) list.splice(index, 1);
    else if (!Array.isArray(item)) return;
  }
  const [only, ...others] = list;
  // what is left of `-ga-1` is `-1`
  if (!isRoot && Array.isArray(only) && others.length === 0) list.splice(0, 1, ...only);
}

const isNull = (item: Item) => item === 0n || item === '' || (Array.isArray(item) && item.length === 0);

function compareLists(a: readonly Item[], b: readonly Item[]): number {
  for (let index = 0; index < a.length || index < b.length; index++) {
    const order = compareItems(a[index], b[index]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Kinds in their order: `1.x` and `1-x` come before `1-1`, and that before `1.1`. */
const rank = (item: Item) => (typeof item === 'string' ? 0 : typeof item === 'bigint' ? 2 : 1);

function compareItems(a: Item | undefined, b: Item | undefined): number {
  if (a === undefined || b === undefined) return beyond(a) - beyond(b);
  if (typeof a === 'bigint' && typeof b === 'bigint') return compareNatural(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareQualifiers(a, b);
  if (Array.isArray(a) && Array.isArray(b)) return compareLists(a, b);
  return rank(a) - rank(b);
}

/** Where a version that goes on with this item stands to the one that ends here. */
function beyond(item: Item | undefined): number {
  if (item === undefined) return 0;
  if (typeof item === 'bigint') return item === 0n ? 0 : 1;
  if (typeof item === 'string') return compareQualifiers(item, '');
  for (const inner of item) {
    const order = beyond(inner);
    if (order !== 0) return order;
  }
  return 0;
}

const compareNatural = (a: bigint | string, b: bigint | string) => (a < b ? -1 : a > b ? 1 : 0);

function compareQualifiers(a: string, b: string): number {
  const [x, y] = [orderOf(a), orderOf(b)];
  if (x !== y) return x - y;
  return x < QUALIFIERS.length ? 0 : compareNatural(a, b);
}

function orderOf(text: string): number {
  const index = QUALIFIERS.indexOf(text);
  return index < 0 ? QUALIFIERS.length : index;
}
