/** Promotions. */
import type { Views } from '../port.ts';
import { AFTER_ALL, type Argument, pageSize, prepared } from '../prepared.ts';
import type { PromotionQueries } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { promotionsTable } from './view.ts';

const promotionRow = (row: object) => decodeRow(promotionsTable, row);

const byId = prepared((db, p: Argument<{ promotionId: string }>) =>
  db.selectFrom('promotions').selectAll().where('promotionId', '=', p('promotionId')),
);

export function promotionQueries(views: Views): PromotionQueries {
  return {
    async promotion(promotionId) {
      return (await byId(views, { promotionId })).map(promotionRow)[0];
    },
    async listPromotions({ repositoryId, openOnly, status, after, limit, order = 'desc' } = {}) {
      const up = order === 'asc';
      let query = views
        .current()
        .kysely.selectFrom('promotions')
        .selectAll()
        .where('position', up ? '>' : '<', after ?? (up ? '' : AFTER_ALL))
        .orderBy('position', order)
        .limit(pageSize(limit));
      // an open status is looked for among the open ones, which are few
      if (openOnly || status === 'waiting' || status === 'requested') query = query.where('open', '=', 1);
      if (status !== undefined) query = query.where('status', '=', status);
      if (repositoryId !== undefined)
        query = query.where(({ or, eb }) =>
          or([eb('fromRepositoryId', '=', repositoryId), eb('toRepositoryId', '=', repositoryId)]),
        );
      return (await query.execute()).map(promotionRow);
    },
  };
}
