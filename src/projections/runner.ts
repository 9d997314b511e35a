/** Follows the log and keeps the views. */
import type { DomainEvent } from '../domain/catalogue.ts';

export interface RunnerStatus {
  readonly state: 'starting' | 'following' | 'rebuilding' | 'retrying' | 'halted' | 'closed';
  /** the last position whose events are in the views and were announced here */
  readonly position: string;
  /** the log's head as it was last seen */
  readonly head: string;
  readonly lag: {
    /** events between position and head; absent when positions do not tell */
    readonly events?: number;
    /** since when events wait, 0 when none does */
    readonly seconds: number;
  };
  readonly generation: number;
  /** a new generation is being built; `serving` says whether an old one answers meanwhile */
  readonly rebuilding: boolean;
  readonly serving: boolean;
  /** the views answer, and the runner follows */
  readonly ready: boolean;
  /** why it halted or retries, or why the last rebuild was done */
  readonly reason?: string;
}

export interface Runner {
  /** The log's position up to which the views are committed and `onApplied` was called. */
  position(): string;
  /** Resolves when position() ≥ `position`. @throws VIEWS_BEHIND after `timeoutMs`, or when the runner halted */
  reached(position: string, timeoutMs: number): Promise<void>;
  /** Called synchronously after each commit, in order, on every replica; returns its removal. */
  onApplied(listener: (events: readonly DomainEvent[], position: string) => void): () => void;
  /** Called when another generation took over: whatever was cached from the views must go. */
  onReset(listener: () => void): () => void;
  status(): RunnerStatus;
  /** Builds a new generation beside the serving one, flips and drops the old. Resolves after the flip. */
  rebuild(): Promise<void>;
  /** Resolves when the views are at the head that the log had at the start (or the runner halted). */
  started: Promise<void>;
  close(): Promise<void>;
}
