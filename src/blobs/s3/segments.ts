/**
 * The bytes of an upload on their way: objects `staging/<id>/<offset>` of some megabytes each, never written twice. Any
 * process can read and continue them; parts of an S3 multipart upload could not be read before they are joined.
 */
import type { Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { refuse, type StrongroomError } from '../../domain/errors.ts';
import { drain } from '../body.ts';
import type { Bucket, ObjectInfo } from './bucket.ts';

export const STAGING = 'staging/';
/** Large enough to become a part by itself; an upload holds twice this in memory. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
const OFFSET_DIGITS = 15;
const OFFSET = /^\d{15}$/;

export interface Segment {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
}

export const uploadFolder = (id: string) => `${STAGING}${id}/`;

/** Those that follow each other from the first byte on; what lies behind a gap was never acknowledged. */
export function segmentsOf(id: string, objects: readonly ObjectInfo[]): Segment[] {
  const segments: Segment[] = [];
  let size = 0;
  for (const object of objects) {
    const name = object.key.slice(uploadFolder(id).length);
    if (!OFFSET.test(name)) continue;
    if (Number(name) !== size) break;
    segments.push({ key: object.key, size: object.size, etag: object.etag });
    size += object.size;
  }
  return segments;
}

export const sizeOf = (segments: readonly Segment[]) => segments.reduce((sum, { size }) => sum + size, 0);

export interface Reception {
  readonly bucket: Bucket;
  readonly id: string;
  /** where the first byte goes */
  readonly from: number;
  /** bytes that are taken at most */
  readonly room: number;
  /** is told of every byte that is written, when it knows all those before */
  readonly hash: Hash | undefined;
  /** what does not fill a segment is given back instead of written */
  readonly keepTail: boolean;
}

export interface Received {
  readonly segments: readonly Segment[];
  readonly tail: Uint8Array | undefined;
  /** why the body ended early */
  readonly refusal: StrongroomError | undefined;
}

/**
 * Writes a body as segments, one at a time, so that no gap can come about; the next one gathers meanwhile. What came
 * of a body that broke is written too. Rejects when a write fails: then `hash` is of no use any more.
 * STATE_CONFLICT when another process has written at the same place.
 */
export async function receive(body: Readable, reception: Reception): Promise<Received> {
  const { bucket, id, hash } = reception;
  const segments: Segment[] = [];
  let next = reception.from;
  let gathered: Uint8Array[] = [];
  let size = 0;
  let writing: Promise<void> | undefined;

  const write = async (key: string, bytes: Uint8Array) => {
    const etag = await bucket.put(key, bytes, { ifAbsent: true });
    if (etag === undefined) throw refuse('STATE_CONFLICT', 'another request works on this upload');
    segments.push({ key, size: bytes.length, etag });
  };
  const startWrite = () => {
    const key = uploadFolder(id) + String(next).padStart(OFFSET_DIGITS, '0');
    const bytes = Buffer.concat(gathered);
    hash?.update(bytes);
    next += size;
    gathered = [];
    size = 0;
    writing = write(key, bytes);
    // A failure is seen where `writing` is awaited, which may be later than it happens.
    writing.catch(() => undefined);
  };
  const afterCurrentWrite = async () => {
    await writing;
    startWrite();
  };

  const refusal = await drain(body, reception.room, chunk => {
    gathered.push(chunk);
    size += chunk.length;
    return size >= SEGMENT_BYTES ? afterCurrentWrite() : undefined;
  });
  await writing;
  if (reception.keepTail && !refusal) return { segments, tail: Buffer.concat(gathered), refusal };
  if (size > 0) startWrite();
  await writing;
  return { segments, tail: undefined, refusal };
}
