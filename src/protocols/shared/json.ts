/**
 * Reads untrusted JSON: one linear pass over the text before JSON.parse refuses what would hurt it (depth, number of
 * values) or what two readers could understand differently (duplicate keys, byte order mark, broken UTF-8).
 */
import type { Json } from '../../domain/values/json.ts';

export interface JsonLimits {
  /** nesting of objects and arrays */
  readonly depth: number;
  /** members of all objects and elements of all arrays together */
  readonly values: number;
}

/** Why a text is not acceptable JSON, as a sentence; carries nothing of the text itself. */
export class JsonProblem extends Error {}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws JsonProblem */
export function readJson(bytes: Uint8Array, limits: JsonLimits): Json {
  const text = decodeUtf8(bytes);
  scan(text, limits);
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new JsonProblem('it is not JSON');
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    throw new JsonProblem('it is not UTF-8');
  }
  if (text.startsWith('\uFEFF')) throw new JsonProblem('it starts with a byte order mark');
  return text;
}

/** The keys of an object that is open, or undefined for an array. */
type Frame = Set<string> | undefined;

/** Hops from mark to mark: one character class each, so that nothing can backtrack. */
function scan(text: string, limits: JsonLimits): void {
  const marks = /["{}[\],:]/g;
  const frames: Frame[] = [];
  let values = 0;
  let lastString: string | undefined;
  for (let match = marks.exec(text); match; match = marks.exec(text)) {
    const mark = match[0];
    if (mark === '"') {
      const end = endOfString(text, marks.lastIndex);
      lastString = text.slice(marks.lastIndex, end);
      marks.lastIndex = end + 1;
      continue;
    }
    if (mark === ',' || mark === ':') values += 1;
    if (values > limits.values) throw new JsonProblem(`it has more than ${limits.values} values`);
    structure(frames, mark, lastString, limits);
  }
}

function structure(frames: Frame[], mark: string, lastString: string | undefined, limits: JsonLimits): void {
  if (mark === '{') open(frames, new Set(), limits);
  else if (mark === '[') open(frames, undefined, limits);
  else if (mark === '}' || mark === ']') frames.pop();
  else if (mark === ':') noteKey(frames.at(-1), lastString);
}

/** Index of the quote that ends the string whose text starts at `start`. */
function endOfString(text: string, start: number): number {
  const marks = /["\\]/g;
  marks.lastIndex = start;
  for (let match = marks.exec(text); match; match = marks.exec(text)) {
    if (match[0] === '"') return match.index;
    marks.lastIndex += 1;
  }
  throw new JsonProblem('it is not JSON: a string has no end');
}

function open(frames: Frame[], frame: Frame, limits: JsonLimits): void {
  frames.push(frame);
  if (frames.length > limits.depth) throw new JsonProblem(`it is nested deeper than ${limits.depth} levels`);
}

/** `raw` is the string before the colon, still escaped. A text with a colon elsewhere fails in JSON.parse. */
function noteKey(keys: Frame, raw: string | undefined): void {
  if (!keys || raw === undefined) return;
  const key = raw.includes('\\') ? unescapeKey(raw) : raw;
  if (keys.has(key)) throw new JsonProblem('a key appears twice in one object');
  keys.add(key);
}

function unescapeKey(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    throw new JsonProblem('it is not JSON: a key has a broken escape');
  }
}
