/**
 * Blobs in a folder of this machine: `<root>/blobs/sha256/ab/<hex>` and `<root>/staging/`.
 *
 * The order that makes a reply durable: write the bytes to staging, sync the file, rename it to its digest, sync the
 * folder, reply. So a name is never durable before its bytes are, and nothing is acknowledged before both.
 */
import { hash } from 'node:crypto';
import { canonicalDigest, canonicalHex, digestMismatch, parseExpected } from './digest.ts';
import { Claims } from './filesystem/claims.ts';
import { asUnavailable } from './filesystem/faults.ts';
import { type FileOps, nodeFileOps } from './filesystem/file-ops.ts';
import { prepareLayout } from './filesystem/folders.ts';
import { claimFolder } from './filesystem/owner.ts';
import { Shelf } from './filesystem/shelf.ts';
import { SmallBlobs } from './filesystem/small.ts';
import { Staging } from './filesystem/staging.ts';
import { Lifecycle } from './lifecycle.ts';
import type { BlobInfo, BlobStore, CommittedBlob } from './port.ts';
import { DEFAULT_READ_BYTES } from './range.ts';

export interface FilesystemBlobsOptions {
  /** made when missing, with its parents */
  readonly root: string;
  /** the disk; tests put a simulated one here */
  readonly fs?: FileOps;
}

/**
 * Opens the store, making its folders when they are missing. Rejects with STORAGE_UNAVAILABLE when it cannot.
 * Several processes may share the root when each upload is served by one of them; removal is fenced by the
 * collector's lease, not here.
 */
export async function openFilesystemBlobs(options: FilesystemBlobsOptions): Promise<BlobStore> {
  const fs = options.fs ?? nodeFileOps;
  const layout = await translated(() => prepareLayout(fs, options.root));
  const shelf = new Shelf(fs, layout);
  const claims = new Claims();
  const small = new SmallBlobs(fs, layout, shelf, claims);
  const staging = new Staging({ fs, layout, shelf, small, claims });
  const lifecycle = new Lifecycle();
  const run = <T>(work: () => Promise<T>) => lifecycle.run(() => translated(work));

  return {
    openUpload: owner => run(() => staging.open(owner)),
    findUpload: id => run(() => staging.find(id)),
    appendUpload: (id, body, limits) => run(() => staging.append(id, body, limits)),
    commitUpload: (id, expected) => run(() => staging.commit(id, expected)),
    abortUpload: id => run(() => staging.abort(id)),
    expireUploads: before => run(() => staging.expire(before)),
    put: (bytes, expected) => run(() => putVerified(small, bytes, expected)),
    stat: digest => run(async () => shelf.stat(canonicalHex(digest))),
    open: (digest, range) => run(async () => shelf.open(canonicalHex(digest), range)),
    read: (digest, max = DEFAULT_READ_BYTES) => run(async () => shelf.read(canonicalHex(digest), max)),
    list: () => translatedList(shelf.list()),
    remove: digest => run(async () => shelf.remove(canonicalHex(digest))),
    claim: installation => run(() => claimFolder(fs, options.root, installation)),
    check: () => run(() => small.probe()),
    close: () => lifecycle.close(),
  };
}

async function putVerified(small: SmallBlobs, bytes: Uint8Array, expected?: string): Promise<CommittedBlob> {
  // The one-shot hash is several times faster than a Hash object on small content.
  const hex = hash('sha256', bytes, 'hex');
  if (expected === undefined) return small.put([bytes], hex);
  const wanted = parseExpected(expected);
  const actual = wanted.algorithm === 'sha256' ? hex : hash('sha512', bytes, 'hex');
  if (actual !== wanted.hex) throw digestMismatch(expected, `${wanted.algorithm}:${actual}`);
  const blob = await small.put([bytes], hex);
  return expected === canonicalDigest(hex) ? blob : { ...blob, alias: expected };
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asUnavailable(error);
  }
}

async function* translatedList(blobs: AsyncIterable<BlobInfo>): AsyncGenerator<BlobInfo> {
  try {
    yield* blobs;
  } catch (error) {
    throw asUnavailable(error);
  }
}
