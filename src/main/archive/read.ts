/** Reading an archive in its order, checking every entry on the way. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { RecordedEvent } from '../../eventlog/port.ts';
import { archivedEvent, createSummary, ending, type Header, header, MAX_WHOLE } from './format.ts';

export interface Visitor {
  header(header: Header): Promise<void>;
  /** lists come in parts, in their order: an entry may be larger than memory */
  events(events: readonly RecordedEvent[]): Promise<void>;
  /** true: only the log is wanted, the rest is not read */
  readonly logOnly?: boolean;
  vault(lines: readonly string[]): Promise<void>;
  evidence(bytes: Uint8Array, digest: string): Promise<void>;
  downloads(segment: string, lines: readonly string[]): Promise<void>;
  /** must read the stream to its end */
  blob(stream: Readable, digest: string): Promise<void>;
}

/** How much of a list is given at once: lines, and about how many bytes. */
const PART = { lines: 1000, bytes: 8 * 1024 * 1024 };
const NAME =
  /^(?:strongroom\.json|end\.json|vault\.jsonl|events\/\d{8}\.jsonl|(?:evidence|blobs)\/[0-9a-f]{64}|downloads\/[\w-]+\.jsonl)$/;

/** @throws REQUEST_INVALID when it is not a whole, unchanged archive */
export async function readArchive(file: string, visitor: Visitor): Promise<{ head: string; events: number }> {
  const tar = extract();
  const source = createReadStream(file);
  source.on('error', error => tar.destroy(error));
  source.pipe(tar);
  const reading = new Reading(visitor);
  try {
    for await (const entry of tar) {
      if (visitor.logOnly && reading.isPastLog(entry.header.name)) break;
      await reading.entry(entry.header.name, entry as unknown as Readable);
    }
    source.destroy();
  } catch (error) {
    source.destroy();
    // errors of the file system and refusals speak for themselves; the rest is what tar could not read
    if (isRefusal(error) || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw damaged(error instanceof Error ? error.message : String(error));
  }
  return visitor.logOnly ? reading.log() : reading.end();
}

class Reading {
  readonly #visitor: Visitor;
  readonly #summary = createSummary();
  #head: string | undefined;
  #events = 0;
  #ended = false;

  constructor(visitor: Visitor) {
    this.#visitor = visitor;
  }

  async entry(name: string, stream: Readable): Promise<void> {
    if (this.#ended || !NAME.test(name)) throw damaged(`${name.slice(0, 100)} does not belong there`);
    if (this.#head === undefined && name !== 'strongroom.json')
      throw damaged('it does not begin with strongroom.json');
    if (name.startsWith('blobs/')) return this.#blob(name, stream);
    if (name.endsWith('.jsonl')) return this.#list(name, stream);
    const bytes = await all(stream);
    const digest = createHash('sha256').update(bytes).digest('hex');
    if (name === 'end.json') return this.#end(bytes);
    this.#summary.add(name, digest);
    if (name === 'strongroom.json') {
      const parsed = header.parse(JSON.parse(bytes.toString()));
      this.#head = parsed.head;
      return this.#visitor.header(parsed);
    }
    if (!name.endsWith(digest)) throw damaged(`${name} has the digest ${digest}`);
    return this.#visitor.evidence(bytes, `sha256:${digest}`);
  }

  isPastLog(name: string): boolean {
    return this.#head !== undefined && !name.startsWith('events/');
  }

  log(): { head: string; events: number } {
    if (this.#head === undefined) throw damaged('it is empty');
    return { head: this.#head, events: this.#events };
  }

  end(): { head: string; events: number } {
    if (!this.#ended) throw damaged('its end is missing');
    return this.log();
  }

  async #list(name: string, stream: Readable): Promise<void> {
    const hash = createHash('sha256');
    for await (const lines of parts(stream, hash)) await this.#part(name, lines);
    this.#summary.add(name, hash.digest('hex'));
  }

  async #part(name: string, lines: readonly string[]): Promise<void> {
    if (name === 'vault.jsonl') return this.#visitor.vault(lines);
    if (name.startsWith('downloads/'))
      return this.#visitor.downloads(name.slice('downloads/'.length, -'.jsonl'.length), lines);
    const events = lines.map(line => archivedEvent.parse(JSON.parse(line)) as RecordedEvent);
    this.#events += events.length;
    await this.#visitor.events(events);
  }

  async #blob(name: string, stream: Readable): Promise<void> {
    const digest = name.slice('blobs/'.length);
    await this.#visitor.blob(stream, `sha256:${digest}`);
    this.#summary.add(name, digest);
  }

  #end(bytes: Buffer): void {
    const said = ending.parse(JSON.parse(bytes.toString()));
    const { entries, digest } = this.#summary.end();
    if (said.entries !== entries || said.digest !== digest || said.events !== this.#events)
      throw damaged('its entries are not those it was written with');
    this.#ended = true;
  }
}

async function all(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += (chunk as Buffer).length;
    if (size > MAX_WHOLE) throw damaged('an entry is too large');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, size);
}

/** The lines of a list in parts; at least one part, which may be empty. All that is read goes into the hash. */
async function* parts(stream: Readable, hash: Hash): AsyncGenerator<readonly string[]> {
  let lines: string[] = [];
  let bytes = 0;
  let given = false;
  for await (const line of linesOf(stream, hash)) {
    lines.push(line);
    bytes += line.length;
    if (lines.length < PART.lines && bytes < PART.bytes) continue;
    yield lines;
    given = true;
    lines = [];
    bytes = 0;
  }
  if (lines.length > 0 || !given) yield lines;
}

async function* linesOf(stream: Readable, hash: Hash): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  let size = 0;
  const line = () => {
    const text = Buffer.concat(begun, size).toString('utf8');
    begun = [];
    size = 0;
    return text;
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    let from = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, from)) {
      begun.push(chunk.subarray(from, end));
      size += end - from;
      from = end + 1;
      if (size > 0) yield line();
    }
    begun.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > MAX_WHOLE) throw damaged('a line is too long');
  }
  if (size > 0) yield line();
}

const LINE_END = 0x0a;

export const damaged = (reason: string) =>
  refuse('REQUEST_INVALID', `the archive is damaged or incomplete: ${reason}`);
