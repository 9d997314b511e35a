/** Counted refusals. */
import type { Views } from '../port.ts';
import { AFTER_ALL, pageSize } from '../prepared.ts';
import type { DenialQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { denialsTable } from './view.ts';

export function denialQueries(views: Views): DenialQueries {
  return {
    async listDenials({ actor, after, limit, order = 'desc' } = {}) {
      const up = order === 'asc';
      const from = after ?? { minute: up ? '' : AFTER_ALL, denialId: '' };
      let query = views
        .current()
        .kysely.selectFrom('denials')
        .selectAll()
        .where(({ eb, refTuple, tuple }) =>
          eb(refTuple('minute', 'denialId'), up ? '>' : '<', tuple(from.minute, from.denialId)),
        )
        .orderBy('minute', order)
        .orderBy('denialId', order)
        .limit(pageSize(limit));
      if (actor !== undefined) query = query.where('actor', '=', actor);
      return (await query.execute()).map(row => decodeRow(denialsTable, row));
    },
  };
}
