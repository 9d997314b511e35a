/**
 * The blob store port: bytes addressed by digest. It knows nothing of repositories, rights or formats.
 *
 * Guarantees (proved by test/contracts/blobs.ts):
 *  - when `commit` or `put` resolves, the bytes and their name are durable (file and folder synced);
 *  - bytes are only ever visible under a digest they were verified to have;
 *  - "unsure" is never "missing": an I/O error rejects with STORAGE_UNAVAILABLE, only a proven absence is undefined.
 *
 * The canonical digest of all bytes is their sha256. Other algorithms are verified at commit and live as
 * aliases in the event log, not here.
 */
import type { Readable } from 'node:stream';

/** `sha256:<64 lower-case hex>` */
export type CanonicalDigest = string;

export interface BlobInfo {
  readonly digest: CanonicalDigest;
  /** bytes */
  readonly size: number;
  /** when the file was made, milliseconds since the epoch: collection leaves young blobs alone */
  readonly createdAt: number;
}

/** A resumable upload. It survives a restart of the process. */
export interface StagedUpload {
  readonly id: string;
  /** bytes received and kept so far */
  readonly size: number;
  /** what the opener stored with it (actor, repository…); returned as it was given */
  readonly owner: Readonly<Record<string, string>>;
  /** milliseconds since the epoch */
  readonly createdAt: number;
  readonly touchedAt: number;
}

export interface CommittedBlob extends BlobInfo {
  /** false when the same bytes were there already */
  readonly created: boolean;
  /** the digest the caller asked for, when it is of another algorithm than sha256 */
  readonly alias?: string;
}

export interface AppendOptions {
  readonly offset?: number;
  readonly limit?: number;
  readonly last?: boolean;
}

export interface BlobStore {
  /** Opens an upload; `owner` (at most some 100 characters) is kept with it, over restarts. */
  openUpload(owner: Record<string, string>): Promise<StagedUpload>;
  findUpload(id: string): Promise<StagedUpload | undefined>;
  /**
   * Appends a chunk. `offset` must equal the current size, else RANGE_INVALID (detail.size = the current size);
   * a second writer at the same time gets STATE_CONFLICT. On a broken body what arrived is kept, so that the client
   * can resume. `limit` bounds the whole upload in bytes: CONTENT_TOO_LARGE. `last`: the commit follows before
   * anybody is told of these bytes, so that until then they may be kept where a restart loses them.
   */
  appendUpload(id: string, body: Readable, options: AppendOptions): Promise<StagedUpload>;
  /**
   * Verifies and publishes. `expected` is `sha256:…` or `sha512:…`; a mismatch rejects with DIGEST_INVALID and
   * removes the upload. Idempotent for bytes that are there already.
   */
  commitUpload(id: string, expected: string): Promise<CommittedBlob>;
  abortUpload(id: string): Promise<void>;
  /** Uploads last touched before this moment (ms) are removed; returns their ids. */
  expireUploads(before: number): Promise<string[]>;

  /** Small content in one call (manifests, packuments). */
  put(bytes: Uint8Array, expected?: string): Promise<CommittedBlob>;
  /** undefined only when the blob is certainly not there */
  stat(digest: CanonicalDigest): Promise<BlobInfo | undefined>;
  /** Inclusive byte range. undefined only when certainly not there. */
  open(digest: CanonicalDigest, range?: { start: number; end: number }): Promise<Readable | undefined>;
  /** All bytes of a small blob (at most `max`, default 8 MiB, else CONTENT_TOO_LARGE). */
  read(digest: CanonicalDigest, max?: number): Promise<Uint8Array | undefined>;
  /** All blobs, in no order. */
  list(): AsyncIterable<BlobInfo>;
  /** True when it was there. Only the collector calls this, under its lease. */
  remove(digest: CanonicalDigest): Promise<boolean>;
  /**
   * Gives the installation that these bytes belong to: the first that claimed them, for ever. A store of another must
   * not be used, since collection removes what its own log does not name.
   * @param installation id of the event log, at most 100 printable characters
   */
  claim(installation: string): Promise<string>;
  /** Writes and syncs a probe: rejects with STORAGE_UNAVAILABLE and a reason when the store is not usable. */
  check(): Promise<void>;
  close(): Promise<void>;
}
