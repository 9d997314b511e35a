/** Takes a body into a file: each chunk is hashed when it arrives, while the chunks before it are being written. */
import type { Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { StrongroomError } from '../../domain/errors.ts';
import { drain } from '../body.ts';
import type { OpenFile } from './file-ops.ts';

/** Enough for one write to be worth its trip to the thread pool; also bounds the memory of an upload to about twice this. */
const BATCH_BYTES = 1024 * 1024;

export interface Target {
  /** asked for once, with the first write */
  readonly file: () => Promise<OpenFile>;
  readonly hash: Hash;
  /** a whole body of no more than one write stays in memory */
  readonly mayKeep?: boolean;
}

export interface Received {
  /** bytes that are hashed, and written but for `kept` */
  readonly size: number;
  /** the whole body, when none of it was written */
  readonly kept: readonly Uint8Array[] | undefined;
  /** why the body ended early */
  readonly refusal: StrongroomError | undefined;
}

/**
 * Appends at `from` at most `room` bytes; what came of a body that broke is written too. Rejects when a write fails;
 * then hash and file do not agree any more.
 */
export async function receive(
  body: Readable,
  { file, hash, mayKeep = false }: Target,
  from: number,
  room: number,
): Promise<Received> {
  let position = from;
  let batch: Uint8Array[] = [];
  let gathered = 0;
  let opened: Promise<OpenFile> | undefined;
  let writing: Promise<void> | undefined;

  const startWrite = () => {
    const chunks = batch;
    const at = position;
    position += gathered;
    batch = [];
    gathered = 0;
    opened ??= file();
    writing = opened.then(target => target.write(chunks, at));
    // A failure is seen where `writing` is awaited, which may be later than it happens.
    writing.catch(() => undefined);
  };
  const afterCurrentWrite = async () => {
    await writing;
    startWrite();
  };

  const refusal = await drain(body, room, chunk => {
    hash.update(chunk);
    batch.push(chunk);
    gathered += chunk.length;
    return gathered >= BATCH_BYTES ? afterCurrentWrite() : undefined;
  });
  await writing;
  if (mayKeep && !opened && !refusal) return { size: position + gathered, kept: batch, refusal };
  if (gathered > 0) startWrite();
  await writing;
  return { size: position, kept: undefined, refusal };
}
