/**
 * Documents put together from fragments, one for each version (or chart, or file) that they list. Where a fragment lies
 * is remembered with the document, so that the next one copies what did not change and makes only what did: no second
 * copy of fragments is kept, and their memory is the document's.
 */

/** A document that knows where its fragments lie. */
export interface Composed {
  readonly bytes: Uint8Array;
  readonly places: ReadonlyMap<string, Place>;
  /** a short text about it, such as one for a header */
  readonly note?: string | undefined;
}

interface Place {
  /** of what it was made from */
  readonly stamp: string;
  /** bytes from the document's beginning */
  readonly start: number;
  readonly end: number;
}

/** A fragment by what it is of, and by a stamp that is another one whenever what it is made from is another. */
interface FragmentName {
  readonly key: string;
  readonly stamp: string;
}

export interface Composer {
  /** Whether this fragment is not in the document before: what it is made from has to be fetched. */
  lacks(of: FragmentName): boolean;
  /** What stands before, between and behind fragments. */
  frame(text: string): void;
  /** The fragment as the document before has it, else as it is made now. A key may come once in a document. */
  fragment(of: FragmentName, make: () => string): void;
  /** The document of all that was given, in its order. */
  finish(note?: string): Composed;
}

/** What a remembered place takes in memory beside the document's bytes, about. */
export const PLACE_BYTES = 200;

/** @param before the document that the new one takes the place of */
export function createComposer(before: Composed | undefined): Composer {
  const pieces: Uint8Array[] = [];
  const places = new Map<string, Place>();
  let size = 0;
  /** frames that are not among the pieces yet: few long texts are encoded faster than many short ones */
  let text = '';

  function add(piece: Uint8Array): void {
    pieces.push(piece);
    size += piece.length;
  }

  function endFrame(): void {
    if (text !== '') add(Buffer.from(text));
    text = '';
  }

  const found = ({ key, stamp }: FragmentName): Uint8Array | undefined => {
    const place = before?.places.get(key);
    return place?.stamp === stamp ? before?.bytes.subarray(place.start, place.end) : undefined;
  };

  return {
    lacks: of => before?.places.get(of.key)?.stamp !== of.stamp,
    frame(more) {
      text += more;
    },
    fragment(of, make) {
      endFrame();
      const start = size;
      add(found(of) ?? Buffer.from(make()));
      places.set(of.key, { stamp: of.stamp, start, end: size });
    },
    finish(note) {
      endFrame();
      return { bytes: Buffer.concat(pieces, size), places, note };
    },
  };
}
