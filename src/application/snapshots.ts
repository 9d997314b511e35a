/**
 * Snapshots of long streams: every so many events the folded state is kept, and a cold stream is folded from there on.
 * They are a cache: one of another log, epoch or program, or one that the log does not bear out, is ignored.
 */
import type { EventLog } from '../eventlog/port.ts';
import type { SnapshotStore } from '../snapshots/port.ts';

/** A stream up to an event: its 0-based revision, its id, and the state that it leads to. */
export interface Folded {
  readonly revision: number;
  /** undefined before the first event */
  readonly eventId: string | undefined;
  readonly state: unknown;
}

export interface Snapshots {
  /** undefined: there is none that can be trusted */
  load(stream: string): Promise<Folded | undefined>;
  /** Keeps the state when it is time to; `since` is the revision up to which the stream was known before. */
  note(stream: string, folded: Folded, since: number): Promise<void>;
}

export interface SnapshotOptions {
  readonly log: EventLog;
  readonly store: SnapshotStore;
  /** names the program that folds: a state that other code has folded may have another shape, or another meaning */
  readonly code: string;
  /** events between two snapshots of a stream */
  readonly every?: number;
}

/** What must be the same for a snapshot to be used at all; `format` names the shape of this envelope. */
interface Origin {
  readonly format: 1;
  readonly logId: string;
  readonly epoch: number;
  readonly code: string;
  readonly stream: string;
}

type Kept = Origin & { readonly revision: number; readonly eventId: string; readonly state: unknown };

export function createSnapshots({ log, store, code, every = 256 }: SnapshotOptions): Snapshots {
  const turns = (revision: number) => Math.floor((revision + 1) / every);
  const { logId, epoch } = log;
  const origin = (stream: string): Origin => ({ format: 1, logId, epoch, code, stream });

  return {
    async load(stream) {
      const kept = keptIn(await store.load(stream), origin(stream));
      if (!kept) return undefined;
      const { revision, eventId, state } = kept;
      // the log may have been put back to before it, or have gone on another way from there
      const [event] = await log.readStream(stream, { from: revision, limit: 1 });
      return event?.id === eventId ? { revision, eventId, state } : undefined;
    },

    async note(stream, { revision, eventId, state }, since) {
      if (turns(revision) <= turns(since)) return;
      await store.save(stream, Buffer.from(JSON.stringify({ ...origin(stream), revision, eventId, state })));
    },
  };
}

function keptIn(bytes: Uint8Array | undefined, origin: Origin): Kept | undefined {
  if (!bytes) return undefined;
  const kept = JSON.parse(Buffer.from(bytes).toString()) as Partial<Kept>;
  const names = Object.keys(origin) as (keyof Origin)[];
  return names.every(name => kept[name] === origin[name]) ? (kept as Kept) : undefined;
}
