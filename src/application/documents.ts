/**
 * Composed documents (packuments, simple indexes, maven-metadata.xml, index.yaml …): built once per change, kept in
 * memory under a byte budget, shared by whoever asks meanwhile. Nothing in them depends on the caller.
 */
import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Composed, type Composer, createComposer, PLACE_BYTES } from './compose.ts';
import type { Stamps } from './stamps.ts';

export interface Document {
  readonly bytes: Uint8Array;
  /** a short text that its composer gave with it */
  readonly note: string | undefined;
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

/** Makes a document: whole, or from fragments with the composer, which has those of the document before. */
export type Build = (composer: Composer) => Promise<Uint8Array | string | Composed>;

export interface Documents {
  get(key: DocumentKey, build: Build): Promise<Document>;
}

interface Entry {
  readonly stamp: string;
  readonly generation: number;
  readonly document: Promise<Document>;
  /** what fragments are taken from: of the document before, until this one is there */
  composed: Composed | undefined;
  bytes: number;
}

/** What an entry takes beside its bytes, about: also those of empty documents are bounded. */
const ENTRY_BYTES = 1024;

const compress = promisify(gzip);

/** @param maxBytes of all documents kept, compressed forms and what is remembered about them included */
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

  function start(key: string, before: Composed | undefined, { stamp, changed, build }: Begin): Entry {
    const entry: Entry = {
      stamp,
      generation: stamps.generation(),
      composed: before,
      bytes: 0,
      document: build(createComposer(before)).then(built => {
        const composed = composedOf(built);
        // what is read at several moments may not fit together: such fragments are for nobody else
        entry.composed = changed() ? undefined : composed;
        grow(key, entry, ENTRY_BYTES + composed.places.size * PLACE_BYTES);
        return documentOf(composed, bytes => grow(key, entry, bytes));
      }),
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
      const changed = () => stamps.of(repositoryId, name) !== stamp;
      const known = entries.get(key);
      if (known && known.stamp !== stamp) drop(key, known);
      // what erasure may have changed is not told by fragments' stamps
      const before = known?.generation === stamps.generation() ? known.composed : undefined;
      const entry = entries.get(key) ?? start(key, before, { stamp, changed, build });
      // the least recently used go first
      entries.delete(key);
      entries.set(key, entry);
      return entry.document;
    },
  };
}

interface Begin {
  readonly stamp: string;
  /** whether it is another one by now */
  readonly changed: () => boolean;
  readonly build: Build;
}

const NONE: Composed['places'] = new Map();

function composedOf(built: Uint8Array | string | Composed): Composed {
  if (typeof built === 'string') return { bytes: Buffer.from(built), places: NONE };
  return built instanceof Uint8Array ? { bytes: built, places: NONE } : built;
}

function documentOf({ bytes, note }: Composed, grow: (bytes: number) => void): Document {
  let compressed: Promise<Uint8Array> | undefined;
  grow(bytes.length);
  return {
    bytes,
    note,
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
