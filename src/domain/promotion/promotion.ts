/**
 * Promotion of a version and all it consists of from one repository to another, without copying bytes.
 * It is a saga with its own stream, `promotion-<id>`: requested (with the exact closure), approved by as many persons
 * as are needed, then placed step by step (each step idempotent) by one run that holds the lease, tag last, completed.
 * A crash in between is carried on from the stream.
 */
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type PromotionEvent, type PromotionRequest, promotionEvents } from './events.ts';

export interface Lease {
  /** id of a run, not of a process: two runs of one process are kept apart, too */
  readonly holder: string;
  readonly until: string;
}

interface Of {
  readonly promotionId: string;
}
type RequestPromotion = {
  readonly kind: 'RequestPromotion';
  readonly request: PromotionRequest;
  /** of who asks, where nothing is waited for */
  readonly lease?: Lease | undefined;
};
type ApprovePromotion = Of & {
  readonly kind: 'ApprovePromotion';
  readonly by: string;
  readonly closureDigest: string;
  readonly now: string;
  readonly reason?: string | undefined;
};
type TakeLease = Of & {
  readonly kind: 'TakeLease';
  readonly lease: Lease;
  readonly now: string;
  /** how many approvals the target asks for now */
  readonly required: number;
  /** those of the approvers who may still approve */
  readonly standing: readonly string[];
};

export type PromotionCommand =
  | RequestPromotion
  | ApprovePromotion
  | TakeLease
  | (Of & { readonly kind: 'RejectPromotion'; readonly by: string; readonly reason: string })
  | (Of & { readonly kind: 'ExpirePromotion'; readonly now: string })
  | (Of & { readonly kind: 'ReleaseLease'; readonly holder: string })
  | (Of & { readonly kind: 'CompletePromotion'; readonly holder: string })
  | (Of & { readonly kind: 'RefusePromotion'; readonly holder: string; readonly code: string });

export interface PromotionState {
  readonly status: 'absent' | 'requested' | 'completed' | 'refused' | 'rejected' | 'withdrawn' | 'expired';
  readonly request?: PromotionRequest;
  /** principals who approved it, in their order */
  readonly approvals: readonly string[];
  /** its steps began: it can be carried on, no longer taken back */
  readonly started: boolean;
  readonly lease?: Lease;
}

/** Policies see them all, so there is an end to them. */
const MAX_APPROVALS = 100;

function request({ request: data, lease }: RequestPromotion, { status }: PromotionState) {
  if (status !== 'absent') return [];
  if (data.from.repositoryId === data.to.repositoryId)
    throw refuse('REQUEST_INVALID', 'a promotion goes from one repository to another');
  const events: PromotionEvent[] = [{ type: 'PromotionRequested', data }];
  if (lease && data.approvals === 0) events.push(leaseTaken(data.promotionId, lease));
  return events;
}

const leaseTaken = (promotionId: string, { holder, until }: Lease): PromotionEvent => ({
  type: 'PromotionLeaseTaken',
  data: { promotionId, holder, leaseUntil: until },
});

function approve(command: ApprovePromotion, state: PromotionState): readonly PromotionEvent[] {
  const { promotionId, by, closureDigest, now, reason } = command;
  if (state.approvals.includes(by)) return [];
  refuseUnlessWaiting(state);
  if (state.request?.approvals === 0) throw refuse('STATE_CONFLICT', 'this promotion needs no approval');
  if (isOver(state, now)) throw refuse('STATE_CONFLICT', 'the time to approve it is over: ask for it again');
  if (by === state.request?.requestedBy)
    throw refuse('FORBIDDEN', { reason: 'who asks for a promotion cannot approve it, too' });
  if (closureDigest !== state.request?.closureDigest)
    throw refuse('STATE_CONFLICT', `this promotion is of ${state.request?.closureDigest}: look at it again`);
  if (state.approvals.length >= MAX_APPROVALS)
    throw refuse('STATE_CONFLICT', `a promotion has at most ${MAX_APPROVALS} approvals`);
  const data = { promotionId, by, closureDigest };
  return [{ type: 'PromotionApproved', data: reason === undefined ? data : { ...data, reason } }];
}

function reject(
  { promotionId, by, reason }: Extract<PromotionCommand, { kind: 'RejectPromotion' }>,
  state: PromotionState,
): readonly PromotionEvent[] {
  if (state.status === 'rejected' || state.status === 'withdrawn') return [];
  refuseUnlessWaiting(state);
  return by === state.request?.requestedBy
    ? [{ type: 'PromotionWithdrawn', data: { promotionId, reason } }]
    : [{ type: 'PromotionRejected', data: { promotionId, by, reason } }];
}

