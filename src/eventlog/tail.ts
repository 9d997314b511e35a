/** The last events of a log with dense positions, kept in memory for those who read at the head. */
import type { EncodedAppend, EncodedEvent } from './checks.ts';
import { type Filter, type Page, passes, type RecordedEvent } from './port.ts';
import { toPosition } from './positions.ts';

const EVENTS = 4_096;
const CHARACTERS = 8 * 1024 * 1024;

/** An append that was just written: its last event is at `position` and `revision`. */
export interface Written {
  readonly append: EncodedAppend;
  readonly position: number;
  readonly revision: number;
  readonly recordedAt: string;
}

interface Entry {
  readonly stream: string;
  readonly type: string;
  readonly size: number;
  /** parses on first use: without readers nobody pays */
  readonly event: () => RecordedEvent;
}

export class Tail {
  #entries: Entry[] = [];
  /** position of the last entry */
  #last = 0;
  #characters = 0;

  /** Remembers an append; one that does not follow what is here (another node wrote between) starts anew. */
  push(written: Written): void {
    const { events, stream } = written.append;
    if (written.position - events.length !== this.#last) this.#forget();
    for (const [at, event] of events.entries()) {
      const back = events.length - 1 - at;
      const place = {
        position: toPosition(written.position - back),
        stream,
        revision: written.revision - back,
        recordedAt: written.recordedAt,
      };
      const size = event.data.length + event.meta.length;
      this.#entries.push({ stream, type: event.type, size, event: lazily(() => recorded(event, place)) });
      this.#characters += size;
    }
    this.#last = written.position;
    this.#trim();
  }

  /** The page after a position, when all of it is remembered. */
  page(after: number, limit: number, filter: Filter | undefined): Page | undefined {
    const from = this.#entries.length - (this.#last - after);
    if (from < 0 || from >= this.#entries.length) return undefined;
    const looked = this.#entries.slice(from, from + limit);
    const next = after + looked.length;
    const passing = filter ? looked.filter(entry => passes(entry, filter)) : looked;
    return {
      events: passing.map(entry => entry.event()),
      next: toPosition(next),
      atHead: next >= this.#last,
    };
  }

  #forget(): void {
    this.#entries = [];
    this.#characters = 0;
  }

  /** Cuts in halves, so that trimming costs nothing per event. */
  #trim(): void {
    while (this.#entries.length > EVENTS || this.#characters > CHARACTERS) {
      const cut = this.#entries.splice(0, Math.ceil(this.#entries.length / 2));
      this.#characters -= cut.reduce((sum, entry) => sum + entry.size, 0);
    }
  }
}

type At = Pick<RecordedEvent, 'position' | 'stream' | 'revision' | 'recordedAt'>;

/** A stored event as the port gives it. */
export function recorded({ id, type, version, meta, data }: EncodedEvent, at: At): RecordedEvent {
  return { id, type, version, meta: JSON.parse(meta), data: JSON.parse(data), ...at };
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
