/** The one decision every adapter makes the same way: does this append write, repeat, or conflict? Pure. */
import type { EncodedAppend } from './checks.ts';

/** Where an event id is in the log already; positions are the adapter's own numbers. */
export interface Place {
  readonly position: number;
  readonly revision: number;
}

export type Plan =
  | { readonly kind: 'write'; readonly firstRevision: number }
  | { readonly kind: 'repeated'; readonly last: Place }
  | { readonly kind: 'conflict'; readonly actual: number | 'none' };

/**
 * @param known finds an event id in the log
 * @param revision of the stream's last event, undefined when there is none
 */
export function planAppend(
  append: EncodedAppend,
  known: (id: string) => Place | undefined,
  revision: number | undefined,
): Plan {
  // Ids go first: a retry expects the stream as it was before its own first try. Any known id counts, since an
  // append is atomic; the last one known is where the first try ended.
  for (let at = append.events.length - 1; at >= 0; at--) {
    const last = known(append.events[at]!.id);
    if (last) return { kind: 'repeated', last };
  }
  const { expected } = append;
  const met =
    expected === 'any' ||
    (expected === 'none' && revision === undefined) ||
    (expected === 'exists' && revision !== undefined) ||
    expected === revision;
  if (!met) return { kind: 'conflict', actual: revision ?? 'none' };
  return { kind: 'write', firstRevision: (revision ?? -1) + 1 };
}
