/** What the thread of the callers and the thread of the database say to each other. All of it is cloned. */
import type { ErrorCode } from '../../domain/errors.ts';
import type { EvidenceRow } from '../../evidence/rows.ts';
import type { EncodedAppend } from '../checks.ts';
import type { Filter } from '../port.ts';
import type { ArchivedEvent, LogIdentity } from '../restore.ts';

export interface Opened extends LogIdentity {
  /** the position of the last event */
  readonly head: number;
}

/** First message of the database thread. */
export type Greeting = { readonly opened: Opened } | { readonly failed: Failure };

export interface Failure {
  readonly code: ErrorCode;
  readonly reason: string;
}

export type Write =
  /** in order, up to and including the first that does not write; an outcome for each of those */
  | { readonly kind: 'append'; readonly appends: readonly EncodedAppend[] }
  | { readonly kind: 'put'; readonly row: EvidenceRow }
  | { readonly kind: 'remove'; readonly digests: readonly string[] };

export type Read =
  | { readonly kind: 'page'; readonly after: number; readonly limit: number; readonly filter?: Filter }
  | { readonly kind: 'stream'; readonly stream: string; readonly from: number; readonly limit: number }
  | { readonly kind: 'evidence'; readonly digest: string }
  | { readonly kind: 'digests'; readonly after: string; readonly limit: number };

export type Restore =
  | { readonly kind: 'restore-begin'; readonly identity: LogIdentity }
  | { readonly kind: 'restore-events'; readonly events: readonly ArchivedEvent[] }
  | { readonly kind: 'restore-end'; readonly keep: boolean };

export type Request = Write | Read | Restore | { readonly kind: 'close' };
export type Numbered<R extends Request = Request> = { readonly id: number; readonly request: R };

/** position, stream, revision, id, type, version, recordedAt, meta, data */
export type EventRow = [number, string, number, string, string, number, string, string, string];

export interface RowPage {
  readonly rows: readonly EventRow[];
  /** the last position looked at */
  readonly next: number;
  /** whether anything was left to look at */
  readonly more: boolean;
}

export type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly failed: Failure });

/** What one turn of the database thread brought about, in the order of its commits. */
export interface Turn {
  readonly head: number;
  readonly replies: readonly Reply[];
}
