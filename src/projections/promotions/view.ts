/** Promotions and how far they came. */
import type { PromotionRequest } from '../../domain/promotion/events.ts';
import { flag, integer, json, nullable, type RowOf, table, text } from '../table.ts';
import { type EventOf, view } from '../view.ts';

export interface ApprovalEntry {
  readonly by: string;
  readonly at: string;
  /** sealed */
  readonly reason?: string;
}

/** `waiting` has fewer approvals than it asked for; `requested` may be, or is being, carried out */
export type PromotionStatus =
  | 'waiting'
  | 'requested'
  | 'completed'
  | 'refused'
  | 'rejected'
  | 'withdrawn'
  | 'expired';

export const promotionsTable = table({
  name: 'promotions',
  columns: {
    promotionId: text(),
    status: text<PromotionStatus>(),
    /** its status can still change */
    open: flag(),
    fromProjectId: text(),
    fromRepositoryId: text(),
    toProjectId: text(),
    toRepositoryId: text(),
    package: text(),
    version: text(),
    tag: nullable(text()),
    closure: json<PromotionRequest['closure']>(),
    closureDigest: nullable(text()),
    /** how many approvals it asked for */
    required: integer(),
    approvals: json<readonly ApprovalEntry[]>(),
    /** why it was refused */
    code: nullable(text()),
    requestedAt: text(),
    requestedBy: text(),
    /** of the request; sealed */
    reason: nullable(text()),
    /** of the request; the order of lists */
    position: text(),
    expiresAt: nullable(text()),
    finishedAt: nullable(text()),
    finishedBy: nullable(text()),
    /** of who rejected it or took it back; sealed */
    finishedReason: nullable(text()),
  },
  primaryKey: ['promotionId'],
  indexes: [
    { name: 'promotions_position', columns: ['position'] },
    { name: 'promotions_open', columns: ['position'], where: '"open" = 1' },
  ],
});
export type PromotionRow = RowOf<typeof promotionsTable.columns>;

function requested(event: EventOf<'PromotionRequested'>): PromotionRow {
  const { promotionId, from, to, package: name, version, tag, closure, closureDigest } = event.data;
  return {
    promotionId,
    status: event.data.approvals > 0 ? 'waiting' : 'requested',
    open: true,
    fromProjectId: from.projectId,
    fromRepositoryId: from.repositoryId,
    toProjectId: to.projectId,
    toRepositoryId: to.repositoryId,
    package: name,
    version,
    tag: tag ?? null,
    closure,
    closureDigest: closureDigest ?? null,
    required: event.data.approvals,
    approvals: [],
    code: null,
    requestedAt: event.recordedAt,
    requestedBy: event.meta.actor,
    reason: event.data.reason ?? null,
    position: event.position,
    expiresAt: event.data.expiresAt ?? null,
    finishedAt: null,
    finishedBy: null,
    finishedReason: null,
  };
}

function approved(row: PromotionRow, { data, recordedAt }: EventOf<'PromotionApproved'>): PromotionRow {
  const { by, reason } = data;
  const approvals = [...row.approvals, { by, at: recordedAt, ...(reason === undefined ? {} : { reason }) }];
  return { ...row, approvals, status: approvals.length < row.required ? 'waiting' : 'requested' };
}

type Ending =
  | 'PromotionRejected'
  | 'PromotionWithdrawn'
  | 'PromotionExpired'
  | 'PromotionCompleted'
  | 'PromotionRefused';

const STATUS = {
  PromotionRejected: 'rejected',
  PromotionWithdrawn: 'withdrawn',
  PromotionExpired: 'expired',
  PromotionCompleted: 'completed',
  PromotionRefused: 'refused',
} as const satisfies Record<Ending, PromotionStatus>;

const finished = (row: PromotionRow, event: EventOf<Ending>): PromotionRow => ({
  ...row,
  status: STATUS[event.type],
  open: false,
  code: 'code' in event.data ? event.data.code : null,
  finishedAt: event.recordedAt,
  finishedBy: event.meta.actor,
  finishedReason: 'reason' in event.data ? event.data.reason : null,
});

export const promotions = view({
  table: promotionsTable,
  version: 2,
  types: [
    'PromotionRequested',
    'PromotionApproved',
    'PromotionRejected',
    'PromotionWithdrawn',
    'PromotionExpired',
    'PromotionCompleted',
    'PromotionRefused',
  ],
  overwrites: ['PromotionRequested'],
  keysOf: event => [[event.data.promotionId]],
  evolve(row, event): PromotionRow | undefined {
    switch (event.type) {
      case 'PromotionRequested':
        return requested(event);
      case 'PromotionApproved':
        return row && approved(row, event);
      default:
        return row && finished(row, event);
    }
  },
});