function refuseUnlessWaiting({ status, started }: PromotionState): void {
  if (status !== 'requested') throw refuse('STATE_CONFLICT', `this promotion is ${status} already`);
  if (started) throw refuse('STATE_CONFLICT', 'this promotion is being carried out');
}

const isOver = ({ request: asked }: PromotionState, now: string) =>
  asked?.expiresAt !== undefined && now >= asked.expiresAt;

function takeLease(command: TakeLease, state: PromotionState): readonly PromotionEvent[] {
  const { lease, now } = command;
  if (state.status !== 'requested') return [];
  if (state.lease?.holder === lease.holder && state.lease.until === lease.until) return [];
  if (state.lease && state.lease.holder !== lease.holder && state.lease.until > now)
    throw refuse('CONCURRENT_CHANGE', {
      reason: 'this promotion is being carried out by another process',
      retryAfter: Math.max(1, Math.ceil((Date.parse(state.lease.until) - Date.parse(now)) / 1000)),
    });
  if (!state.started) refuseUnlessApproved(command, state);
  return [leaseTaken(command.promotionId, lease)];
}

/** A rule of the target that was tightened since binds; an approval of who may no longer approve does not count. */
function refuseUnlessApproved({ required, standing, now }: TakeLease, state: PromotionState): void {
  const asked = state.request?.approvals ?? 0;
  if (isOver(state, now)) throw refuse('STATE_CONFLICT', 'the time to approve it is over: ask for it again');
  const needed = asked === 0 ? 0 : Math.max(asked, required);
  const given = state.approvals.filter(by => standing.includes(by)).length;
  if (given < needed)
    throw refuse('STATE_CONFLICT', {
      reason: `this promotion waits for approvals: it has ${given} of ${needed}`,
      approvals: { given, needed },
    });
}

/** The end of the steps is told by the run that has the lease. */
function end(
  command: Extract<PromotionCommand, { kind: 'CompletePromotion' | 'RefusePromotion' }>,
  state: PromotionState,
): readonly PromotionEvent[] {
  if (state.status !== 'requested') return [];
  if (state.lease?.holder !== command.holder)
    throw refuse('CONCURRENT_CHANGE', 'this promotion is being carried out by another process');
  const { promotionId } = command;
  return command.kind === 'CompletePromotion'
    ? [{ type: 'PromotionCompleted', data: { promotionId } }]
    : [{ type: 'PromotionRefused', data: { promotionId, code: command.code } }];
}

function decide(command: PromotionCommand, state: PromotionState): readonly PromotionEvent[] {
  if (command.kind === 'RequestPromotion') return request(command, state);
  if (state.status === 'absent') throw refuse('PROMOTION_UNKNOWN');
  const { promotionId } = command;
  switch (command.kind) {
    case 'ApprovePromotion':
      return approve(command, state);
    case 'RejectPromotion':
      return reject(command, state);
    case 'ExpirePromotion': {
      const waits = state.status === 'requested' && !state.started;
      return waits && isOver(state, command.now) ? [{ type: 'PromotionExpired', data: { promotionId } }] : [];
    }
    case 'TakeLease':
      return takeLease(command, state);
    case 'ReleaseLease':
      if (state.status !== 'requested' || state.lease?.holder !== command.holder) return [];
      return [{ type: 'PromotionLeaseReleased', data: { promotionId, holder: command.holder } }];
    case 'CompletePromotion':
    case 'RefusePromotion':
      return end(command, state);
  }
}

function evolve(state: PromotionState, { type, data }: PromotionEvent): PromotionState {
  switch (type) {
    case 'PromotionRequested':
      return { ...state, status: 'requested', request: data };
    case 'PromotionApproved':
      return { ...state, approvals: [...state.approvals, data.by] };
    case 'PromotionRejected':
      return { ...state, status: 'rejected' };
    case 'PromotionWithdrawn':
      return { ...state, status: 'withdrawn' };
    case 'PromotionExpired':
      return { ...state, status: 'expired' };
    case 'PromotionLeaseTaken':
      return { ...state, started: true, lease: { holder: data.holder, until: data.leaseUntil } };
    case 'PromotionLeaseReleased': {
      const { lease: _given, ...rest } = state;
      return rest;
    }
    case 'PromotionCompleted':
      return { ...state, status: 'completed' };
    case 'PromotionRefused':
      return { ...state, status: 'refused' };
  }
}

export const promotion: Aggregate<PromotionCommand, PromotionState, typeof promotionEvents> = {
  name: 'promotion',
  events: promotionEvents,
  initial: { status: 'absent', approvals: [], started: false },
  decide,
  evolve,
};

export const promotionStream = (promotionId: string) => `promotion-${promotionId}`;
