/** Byte ranges of chunked uploads. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-in-chunks */
import { refuse } from '../../domain/errors.ts';
import type { ByteRange } from '../shared/range.ts';

/**
 * `Content-Range` of a chunk: `<start>-<end>` as the specification has it, and `bytes <start>-<end>/<total>` as HTTP
 * has it. undefined: none was sent, the chunk goes where the upload stands.
 * @param length the request's Content-Length in bytes, when it has one
 * @throws RANGE_INVALID when it is malformed, SIZE_INVALID when it does not span `length`
 */
export function parseContentRange(header: string | undefined, length?: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = /^(?:bytes[ =])?([0-9]{1,15})-([0-9]{1,15})(?:\/(?:[0-9]{1,15}|\*))?$/i.exec(header.trim());
  const range = { start: Number(match?.[1]), end: Number(match?.[2]) };
  if (!match || range.end < range.start)
    throw refuse('RANGE_INVALID', 'Content-Range of a chunk is <first byte>-<last byte>');
  if (length !== undefined && length !== range.end - range.start + 1)
    throw refuse('SIZE_INVALID', 'Content-Range and Content-Length of the chunk disagree');
  return range;
}

/**
 * `Range` of an upload's status: the bytes received so far, inclusive. The specification has no form for none;
 * like the reference implementation we then say `0-0`, so that it always parses.
 */
export const renderUploadRange = (received: number): string => `0-${Math.max(0, received - 1)}`;
