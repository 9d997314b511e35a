/** What a package declares as its licence, as an SPDX expression where it can be read as one. */
import correct from 'spdx-correct';
import parse from 'spdx-expression-parse';

const MAX = 2000;
/** Spelling is only guessed for short names, not for sentences. */
const MAX_GUESSED = 100;

/**
 * @param declared as written: `MIT`, `Apache 2.0`, `(MIT OR GPL-2.0+)`, a sentence
 * @returns `license`: an SPDX expression; `declaredLicense`: what was written, where that is something else
 * @see https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/
 */
export function licenceOf(declared: string | undefined): { license?: string; declaredLicense?: string } {
  const text = declared?.trim().replaceAll(/\s+/g, ' ').slice(0, MAX) ?? '';
  if (text === '') return {};
  if (isExpression(text)) return { license: text };
  const guessed = guess(text);
  return guessed === undefined ? { declaredLicense: text } : { license: guessed, declaredLicense: text };
}

/** What npm calls "all rights reserved" is not the Unlicense; a reference to a file or half an expression says nothing. */
const NO_GUESS = /^unlicensed$|^see licen[cs]e|\b(?:and|or|with)\b|[()]/i;

/** Another spelling of one licence. A version (GPL, BSD) that was not written is not made up. */
function guess(text: string): string | undefined {
  if (text.length > MAX_GUESSED || NO_GUESS.test(text)) return undefined;
  const guessed = correct(text, { upgrade: false });
  if (guessed === null || !isExpression(guessed)) return undefined;
  const number = /\d/.exec(guessed)?.[0];
  return number === undefined || text.includes(number) ? guessed : undefined;
}

/** The parser recurses: what is nested deeper than any licence is none. */
function isExpression(text: string): boolean {
  if (text.replaceAll(/[^(]/g, '').length > 50) return false;
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
