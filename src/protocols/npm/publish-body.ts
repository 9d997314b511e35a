/**
 * Reads what npm publishes: one JSON document with the tarball in it as base64. The document is walked byte by byte, its
 * attachments' data flows out decoded while it comes, and only the rest is kept: memory does not grow with the tarball.
 */
import { Readable } from 'node:stream';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { Json } from '../../domain/values/json.ts';
import { JsonProblem, readJson } from '../shared/json.ts';
import { Base64 } from './base64.ts';

export interface BodyLimits {
  /** of the document without its attachments, bytes */
  readonly document: number;
  /** how many attachments are taken */
  readonly attachments: number;
}

export interface PublishBody<T> {
  /** the document; an attachment's data is '' in it */
  readonly document: Json;
  /** what became of each attachment, by its name */
  readonly attachments: ReadonlyMap<string, T>;
}

const DEPTH = 64;
const VALUES = 1_000_000;

/** of what a key may be, bytes */
const MAX_KEY = 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** 1 for the bytes that structure JSON */
const MARKS = new Uint8Array(256);
for (const mark of '"{}[],:') MARKS[mark.charCodeAt(0)] = 1;

/**
 * @param take receives the decoded data of an attachment that is base64; a text (`.sigstore`) stays in the document
 * @throws REQUEST_INVALID for what is no such document, CONTENT_TOO_LARGE, SIZE_INVALID when it was cut short
 */
export async function readPublishBody<T>(
  body: Readable,
  limits: BodyLimits,
  take: (name: string, data: Readable) => Promise<T>,
): Promise<PublishBody<T>> {
  const cursor = new Cursor(body, limits.document);
  const attachments = new Map<string, T>();
  const path = new Path();
  // a document has millions of marks: only what is not there yet is waited for
  while (cursor.findMark() || (await cursor.toMark())) {
    const mark = cursor.take();
    if (mark !== QUOTE) {
      path.structure(mark);
      continue;
    }
    const name = path.attachment();
    if (name === undefined || isText(name)) {
      path.string(cursor.wholeString() ?? (await cursor.string()));
      continue;
    }
    if (attachments.size >= limits.attachments || attachments.has(name))
      throw refuse('REQUEST_INVALID', 'the document has too many attachments');
    const data = cursor.base64();
    attachments.set(name, await take(name, Readable.from(data, { objectMode: false })));
    cursor.closeString();
  }
  return { document: parse(cursor.kept()), attachments };
}

const isText = (name: string) => name.endsWith('.sigstore');

function parse(bytes: Buffer): Json {
  try {
    return readJson(bytes, { depth: DEPTH, values: VALUES });
  } catch (error) {
    if (error instanceof JsonProblem)
      throw refuse('REQUEST_INVALID', `the document is not acceptable: ${error.message}`);
    throw error;
  }
}

/** Where in the document the walk is: the keys of the objects that are open. What is no JSON is found by the parser. */
class Path {
  readonly #keys: (string | undefined)[] = [];
  #last: string | undefined;

  string(text: string): void {
    this.#last = text;
  }

  structure(mark: number): void {
    const character = String.fromCharCode(mark);
    if (character === '{' || character === '[') {
      if (this.#keys.length >= DEPTH) throw refuse('REQUEST_INVALID', 'the document is nested too deeply');
      this.#keys.push(undefined);
    } else if (character === '}' || character === ']') this.#keys.pop();
    else if (character === ',') this.#keys[this.#keys.length - 1] = undefined;
    else this.#keys[this.#keys.length - 1] = this.#last;
  }

  /** The attachment whose data begins here: `{"_attachments": {"<name>": {"data": "`. */
  attachment(): string | undefined {
    const [first, name, field] = this.#keys;
    const inside = this.#keys.length === 3 && first === '_attachments' && field === 'data';
    return inside ? name : undefined;
  }
}

/** The bytes of the body as they come, and those of them that are kept. */
class Cursor {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #limit: number;
  readonly #kept: Buffer[] = [];
  #size = 0;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  /** from where the chunk's bytes were not kept yet */
  #from = 0;

