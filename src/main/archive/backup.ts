/** Writing an archive, while the registry goes on. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { refuse } from '../../domain/errors.ts';
import type { System } from '../system.ts';
import { createSummary, type Header, MAX_WHOLE, nowAndThen, type Progress } from './format.ts';

export interface BackupReport {
  readonly file: string;
  readonly head: string;
  readonly events: number;
  readonly evidence: number;
  readonly blobs: number;
  readonly bytes: number;
}

/** Writes the archive beside its place and renames it when it is whole and synced. Nothing is collected meanwhile. */
export async function backup(
  system: System,
  file: string,
  onProgress: Progress = () => undefined,
): Promise<BackupReport> {
  const partial = `${file}.partial`;
  try {
    return await system.stores.collection.shared(async () => {
      const report = await write(system, partial, nowAndThen(onProgress));
      const handle = await open(partial, 'r');
      await handle.sync().finally(() => handle.close());
      await rename(partial, file);
      return { file, ...report };
    });
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function write(system: System, path: string, onProgress: Progress) {
  await system.core.downloads.flush();
  const tar = pack();
  const written = pipeline(tar, createWriteStream(path, { mode: 0o600, flags: 'w' }));
  const writer = new Writer(tar, system);
  const filled = writer.fill(onProgress).then(
    report => {
      tar.finalize();
      return report;
    },
    error => {
      tar.destroy(error);
      throw error;
    },
  );
  const [report] = await Promise.all([filled, written]);
  return report;
}

class Writer {
  readonly #tar: Pack;
  readonly #system: System;
  readonly #summary = createSummary();
  #events = 0;
  #bytes = 0;

  constructor(tar: Pack, system: System) {
    this.#tar = tar;
    this.#system = system;
  }

  async fill(onProgress: Progress) {
    const { core, stores } = this.#system;
    // before the head: what is sealed and removed meanwhile is in the log only after it
    const downloads = await downloadsOf(stores.journal);
    const head = await core.log.head();
    const { logId, epoch } = core.log;
    const header: Header = {
      format: 1,
      logId,
      epoch,
      head,
      createdAt: core.now().toISOString(),
      producer: core.settings.producer,
    };
    await this.#put('strongroom.json', JSON.stringify(header));
    await this.#log(head, done => onProgress({ phase: 'events', done }));
    await this.#vault();
    const evidence = await this.#evidence(done => onProgress({ phase: 'evidence', done }));
    for (const { segment, lines } of downloads) await this.#list(`downloads/${segment}.jsonl`, lines);
    const blobs = await this.#blobs(done => onProgress({ phase: 'blobs', done }));
    const end = this.#summary.end();
    await this.#entry('end.json', Buffer.from(JSON.stringify({ ...end, events: this.#events })));
    return { head, events: this.#events, evidence, blobs, bytes: this.#bytes };
  }

  async #log(head: string, told: (done: number) => void): Promise<void> {
    const { log } = this.#system.core;
    for (let after = log.start, part = 1; after < head; part++) {
      const page = await log.readAll({ after, limit: 1000 });
      const events = page.events.filter(({ position }) => position <= head);
      if (events.length === 0) return;
      this.#events += events.length;
      const lines = events.map(event => JSON.stringify(event));
      await this.#list(`events/${String(part).padStart(8, '0')}.jsonl`, lines);
      after = page.next;
      told(this.#events);
    }
  }

  async #vault(): Promise<void> {
    const lines: string[] = [];
    for await (const entry of this.#system.stores.vault.export()) lines.push(JSON.stringify(entry));
    await this.#list('vault.jsonl', lines);
  }

  async #evidence(told: (done: number) => void): Promise<number> {
    const { evidence } = this.#system.core;
    let done = 0;
    for (let after: string | undefined; ; ) {
      const digests = await evidence.list(after === undefined ? { limit: 500 } : { after, limit: 500 });
      after = digests.at(-1);
      if (after === undefined) return done;
      for (const digest of digests) {
        const bytes = await evidence.get(digest);
        // what was erased on purpose is not brought back by a backup
        if (bytes === undefined || bytes === 'erased') continue;
        fits(`evidence ${digest}`, bytes.length);
        await this.#put(`evidence/${hex(digest)}`, bytes);
        told(++done);
      }
    }
  }

  async #blobs(told: (done: number) => void): Promise<number> {
    const { blobs } = this.#system.core;
    let done = 0;
    for await (const { digest, size } of blobs.list()) {
      const stream = await blobs.open(digest);
      if (!stream) continue;
      await this.#stream(`blobs/${hex(digest)}`, size, stream);
      told(++done);
    }
    return done;
  }

  /** One line each. As bytes: a text cannot be as long as a list may be. */
  async #list(name: string, lines: readonly string[]): Promise<void> {
    const bytes = lines.map(line => Buffer.from(`${line}\n`));
    for (const line of bytes) fits(`a line of ${name}`, line.length);
    await this.#put(name, Buffer.concat(bytes));
  }

  async #put(name: string, content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.#summary.add(name, createHash('sha256').update(bytes).digest('hex'));
    await this.#entry(name, bytes);
  }

  async #entry(name: string, bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    await new Promise<void>((done, failed) =>
      this.#tar.entry(
        { name, mode: 0o600 },
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
        error => (error ? failed(error) : done()),
      ),
    );
  }

  async #stream(name: string, size: number, stream: Readable): Promise<void> {
    const hash = createHash('sha256');
    let failure: unknown;
    // a writable of streamx: the same contract as Node's, other type declarations
    const entry = this.#tar.entry({ name, size, mode: 0o600 }, error => {
      failure = error;
    }) as unknown as Writable;
    for await (const chunk of stream) {
      hash.update(chunk as Buffer);
      if (!entry.write(chunk)) await new Promise(ready => entry.once('drain', ready));
    }
    await new Promise<void>(done => {
      entry.once('close', done);
      entry.end();
    });
    if (failure) throw failure;
    const digest = hash.digest('hex');
    if (!name.endsWith(digest))
      throw refuse('STORAGE_UNAVAILABLE', `${name} is damaged in the store: it has ${digest}`);
    this.#summary.add(name, digest);
    this.#bytes += size;
  }
}

/** An archive that could not be restored is not written. */
function fits(what: string, size: number): void {
  if (size > MAX_WHOLE)
    throw refuse('STATE_CONFLICT', `${what} has ${size} bytes: an archive takes ${MAX_WHOLE} in one piece`);
}

/** The records that are not sealed yet. */
async function downloadsOf(journal: System['stores']['journal']) {
  const kept: { segment: string; lines: readonly string[] }[] = [];
  for (const segment of await journal.segments()) {
    try {
      kept.push({ segment, lines: await journal.read(segment) });
    } catch (error) {
      // sealed just now: its event is below the head that is read next
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return kept;
}

const hex = (digest: string) => digest.slice(digest.indexOf(':') + 1);
