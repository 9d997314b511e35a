/** What the runner of the views is to others. */
import type { DomainEvent } from '../domain/catalogue.ts';
import type { EventLog } from '../eventlog/port.ts';
import type { Documents } from './build.ts';
import type { Views } from './port.ts';
import type { RunnerStatus } from './status.ts';

export type { RunnerStatus };

export interface RunnerOptions {
  readonly log: EventLog;
  readonly store: Views;
  /** fetches the documents that events name by digest */
  readonly documents?: Documents | undefined;
  /** events per transaction at most; default and maximum 1000. A rebuild beside a serving generation takes fewer */
  readonly batch?: number;
  /** events from one position to another, for logs whose positions tell */
  readonly distance?: (from: string, to: string) => number;
  /** is told in a sentence why views are rebuilt or what is tried again */
  readonly onNotice?: (text: string) => void;
  /** milliseconds between looks at the head and at other nodes; default 1000 */
  readonly tendMs?: number;
}

export type AppliedListener = (events: readonly DomainEvent[], position: string) => void;

export interface Runner {
  /** The log's position up to which the views are committed and `onApplied` was called. */
  position(): string;
  /** Resolves when position() ≥ `position`. @throws VIEWS_BEHIND after `timeoutMs`, or when the runner halted */
  reached(position: string, timeoutMs: number): Promise<void>;
  /** Called synchronously after each commit, in order, on every replica; returns its removal. */
  onApplied(listener: AppliedListener): () => void;
  /** Called when another generation took over: whatever was cached from the views must go. */
  onReset(listener: () => void): () => void;
  status(): RunnerStatus;
  /**
   * Builds a new generation beside the serving one, flips and drops the old. Resolves after the flip.
   * @throws STATE_CONFLICT when another node builds one now
   */
  rebuild(): Promise<void>;
  /** Resolves when the views are at the head that the log had at the start, or the runner halted. */
  readonly started: Promise<void>;
  /** Stops following; the store stays open. */
  close(): Promise<void>;
}
