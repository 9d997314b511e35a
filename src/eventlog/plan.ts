/** The one decision every adapter makes the same way (does this append write, repeat, or conflict?), and what came of it. Pure. */
import type { EncodedAppend } from './checks.ts';
import { type AppendedInOrder, type AppendResult, ConflictError } from './port.ts';
import { toPosition } from './positions.ts';

/** Where an event id is in the log already; positions are the adapter's own numbers. */
export interface Place {
  readonly position: number;
  readonly revision: number;
}

/** What became of an append; positions and revisions are those of its last event. */
export type AppendOutcome =
  | {
      readonly kind: 'written';
      readonly position: number;
      readonly revision: number;
      readonly recordedAt: string;
    }
  | { readonly kind: 'repeated'; readonly position: number; readonly revision: number }
  | { readonly kind: 'conflict'; readonly actual: number | 'none' };

export type Plan =
  | { readonly kind: 'write'; readonly firstRevision: number }
  | { readonly kind: 'repeated'; readonly last: Place }
  | { readonly kind: 'conflict'; readonly actual: number | 'none' };

/** An outcome as the port gives it. */
export function resultOf({ stream, expected }: EncodedAppend, outcome: AppendOutcome): AppendResult {
  if (outcome.kind === 'conflict') throw new ConflictError(stream, expected, outcome.actual);
  const { position, revision, kind } = outcome;
  return { position: toPosition(position), revision, repeated: kind === 'repeated' };
}

/** Outcomes of appends in order, as the port gives them; those after the last outcome were not tried. */
export function resultsOf(
  appends: readonly EncodedAppend[],
  outcomes: readonly AppendOutcome[],
): AppendedInOrder {
  const results: AppendResult[] = [];
  for (const [at, outcome] of outcomes.entries()) {
    const { stream, expected } = appends[at]!;
    if (outcome.kind === 'conflict')
      return { results, conflict: new ConflictError(stream, expected, outcome.actual) };
    results.push(resultOf(appends[at]!, outcome));
  }
  return { results };
}

/** Decides appends in order, up to and including the first that does not write. */
export function decideInOrder(
  appends: readonly EncodedAppend[],
  decide: (append: EncodedAppend) => AppendOutcome,
): AppendOutcome[] {
  const outcomes: AppendOutcome[] = [];
  for (const append of appends) {
    const outcome = decide(append);
    outcomes.push(outcome);
    if (outcome.kind !== 'written') break;
  }
  return outcomes;
}

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
