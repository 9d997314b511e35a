/**
 * One object of the pieces of an upload. S3 copies within itself what is large enough to be a part; only pieces that are
 * too small for that come here and go back joined.
 */
import { buffer } from 'node:stream/consumers';
import type { Bucket } from './bucket.ts';
import { readObject } from './download.ts';

/** In the bucket, or still in memory. */
export type Piece =
  | { readonly size: number; readonly key: string; readonly etag: string }
  | { readonly size: number; readonly bytes: Uint8Array };

/** Every part but the last has at least this. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const MIN_PART_BYTES = 5 * 1024 * 1024;
/** S3 takes 10,000. */
const MAX_PARTS = 9000;
const PARALLEL = 4;

/** Groups pieces, in order, into parts: each of one piece, or of several of which none is large enough alone. */
export function planParts(pieces: readonly Piece[], minimum = MIN_PART_BYTES): readonly Piece[][] {
  const parts: Piece[][] = [];
  let gathered = minimum;
  for (const piece of pieces) {
    if (gathered >= minimum) {
      parts.push([]);
      gathered = 0;
    }
    parts.at(-1)?.push(piece);
    gathered += piece.size;
  }
  return parts;
}

/** Writes the object under `key`; gives true when none was there. STATE_CONFLICT when a piece is not what it was. */
export async function assemble(bucket: Bucket, key: string, pieces: readonly Piece[]): Promise<boolean> {
  const size = pieces.reduce((sum, piece) => sum + piece.size, 0);
  const parts = planParts(pieces, Math.max(MIN_PART_BYTES, Math.ceil(size / MAX_PARTS)));
  const content = parts.length > 1 ? undefined : await contentOf(bucket, parts[0] ?? []);
  if (content instanceof Uint8Array) return bucket.rewrite(key, content);
  const there = await bucket.seems(key);
  if (content) await bucket.copy(key, content);
  else await join(bucket, key, parts);
  return !there;
}

async function join(bucket: Bucket, key: string, parts: readonly (readonly Piece[])[]): Promise<void> {
  const id = await bucket.begin(key);
  try {
    const etags: string[] = [];
    const waiting = parts.entries();
    const work = async () => {
      for (const [at, part] of waiting)
        etags[at] = await bucket.part(key, { id, number: at + 1 }, await contentOf(bucket, part));
    };
    await settled(Array.from({ length: PARALLEL }, work));
    await bucket.complete(key, id, etags);
  } catch (error) {
    // What this leaves behind, expiry takes.
    await bucket.abandon(key, id).catch(() => undefined);
    throw error;
  }
}

/** What S3 can copy itself, or bytes. */
async function contentOf(bucket: Bucket, part: readonly Piece[]) {
  const [only] = part;
  if (only && part.length === 1) return 'bytes' in only ? only.bytes : only;
  return Buffer.concat(await Promise.all(part.map(piece => bytesOf(bucket, piece))));
}

async function bytesOf(bucket: Bucket, piece: Piece): Promise<Uint8Array> {
  if ('bytes' in piece) return piece.bytes;
  return buffer(readObject(bucket, piece));
}

/** Waits for all: none may still work on what is then abandoned. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find(one => one.status === 'rejected');
  if (failed) throw failed.reason;
}
