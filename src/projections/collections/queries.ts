/** Runs of the collector. */
import type { Views } from '../port.ts';
import { AFTER_ALL, pageSize } from '../prepared.ts';
import type { CollectionQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { collectionsTable } from './view.ts';

export function collectionQueries(views: Views): CollectionQueries {
  return {
    async listCollections({ after, limit, order = 'desc' } = {}) {
      const up = order === 'asc';
      const rows = await views
        .current()
        .kysely.selectFrom('collections')
        .selectAll()
        .where('position', up ? '>' : '<', after ?? (up ? '' : AFTER_ALL))
        .orderBy('position', order)
        .limit(pageSize(limit))
        .execute();
      return rows.map(row => decodeRow(collectionsTable, row));
    },
  };
}