  constructor(body: Readable, limit: number) {
    // leaving early must not destroy the request: the refusal is sent over its connection
    this.#chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
    this.#limit = limit;
  }

  /** Goes on to the next byte that structures JSON. @returns false at the end */
  async toMark(): Promise<boolean> {
    while (!this.findMark()) if (!(await this.#next())) return false;
    return true;
  }

  /** As `toMark`, as far as the bytes are here. */
  findMark(): boolean {
    const chunk = this.#chunk;
    for (let index = this.#at; index < chunk.length; index++) {
      if (!MARKS[chunk[index] as number]) continue;
      this.#at = index;
      return true;
    }
    this.#at = chunk.length;
    return false;
  }

  take(): number {
    return this.#chunk[this.#at++] as number;
  }

  /** As `string`, when all of it is here. */
  wholeString(): string | undefined {
    const end = this.#endOfString(false);
    if (!end.closed) return undefined;
    const text = this.#chunk.subarray(this.#at, Math.min(end.at, this.#at + MAX_KEY));
    this.#at = end.at + 1;
    return unescape_(text);
  }

  /** The text of the string that was opened, up to and with its quote; only what a key may be, the rest is skipped. */
  async string(): Promise<string> {
    const parts: Buffer[] = [];
    let size = 0;
    for (let escaped = false; ; ) {
      const end = this.#endOfString(escaped);
      const part = this.#chunk.subarray(this.#at, end.at);
      if (size < MAX_KEY) parts.push(Buffer.from(part.subarray(0, MAX_KEY)));
      size += part.length;
      escaped = end.escaped;
      this.#at = end.at;
      if (end.closed) {
        this.#at += 1;
        return unescape_(Buffer.concat(parts));
      }
      if (!(await this.#next())) throw refuse('REQUEST_INVALID', 'the document is not JSON');
    }
  }

  #endOfString(escaped: boolean): { at: number; closed: boolean; escaped: boolean } {
    const chunk = this.#chunk;
    let skip = escaped;
    for (let index = this.#at; index < chunk.length; index++) {
      const byte = chunk[index];
      if (skip) skip = false;
      else if (byte === BACKSLASH) skip = true;
      else if (byte === QUOTE) return { at: index, closed: true, escaped: false };
    }
    return { at: chunk.length, closed: false, escaped: skip };
  }

  /** The decoded bytes of the base64 string that was opened; it ends before the quote. */
  async *base64(): AsyncGenerator<Buffer> {
    this.#keep();
    const decoder = new Base64();
    for (;;) {
      const quote = this.#chunk.indexOf(QUOTE, this.#at);
      const end = quote < 0 ? this.#chunk.length : quote;
      const bytes = decoder.decode(this.#chunk.toString('latin1', this.#at, end), quote >= 0);
      if (bytes.length > 0) yield bytes;
      this.#at = end;
      this.#from = end;
      if (quote >= 0) return;
      if (!(await this.#next())) throw refuse('REQUEST_INVALID', 'the document is not JSON');
    }
  }

  /** Whoever took the data must have read it to its end. */
  closeString(): void {
    if (this.#chunk[this.#at] !== QUOTE) throw refuse('REQUEST_INVALID', 'an attachment was not read');
    this.#at += 1;
  }

  kept(): Buffer {
    this.#keep();
    return Buffer.concat(this.#kept, this.#size);
  }

  #keep(): void {
    const part = this.#chunk.subarray(this.#from, this.#at);
    this.#from = this.#at;
    if (part.length === 0) return;
    this.#size += part.length;
    if (this.#size > this.#limit)
      throw refuse('CONTENT_TOO_LARGE', `beside its tarball the document has at most ${this.#limit} bytes`);
    this.#kept.push(Buffer.from(part));
  }

  async #next(): Promise<boolean> {
    this.#keep();
    try {
      const { value, done } = await this.#chunks.next();
      if (done) return false;
      this.#chunk = value;
      this.#at = 0;
      this.#from = 0;
      return true;
    } catch (error) {
      if (isRefusal(error)) throw error;
      throw refuse('SIZE_INVALID', 'the body was cut short');
    }
  }
}

function unescape_(raw: Buffer): string {
  const text = raw.toString('utf8');
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
