/** Reading an archive in its order, checking every entry on the way. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { RecordedEvent } from '../../eventlog/port.ts';
import { archivedEvent, createSummary, ending, type Header, header } from './format.ts';

export interface Visitor {
  header(header: Header): Promise<void>;
  events(events: readonly RecordedEvent[]): Promise<void>;
  /** true: only the log is wanted, the rest is not read */
  readonly logOnly?: boolean;
  vault(lines: readonly string[]): Promise<void>;
  evidence(bytes: Uint8Array, digest: string): Promise<void>;
  downloads(segment: string, lines: readonly string[]): Promise<void>;
  /** must read the stream to its end */
  blob(stream: Readable, digest: string): Promise<void>;
}

const SMALL = 64 * 1024 * 1024;
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
    const bytes = await all(stream);
    const digest = createHash('sha256').update(bytes).digest('hex');
    if (name === 'end.json') return this.#end(bytes);
    this.#summary.add(name, digest);
    if (name === 'strongroom.json') {
      const parsed = header.parse(JSON.parse(bytes.toString()));
      this.#head = parsed.head;
      return this.#visitor.header(parsed);
    }
    if (name.startsWith('events/')) return this.#batch(bytes);
    if (name === 'vault.jsonl') return this.#visitor.vault(lines(bytes));
    if (name.startsWith('downloads/'))
      return this.#visitor.downloads(name.slice('downloads/'.length, -'.jsonl'.length), lines(bytes));
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

  async #batch(bytes: Buffer): Promise<void> {
    const events = lines(bytes).map(line => archivedEvent.parse(JSON.parse(line)) as RecordedEvent);
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
    if (size > SMALL) throw damaged('an entry is too large');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, size);
}

const lines = (bytes: Buffer) =>
  bytes
    .toString('utf8')
    .split('\n')
    .filter(line => line !== '');
export const damaged = (reason: string) =>
  refuse('REQUEST_INVALID', `the archive is damaged or incomplete: ${reason}`);
