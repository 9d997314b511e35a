/** Which event ids the log is known to hold, and how far back a stream's ids are known. Bounded. */
import type { EncodedEvent } from '../checks.ts';
import type { Position } from '../port.ts';

export interface Place {
  readonly position: Position;
  readonly revision: number;
}

interface Coverage {
  /** the ids of the stream's events up to this revision are known, as far back as a scan goes */
  readonly revision: number;
  /** how many ids had been added before the first of them: tells whether it may have been dropped since */
  readonly since: number;
}

export class KnownIds {
  readonly #capacity: number;
  readonly #places = new Map<string, Place>();
  readonly #streams = new Map<string, Coverage>();
  #added = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(id: string, place: Place): void {
    // Seen again is as good as new: a coverage that counts from now must not lose it sooner
    this.#places.delete(id);
    this.#places.set(id, place);
    this.#added++;
    dropOldest(this.#places, this.#capacity);
  }

  /** Where the last of these that is known ended: an append is atomic, so any known id means all of it. */
  find(events: readonly EncodedEvent[]): Place | undefined {
    return events.map(event => this.#places.get(event.id)).findLast(place => place !== undefined);
  }

  /** A count to hand to `cover` later, taken before the ids are added. */
  mark(): number {
    return this.#added;
  }

  /** Says that the ids of this stream up to `revision`, added since `mark`, are known. */
  cover(stream: string, revision: number, mark: number): void {
    const before = this.covered(stream) === undefined ? undefined : this.#streams.get(stream);
    if (before && before.revision > revision) return;
    this.#streams.delete(stream);
    this.#streams.set(stream, { revision, since: Math.min(mark, before?.since ?? mark) });
    dropOldest(this.#streams, this.#capacity);
  }

  /** Up to which revision the ids of this stream are known, undefined when they are not. */
  covered(stream: string): number | undefined {
    const coverage = this.#streams.get(stream);
    return coverage && this.#added - coverage.since <= this.#capacity ? coverage.revision : undefined;
  }

  /** After an append of unknown outcome the stream has to be looked at again. */
  uncover(stream: string): void {
    this.#streams.delete(stream);
  }
}

function dropOldest(map: Map<string, unknown>, capacity: number): void {
  if (map.size <= capacity) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
