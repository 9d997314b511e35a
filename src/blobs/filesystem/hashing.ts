/** Digests of bytes on their way in and of files. Hash state cannot be serialised: after a restart the file is read. */
import { createHash, type Hash } from 'node:crypto';
import type { Algorithm } from '../digest.ts';
import { damaged } from './faults.ts';
import type { FileInfo, OpenFile } from './file-ops.ts';

const BLOCK_BYTES = 1024 * 1024;

/** Hashes the first `size` bytes of a file in blocks of 1 MiB. */
export async function hashFile(file: OpenFile, size: number, algorithm: Algorithm): Promise<Hash> {
  const hash = createHash(algorithm);
  const block = Buffer.allocUnsafe(Math.min(size, BLOCK_BYTES));
  for (let at = 0; at < size; ) {
    const read = await file.read(block.subarray(0, Math.min(block.length, size - at)), at);
    if (read === 0) throw damaged('a file became shorter while it was read');
    hash.update(block.subarray(0, read));
    at += read;
  }
  return hash;
}

/**
 * The running sha256 of an upload, valid for as long as the file is exactly as we left it. When it is not (a crash
 * lost or kept more than we knew, another process wrote), the file is the truth.
 */
export interface RunningHash {
  readonly hash: Hash;
  readonly left: FileInfo;
}

export async function continueHash(
  file: OpenFile,
  now: FileInfo,
  running: RunningHash | undefined,
): Promise<Hash> {
  const untouched = running?.left.size === now.size && running.left.modifiedAt === now.modifiedAt;
  return running && untouched ? running.hash : hashFile(file, now.size, 'sha256');
}
