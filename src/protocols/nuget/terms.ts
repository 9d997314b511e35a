/**
 * What somebody searches for, in the syntax that people know from NuGet's gallery. Pure.
 * https://learn.microsoft.com/en-us/nuget/consume-packages/finding-and-choosing-packages#search-syntax
 */

export interface Terms {
  /** texts that a package has all of */
  readonly words: readonly string[];
  /** whether an id, in lower case, is one that was asked for */
  readonly fits: (id: string) => boolean;
}

const MAX_WORDS = 8;
/** A word or a phrase in quotes, perhaps of one field. A field that is none is a part of the word. */
const TERM =
  /(?:(packageid|id|version|title|tags|authors?|owners?|description|summary):)?(?:"([^"]*)"|(\S+))/gi;

/** `packageid:` names an id as a whole, `id:` a part of one; other fields say no more than the word alone. */
export function termsOf(query: string): Terms {
  const terms = [...query.matchAll(TERM)]
    .map(([, field, phrase, word]) => ({ field: field?.toLowerCase(), text: (phrase ?? word ?? '').trim() }))
    .filter(({ text }) => text !== '')
    .slice(0, MAX_WORDS);
  const of = (wanted: string) =>
    terms.filter(({ field }) => field === wanted).map(({ text }) => text.toLowerCase());
  const [whole, parts] = [of('packageid'), of('id')];
  return {
    words: terms.map(({ text }) => text),
    fits: id => whole.every(one => one === id) && parts.every(part => id.includes(part)),
  };
}
