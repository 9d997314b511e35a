/** Promotions and how far they came. */
import type { PromotionRequest } from '../../domain/promotion/promotion.ts';
import { json, nullable, type RowOf, table, text } from '../table.ts';
import { type EventOf, view } from '../view.ts';

export const promotionsTable = table({
  name: 'promotions',
  columns: {
    promotionId: text(),
    status: text<'requested' | 'completed' | 'refused'>(),
    fromProjectId: text(),
    fromRepositoryId: text(),
    toProjectId: text(),
    toRepositoryId: text(),
    package: text(),
    version: text(),
    tag: nullable(text()),
    closure: json<PromotionRequest['closure']>(),
    /** why it was refused */
    code: nullable(text()),
    requestedAt: text(),
    requestedBy: text(),
    /** of the request; the order of lists */
    position: text(),
    finishedAt: nullable(text()),
  },
  primaryKey: ['promotionId'],
  indexes: [
    { name: 'promotions_position', columns: ['position'] },
    { name: 'promotions_open', columns: ['position'], where: `"status" = 'requested'` },
  ],
});
export type PromotionRow = RowOf<typeof promotionsTable.columns>;

function requested(event: EventOf<'PromotionRequested'>): PromotionRow {
  const { promotionId, from, to, package: name, version, tag, closure } = event.data;
  return {
    promotionId,
    status: 'requested',
    fromProjectId: from.projectId,
    fromRepositoryId: from.repositoryId,
    toProjectId: to.projectId,
    toRepositoryId: to.repositoryId,
    package: name,
    version,
    tag: tag ?? null,
    closure,
    code: null,
    requestedAt: event.recordedAt,
    requestedBy: event.meta.actor,
    position: event.position,
    finishedAt: null,
  };
}

export const promotions = view({
  table: promotionsTable,
  version: 1,
  types: ['PromotionRequested', 'PromotionCompleted', 'PromotionRefused'],
  overwrites: ['PromotionRequested'],
  keysOf: event => [[event.data.promotionId]],
  evolve(row, event): PromotionRow | undefined {
    switch (event.type) {
      case 'PromotionRequested':
        return requested(event);
      case 'PromotionCompleted':
        return row && { ...row, status: 'completed', finishedAt: event.recordedAt };
      case 'PromotionRefused':
        return row && { ...row, status: 'refused', code: event.data.code, finishedAt: event.recordedAt };
    }
  },
});
