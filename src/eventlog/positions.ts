/** Positions of the logs that number their events densely from 1: 20 decimal digits, so that text orders as numbers. */
import { refuse } from '../domain/errors.ts';
import type { Position } from './port.ts';

const WIDTH = 20;

export const START: Position = '0'.repeat(WIDTH);

export function toPosition(number: number): Position {
  return String(number).padStart(WIDTH, '0');
}

/** @throws StrongroomError CURSOR_INVALID for text that is no position of such a log */
export function fromPosition(position: Position): number {
  const number = Number(position);
  if (!/^\d{20}$/.test(position) || !Number.isSafeInteger(number)) {
    throw refuse('CURSOR_INVALID', 'a position of this log has 20 digits');
  }
  return number;
}

/** The store's clock for `recordedAt`: RFC 3339 with milliseconds, never before the last one. */
export function notBefore(last: string, now: Date): string {
  const text = now.toISOString();
  return text > last ? text : last;
}
