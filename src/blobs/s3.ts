/**
 * Blobs in an S3 bucket: `<prefix>blobs/sha256/ab/<hex>` and `<prefix>staging/<upload>/`. What S3 has acknowledged is
 * durable, and a key is seen only with all its bytes, so a commit is one copy within the bucket.
 */
import { hash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { canonicalDigest, canonicalHex, digestMismatch, parseExpected } from './digest.ts';
import { Lifecycle } from './lifecycle.ts';
import type { BlobStore, CommittedBlob } from './port.ts';
import { DEFAULT_READ_BYTES } from './range.ts';
import { parseS3Address } from './s3/address.ts';
import { Bucket } from './s3/bucket.ts';
import type { Timeouts } from './s3/client.ts';
import { damaged } from './s3/faults.ts';
import { Shelf } from './s3/shelf.ts';
import { Staging } from './s3/staging.ts';

export interface S3BlobsOptions {
  /** `s3://bucket/prefix?region=…&endpoint=…&pathStyle=…` */
  readonly url: string;
  readonly timeouts?: Partial<Timeouts>;
}

const TIMEOUTS: Timeouts = { connect: 3_000, answer: 10_000, work: 60_000, stall: 20_000 };

/**
 * Opens the store and tries it; credentials come from where AWS clients look for them. Any number of processes may
 * share it, and an upload may be continued by any of them; one prefix is of one installation.
 * @throws Error when the address is wrong, STORAGE_UNAVAILABLE when the bucket cannot be used
 */
export async function openS3Blobs(options: S3BlobsOptions): Promise<BlobStore> {
  const bucket = new Bucket(parseS3Address(options.url), { ...TIMEOUTS, ...options.timeouts });
  const shelf = new Shelf(bucket);
  const staging = new Staging(bucket, shelf);
  const lifecycle = new Lifecycle();
  const run = <T>(work: () => Promise<T>) => lifecycle.run(work);
  const check = async () => {
    await staging.probe();
    // A server that may not list is told "forbidden" instead of "missing": better now than at the first pull.
    await shelf.stat(hash('sha256', 'no blob has this content', 'hex'));
  };

  try {
    await check();
  } catch (error) {
    bucket.close();
    throw error;
  }
  return {
    openUpload: owner => run(() => staging.open(owner)),
    findUpload: id => run(() => staging.find(id)),
    appendUpload: (id, body, limits) => run(() => staging.append(id, body, limits)),
    commitUpload: (id, expected) => run(() => staging.commit(id, expected)),
    abortUpload: id => run(() => staging.abort(id)),
    expireUploads: before => run(() => staging.expire(before)),
    put: (bytes, expected) => run(() => putVerified({ bucket, shelf }, Uint8Array.from(bytes), expected)),
    stat: digest => run(async () => shelf.stat(canonicalHex(digest))),
    open: (digest, range) => run(async () => shelf.open(canonicalHex(digest), range)),
    read: (digest, max = DEFAULT_READ_BYTES) => run(async () => shelf.read(canonicalHex(digest), max)),
    list: () => shelf.list(),
    remove: digest => run(async () => shelf.remove(canonicalHex(digest))),
    claim: installation => run(() => claimPrefix(bucket, installation)),
    check: () => run(check),
    async close() {
      await lifecycle.close();
      bucket.close();
    },
  };
}

/** `<prefix>installation` names the first installation that used the prefix. */
async function claimPrefix(bucket: Bucket, installation: string): Promise<string> {
  const key = 'installation';
  if ((await bucket.put(key, Buffer.from(installation), { ifAbsent: true })) !== undefined)
    return installation;
  const found = await bucket.get(key);
  if (!found) throw damaged('S3 has an object and does not give it');
  return (await buffer(found.body)).toString();
}

async function putVerified(
  { bucket, shelf }: { bucket: Bucket; shelf: Shelf },
  bytes: Uint8Array,
  expected?: string,
): Promise<CommittedBlob> {
  const hex = hash('sha256', bytes, 'hex');
  const wanted = expected === undefined ? undefined : parseExpected(expected);
  const actual = wanted?.algorithm === 'sha512' ? hash('sha512', bytes, 'hex') : hex;
  if (wanted && expected && actual !== wanted.hex)
    throw digestMismatch(expected, `${wanted.algorithm}:${actual}`);
  const blob = await shelf.publish(hex, bytes.length, key => bucket.rewrite(key, bytes));
  return expected === undefined || expected === canonicalDigest(hex) ? blob : { ...blob, alias: expected };
}
