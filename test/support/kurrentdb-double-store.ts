/** The memory of the KurrentDB double: streams, $all, expected revisions and idempotency as the server documents them. */

export interface StoredEvent {
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  /** byte offset; commit and prepare position are the same for what is written in one go */
  readonly position: bigint;
  readonly type: string;
  readonly contentType: string;
  /** ms since 1970 */
  readonly created: number;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export type Proposed = Pick<StoredEvent, 'id' | 'type' | 'contentType' | 'data' | 'metadata'>;
export type ExpectedRevision = number | 'no_stream' | 'any' | 'stream_exists';

export type Written =
  | { readonly kind: 'written'; readonly revision: number; readonly position: bigint }
  | { readonly kind: 'wrong'; readonly current: number | undefined }
  | { readonly kind: 'too-large' };

/** What the server takes in one append by default. */
export const MAX_APPEND_SIZE = 1024 * 1024;

export class DoubleStore {
  readonly all: StoredEvent[] = [];
  readonly streams = new Map<string, StoredEvent[]>();
  /** the server's clock */
  now: () => number = Date.now;
  /** called after every write */
  onWrite: () => void = () => {};
  #end = 0n;

  constructor() {
    // A new server begins with an event of its own
    this.writeSystemEvent('$epoch-information', '$epoch-information');
  }

  /** An event of the server itself, as statistics are. */
  writeSystemEvent(stream = '$stats-127.0.0.1:2113', type = '$statsCollected'): void {
    const id = crypto.randomUUID();
    const data = Buffer.from('{"proc":1}');
    this.append(
      stream,
      [{ id, type, contentType: 'application/json', data, metadata: new Uint8Array() }],
      'any',
    );
  }

  append(stream: string, events: readonly Proposed[], expected: ExpectedRevision): Written {
    const size = events.reduce((sum, event) => sum + event.data.length + event.metadata.length, 0);
    if (size > MAX_APPEND_SIZE) return { kind: 'too-large' };
    const existing = this.streams.get(stream) ?? [];
    const current = existing.length - 1;
    if (!meets(expected, current)) return repetition(existing, events, expected) ?? wrong(current);
    for (const event of events) {
      const stored = {
        ...event,
        stream,
        revision: existing.length,
        position: this.#end,
        created: this.now(),
      };
      this.#end += BigInt(120 + stream.length + event.data.length + event.metadata.length);
      existing.push(stored);
      this.all.push(stored);
    }
    this.streams.set(stream, existing);
    this.onWrite();
    return { kind: 'written', revision: existing.length - 1, position: this.all.at(-1)!.position };
  }
}

function meets(expected: ExpectedRevision, current: number): boolean {
  if (expected === 'any') return true;
  if (expected === 'stream_exists') return current >= 0;
  return current === (expected === 'no_stream' ? -1 : expected);
}

/**
 * The same ids where they were expected, now in the past, are a repetition. The answer gives the position of the
 * first of them: nobody may rely on it being that of the last.
 */
function repetition(
  existing: readonly StoredEvent[],
  events: readonly Proposed[],
  expected: ExpectedRevision,
): Written | undefined {
  const from = expected === 'no_stream' ? 0 : Number(expected) + 1;
  const there = existing.slice(from, from + events.length);
  if (there.length < events.length || there.some((event, at) => event.id !== events[at]!.id))
    return undefined;
  return { kind: 'written', revision: from + events.length - 1, position: there[0]!.position };
}

function wrong(current: number): Written {
  return { kind: 'wrong', current: current < 0 ? undefined : current };
}
