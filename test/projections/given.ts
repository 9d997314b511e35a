/** Folds events over one view, as a runner would, and gives the rows that are left in key order. */
import { type AnyEvent, EVENTS, toDomainEvent } from '../../src/domain/catalogue.ts';
import type { JsonObject } from '../../src/domain/values/json.ts';
import { createPlanner, foldWork, keyText } from '../../src/projections/batch.ts';
import type { AnyView } from '../../src/projections/view.ts';
import { metaOf } from './history.ts';

export type Given = AnyEvent & { readonly meta?: JsonObject };

/** Event n (from 1) is at position `0n`, recorded at second n of the minute. */
export function rowsOf(view: unknown, given: readonly Given[]): object[] {
  const subject = view as AnyView;
  const planner = createPlanner([subject]);
  const rows = new Map<string, object>();
  given.forEach(({ type, data, meta }, at) => {
    const number = String(at + 1).padStart(2, '0');
    const event = toDomainEvent({
      position: number,
      stream: `stream-${type}`,
      revision: at,
      id: `event-${number}`,
      type,
      version: EVENTS[type].version,
      recordedAt: `2026-01-01T00:00:${number}.000Z`,
      data: data as JsonObject,
      meta: metaOf(meta),
    });
    for (const work of planner([event])) {
      const { upserts, deletes } = foldWork(work, rows);
      for (const key of deletes) rows.delete(keyText(key));
      for (const row of upserts as Record<string, string | number>[])
        rows.set(keyText(subject.table.primaryKey.map(name => row[name]!)), row);
    }
  });
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}
