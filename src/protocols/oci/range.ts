/** Byte ranges of blob downloads (RFC 9110, section 14) and of chunked uploads (distribution spec, "in chunks"). */
import { refuse } from '../../domain/errors.ts';

/** Both ends inclusive, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The part of a blob that `Range` asks for; undefined: all of it (no header, another unit, or several ranges, which
 * a server may ignore). An end past the blob is cut back; a suffix longer than the blob is all of it.
 * @param size of the blob in bytes
 * @throws RANGE_INVALID (with the fact `size`) when no byte of the blob is asked for, as for `bytes=500-0`
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*$/i.exec(header ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return undefined;
  const range =
    first === ''
      ? { start: Math.max(0, size - Number(last)), end: size - 1 }
      : { start: Number(first), end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
  if (range.start <= range.end) return range;
  throw refuse('RANGE_INVALID', { reason: `the content has ${size} bytes`, size });
}

/** `Content-Range` of a 206. */
export const renderContentRange = (range: ByteRange, size: number): string =>
  `bytes ${range.start}-${range.end}/${size}`;

/** `Content-Range` of a 416. */
export const renderUnsatisfiedRange = (size: number): string => `bytes */${size}`;

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
