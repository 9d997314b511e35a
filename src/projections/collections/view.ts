/** Runs of the collector and what they removed. */
import { flag, integer, nullable, type RowOf, table, text } from '../table.ts';
import { view } from '../view.ts';

export const collectionsTable = table({
  name: 'collections',
  columns: {
    runId: text(),
    startedAt: text(),
    /** absent while it runs, or when it was cut short */
    completedAt: nullable(text()),
    completed: flag(),
    examined: integer(),
    removed: integer(),
    bytes: integer(),
    /** of its first event; the order of lists */
    position: text(),
  },
  primaryKey: ['runId'],
  indexes: [{ name: 'collections_position', columns: ['position'] }],
});
export type CollectionRow = RowOf<typeof collectionsTable.columns>;

export const collections = view({
  table: collectionsTable,
  version: 1,
  types: ['BlobsCollected', 'CollectionCompleted'],
  keysOf: ({ data }) => [[data.runId]],
  evolve(row, event) {
    const { runId } = event.data;
    const first = { runId, startedAt: event.recordedAt, position: event.position };
    const known = row ?? { ...first, completedAt: null, completed: false, examined: 0, removed: 0, bytes: 0 };
    if (event.type === 'CollectionCompleted') {
      const { examined, removed, bytes } = event.data;
      return { ...known, examined, removed, bytes, completed: true, completedAt: event.recordedAt };
    }
    const bytes = event.data.blobs.reduce((sum, blob) => sum + blob.size, known.bytes);
    return { ...known, removed: known.removed + event.data.blobs.length, bytes };
  },
});
