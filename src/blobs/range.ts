import { refuse } from '../domain/errors.ts';

/** Inclusive, in bytes from 0. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The range as it applies to `size` bytes: all of them when none is asked for; an end beyond the last byte means the
 * last byte (RFC 9110, section 14.1.2). RANGE_INVALID with `detail.size` when no byte is in it.
 */
export function resolveRange(range: ByteRange | undefined, size: number): ByteRange {
  if (!range) return { start: 0, end: size - 1 };
  const { start, end } = range;
  const sane = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end;
  if (!sane || start >= size) throw refuse('RANGE_INVALID', { size });
  return { start, end: Math.min(end, size - 1) };
}

/** What `read` takes at most when the caller names no limit. */
export const DEFAULT_READ_BYTES = 8 * 1024 * 1024;
