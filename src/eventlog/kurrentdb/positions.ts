/**
 * Positions in KurrentDB's $all: the commit and prepare positions (byte offsets of 64 bits) as 16 hexadecimal
 * digits each, so that text orders as the pair does. Monotonic, not contiguous.
 */
import type { Position as ServerPosition } from '@eventstore/db-client';
import { START as SERVER_START } from '@eventstore/db-client';
import { refuse } from '../../domain/errors.ts';
import type { Position } from '../port.ts';

const HALF = 16;

export const START: Position = '0'.repeat(2 * HALF);

export function toPosition({ commit, prepare }: ServerPosition): Position {
  return hex(commit) + hex(prepare);
}

/** @throws StrongroomError CURSOR_INVALID for text that is no position of such a log */
export function fromPosition(position: Position): ServerPosition | typeof SERVER_START {
  if (!/^[0-9a-f]{32}$/.test(position)) {
    throw refuse('CURSOR_INVALID', 'a position of this log has 32 hexadecimal digits');
  }
  if (position === START) return SERVER_START;
  return { commit: BigInt(`0x${position.slice(0, HALF)}`), prepare: BigInt(`0x${position.slice(HALF)}`) };
}

export function later(a: Position, b: Position): Position {
  return a > b ? a : b;
}

function hex(offset: bigint): string {
  return offset.toString(16).padStart(HALF, '0');
}
