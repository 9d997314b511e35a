/** Percent-decoding of raw paths and queries: each piece once, strictly, so that no two layers disagree about a URL. */
import { type ErrorCode, refuse } from '../../domain/errors.ts';

/** Longest raw path: 255 characters of name, every one percent-encoded, and a sha512 digest fit well. */
const MAX_PATH = 4096;
const MAX_QUERY = 16_384;
const MAX_PARAMETERS = 256;

/**
 * Splits a raw path at its slashes and decodes each segment once.
 * @param options.encodedSlashes names of the format have slashes (`/@scope%2fname`): an encoded one stays in its segment
 * @throws NAME_INVALID for broken or non-UTF-8 escapes, encoded slashes, dot segments, control characters, over-length
 */
export function decodePath(rawPath: string, { encodedSlashes = false } = {}): string[] {
  if (rawPath.length > MAX_PATH) throw refuse('NAME_INVALID', 'the path is too long');
  return rawPath.split('/').map(raw => decodeSegment(raw, encodedSlashes));
}

function decodeSegment(raw: string, encodedSlashes: boolean): string {
  const segment = decode(raw, 'NAME_INVALID');
  if (segment.split('/').some(part => part === '.' || part === '..'))
    throw refuse('NAME_INVALID', 'the path has a segment of dots only, which is not a name');
  if (segment.includes('\\') || (!encodedSlashes && segment.includes('/')))
    throw refuse('NAME_INVALID', 'a path segment contains an encoded slash');
  return segment;
}

/** A parsed query. Unknown parameters are ignored by whoever asks only for those it knows. */
export interface Query {
  /** every value of a repeatable parameter, in order */
  all(name: string): readonly string[];
  /** the value of a parameter that may appear once. @throws REQUEST_INVALID when it is repeated */
  one(name: string): string | undefined;
}

/**
 * Parses `a=1&b=2` as HTML forms do (`+` is a space).
 * @throws REQUEST_INVALID for broken or non-UTF-8 escapes, control characters, over-length
 */
export function decodeQuery(rawQuery: string): Query {
  if (rawQuery.length > MAX_QUERY) throw refuse('REQUEST_INVALID', 'the query is too long');
  const pairs = rawQuery.split('&').filter(pair => pair !== '');
  if (pairs.length > MAX_PARAMETERS) throw refuse('REQUEST_INVALID', 'the query has too many parameters');
  const values = new Map<string, string[]>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = decodeField(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decodeField(pair.slice(equals + 1));
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  const all = (name: string): readonly string[] => values.get(name) ?? [];
  return { all, one: name => single(name, all(name)) };
}

const decodeField = (raw: string): string => decode(raw.replaceAll('+', ' '), 'REQUEST_INVALID');

function single(name: string, values: readonly string[]): string | undefined {
  if (values.length > 1) throw refuse('REQUEST_INVALID', `the parameter ${name} may appear only once`);
  return values[0];
}

function decode(raw: string, code: ErrorCode): string {
  let text: string;
  try {
    text = decodeURIComponent(raw);
  } catch {
    throw refuse(code, 'the URL has a broken percent-escape, or one that is not UTF-8');
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get in
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text) || !text.isWellFormed())
    throw refuse(code, 'the URL contains control characters');
  return text;
}
