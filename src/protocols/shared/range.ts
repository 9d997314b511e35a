/** Byte ranges of downloads. https://www.rfc-editor.org/rfc/rfc9110#section-14 */
import { refuse } from '../../domain/errors.ts';

/** Both ends inclusive, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The part of the content that `Range` asks for; undefined: all of it (no header, another unit, or several ranges, which
 * a server may ignore). An end past the content is cut back; a suffix longer than the content is all of it.
 * @param size of the content in bytes
 * @throws RANGE_INVALID (with the fact `size`) when no byte of it is asked for, as for `bytes=500-0`
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
