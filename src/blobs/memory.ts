/** The blob store in memory, for unit tests: same contract, nothing survives the process. */
import { hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { refuse } from '../domain/errors.ts';
import { drain, expectErrors } from './body.ts';
import { canonicalDigest, canonicalHex, digestMismatch, newUploadId, parseExpected } from './digest.ts';
import { Lifecycle } from './lifecycle.ts';
import type {
  AppendOptions,
  BlobInfo,
  BlobStore,
  CanonicalDigest,
  CommittedBlob,
  StagedUpload,
} from './port.ts';
import { type ByteRange, DEFAULT_READ_BYTES, resolveRange } from './range.ts';
import { streamBytes } from './stream.ts';

interface Upload {
  readonly owner: Record<string, string>;
  readonly createdAt: number;
  touchedAt: number;
  chunks: Uint8Array[];
  size: number;
  busy: boolean;
}

interface Stored {
  readonly bytes: Uint8Array;
  readonly createdAt: number;
}

/** `now`: milliseconds since the epoch. */
export function memoryBlobs(now: () => number = Date.now): BlobStore {
  const lifecycle = new Lifecycle();
  const uploads = new Map<string, Upload>();
  const blobs = new Map<CanonicalDigest, Stored>();
  const run = <T>(work: () => Promise<T> | T) => lifecycle.run(async () => work());
  let owner: string | undefined;

  return {
    openUpload: owner =>
      run(() => {
        const id = newUploadId();
        const at = now();
        const upload = {
          owner: { ...owner },
          createdAt: at,
          touchedAt: at,
          chunks: [],
          size: 0,
          busy: false,
        };
        uploads.set(id, upload);
        return describe(id, upload);
      }),
    findUpload: id =>
      run(() => {
        const upload = uploads.get(id);
        return upload && describe(id, upload);
      }),
    appendUpload: (id, body, options) =>
      run(() => {
        expectErrors(body);
        return claimed(uploads, id, async upload => {
          await append(upload, body, options).finally(() => {
            upload.touchedAt = now();
          });
          return describe(id, upload);
        });
      }),
    commitUpload: (id, expected) =>
      run(async () => {
        parseExpected(expected);
        return claimed(uploads, id, async upload => {
          uploads.delete(id);
          return publish(blobs, Buffer.concat(upload.chunks), now(), expected);
        });
      }),
    abortUpload: id => run(() => claimed(uploads, id, async () => void uploads.delete(id))),
    expireUploads: before =>
      run(() => {
        const old = [...uploads].filter(([, upload]) => !upload.busy && upload.touchedAt < before);
        for (const [id] of old) uploads.delete(id);
        return old.map(([id]) => id);
      }),
    put: (bytes, expected) => run(() => publish(blobs, Uint8Array.from(bytes), now(), expected)),
    stat: digest => run(() => info(blobs, digest)),
    open: (digest, range) =>
      run(() => {
        const stored = find(blobs, digest);
        return stored && streamBytes(slice(stored.bytes, range));
      }),
    read: (digest, max = DEFAULT_READ_BYTES) =>
      run(() => {
        const bytes = find(blobs, digest)?.bytes;
        if (bytes && bytes.length > max)
          throw refuse('CONTENT_TOO_LARGE', { size: bytes.length, limit: max });
        return bytes;
      }),
    async *list() {
      for (const digest of [...blobs.keys()]) {
        const blob = info(blobs, digest);
        if (blob) yield blob;
      }
    },
    remove: digest => run(() => blobs.delete(canonicalDigest(canonicalHex(digest)))),
    claim: installation =>
      run(() => {
        owner ??= installation;
        return owner;
      }),
    check: () => run(() => undefined),
    close: () => lifecycle.close(),
  };
}

async function append(upload: Upload, body: Readable, options: AppendOptions): Promise<void> {
  const { offset = upload.size, limit = Number.POSITIVE_INFINITY } = options;
  if (offset !== upload.size) throw refuse('RANGE_INVALID', { size: upload.size });
  if (upload.size > limit) throw refuse('CONTENT_TOO_LARGE', { size: upload.size, limit });
  const refusal = await drain(body, limit - upload.size, chunk => {
    upload.chunks.push(chunk);
    upload.size += chunk.length;
    return undefined;
  });
  if (refusal) throw refusal;
}

async function claimed<T>(
  uploads: Map<string, Upload>,
  id: string,
  work: (upload: Upload) => Promise<T>,
): Promise<T> {
  const upload = uploads.get(id);
  if (!upload) throw refuse('UPLOAD_UNKNOWN');
  if (upload.busy) throw refuse('STATE_CONFLICT', 'another request works on this upload');
  upload.busy = true;
  try {
    return await work(upload);
  } finally {
    upload.busy = false;
  }
}

function publish(
  blobs: Map<CanonicalDigest, Stored>,
  bytes: Uint8Array,
  createdAt: number,
  expected?: string,
): CommittedBlob {
  const digest = canonicalDigest(hash('sha256', bytes, 'hex'));
  if (expected !== undefined) {
    const { algorithm } = parseExpected(expected);
    const actual = `${algorithm}:${hash(algorithm, bytes, 'hex')}`;
    if (actual !== expected) throw digestMismatch(expected, actual);
  }
  const created = !blobs.has(digest);
  blobs.set(digest, { bytes, createdAt });
  const blob = { digest, size: bytes.length, createdAt, created };
  return expected === undefined || expected === digest ? blob : { ...blob, alias: expected };
}

function find(blobs: Map<CanonicalDigest, Stored>, digest: CanonicalDigest): Stored | undefined {
  return blobs.get(canonicalDigest(canonicalHex(digest)));
}

function info(blobs: Map<CanonicalDigest, Stored>, digest: CanonicalDigest): BlobInfo | undefined {
  const stored = find(blobs, digest);
  return stored && { digest, size: stored.bytes.length, createdAt: stored.createdAt };
}

function slice(bytes: Uint8Array, range: ByteRange | undefined): Uint8Array {
  const { start, end } = resolveRange(range, bytes.length);
  return bytes.subarray(start, end + 1);
}

function describe(id: string, upload: Upload): StagedUpload {
  const { size, owner, createdAt, touchedAt } = upload;
  return { id, size, owner: { ...owner }, createdAt, touchedAt };
}
