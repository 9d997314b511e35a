/**
 * Composed documents (packuments, simple indexes, maven-metadata.xml, index.yaml …): built once per change, kept in
 * memory under a byte budget, shared by whoever asks meanwhile. Nothing in them depends on the caller.
 */
import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Stamps } from './stamps.ts';

export interface Document {
  readonly bytes: Uint8Array;
  /** a strong entity tag of the bytes, quoted */
  readonly etag: string;
  /** compressed once, when somebody asks for it */
  gzip(): Promise<Uint8Array>;
}

export interface DocumentKey {
  readonly repositoryId: string;
  /** absent: the document is about the whole repository */
  readonly package?: string | undefined;
  /** which of the documents; also whatever else it depends on, such as the origin in its URLs */
  readonly kind: string;
}

export interface Documents {
  get(key: DocumentKey, build: () => Promise<Uint8Array | string>): Promise<Document>;
}

interface Entry {
  readonly stamp: string;
  readonly document: Promise<Document>;
  bytes: number;
}

const compress = promisify(gzip);

/** @param maxBytes of all documents kept, compressed forms included */
export function createDocuments(stamps: Stamps, maxBytes = 64 * 1024 * 1024): Documents {
  const entries = new Map<string, Entry>();
  let used = 0;

  function drop(key: string, entry: Entry): void {
    if (entries.get(key) !== entry) return;
    entries.delete(key);
    used -= entry.bytes;
  }

  function grow(key: string, entry: Entry, bytes: number): void {
    if (entries.get(key) !== entry) return;
    entry.bytes += bytes;
    used += bytes;
    for (const [oldest, other] of entries) {
      if (used <= maxBytes) return;
      drop(oldest, other);
    }
  }

  function start(key: string, stamp: string, build: () => Promise<Uint8Array | string>): Entry {
    const entry: Entry = {
      stamp,
      bytes: 0,
      document: build().then(built => documentOf(built, bytes => grow(key, entry, bytes))),
    };
    entries.set(key, entry);
    entry.document.catch(() => drop(key, entry));
    return entry;
  }

  return {
    async get({ repositoryId, package: name, kind }, build) {
      const key = `${repositoryId}\0${name ?? ''}\0${kind}`;
      // taken before the build begins: what changes during it makes the next caller build again
      const stamp = stamps.of(repositoryId, name);
      const known = entries.get(key);
      if (known && known.stamp !== stamp) drop(key, known);
      const entry = entries.get(key) ?? start(key, stamp, build);
      // the least recently used go first
      entries.delete(key);
      entries.set(key, entry);
      return entry.document;
    },
  };
}

function documentOf(built: Uint8Array | string, grow: (bytes: number) => void): Document {
  const bytes = typeof built === 'string' ? Buffer.from(built) : built;
  let compressed: Promise<Uint8Array> | undefined;
  grow(bytes.length);
  return {
    bytes,
    etag: `"${hash('sha256', bytes).slice(0, 32)}"`,
    gzip() {
      compressed ??= compress(bytes, { level: 6 }).then(done => {
        grow(done.length);
        return done;
      });
      return compressed;
    },
  };
}
