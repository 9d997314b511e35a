import { sprintf } from '../sprintf.ts';
import { RegoSet, type Term } from '../terms.ts';
import { type Builtin, list, number, text } from './operands.ts';

export const strings: Readonly<Record<string, Builtin>> = {
  sprintf: (format, args) => sprintf(text(format), list(args)),
  'strings.any_prefix_match': (search, base) =>
    anyMatch(search, base, (value, affix) => value.startsWith(affix)),
  'strings.any_suffix_match': (search, base) =>
    anyMatch(search, base, (value, affix) => value.endsWith(affix)),
  'strings.count': (search, substring) => number(count(text(search), text(substring))),
  indexof_n: (haystack, needle) => indexes([...text(haystack)], [...text(needle)]).map(number),
  'glob.quote_meta': pattern => text(pattern).replace(/[*?\\[\]{}]/g, '\\$&'),
};

function anyMatch(
  search: Term | undefined,
  base: Term | undefined,
  matches: (a: string, b: string) => boolean,
) {
  const affixes = oneOrMany(base);
  return oneOrMany(search).some(value => affixes.some(affix => matches(value, affix)));
}

function oneOrMany(term: Term | undefined): string[] {
  if (typeof term === 'string') return [term];
  return (term instanceof RegoSet ? term.items : list(term)).map(text);
}

/** Go counts the gaps between characters when the substring is empty. */
function count(search: string, substring: string): number {
  return substring === '' ? [...search].length + 1 : search.split(substring).length - 1;
}

/** Positions of characters, not of UTF-16 units; occurrences may overlap. */
function indexes(haystack: readonly string[], needle: readonly string[]): number[] {
  if (needle.length === 0) throw new RangeError('indexof_n: empty search character');
  const starts = haystack.keys().filter(start => needle.every((char, i) => haystack[start + i] === char));
  return [...starts];
}
