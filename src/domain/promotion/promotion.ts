/**
 * Promotion of a version and all it consists of from one repository to another, without copying bytes.
 * It is a saga with its own stream, `promotion-<id>`: requested (with the exact closure), then placed step by step
 * (each step idempotent), tag last, completed. A crash in between is carried on from the stream.
 */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { id } from '../values/schemas.ts';

const side = z.strictObject({ projectId: id, repositoryId: id });
/** One version of the closure, in the order in which it must be placed: children and what is named come first. */
const item = z.strictObject({ version: z.string(), incarnation: id });

export const promotionEvents = {
  PromotionRequested: event(
    z.strictObject({
      promotionId: id,
      from: side,
      to: side,
      package: z.string(),
      version: z.string(),
      tag: z.string().optional(),
      closure: z.array(item).min(1).max(2000),
    }),
  ),
  PromotionCompleted: event(z.strictObject({ promotionId: id })),
  PromotionRefused: event(z.strictObject({ promotionId: id, code: z.string() })),
};
export type PromotionRequest = EventsOf<Pick<typeof promotionEvents, 'PromotionRequested'>>['data'];

export type PromotionCommand =
  | { readonly kind: 'RequestPromotion'; readonly request: PromotionRequest }
  | { readonly kind: 'CompletePromotion'; readonly promotionId: string }
  | { readonly kind: 'RefusePromotion'; readonly promotionId: string; readonly code: string };

export interface PromotionState {
  readonly status: 'absent' | 'requested' | 'completed' | 'refused';
  readonly request?: PromotionRequest;
}
type PromotionEvent = EventsOf<typeof promotionEvents>;

function decide(command: PromotionCommand, state: PromotionState): readonly PromotionEvent[] {
  if (command.kind === 'RequestPromotion') {
    if (state.status !== 'absent') return [];
    if (command.request.from.repositoryId === command.request.to.repositoryId)
      throw refuse('REQUEST_INVALID', 'a promotion goes from one repository to another');
    return [{ type: 'PromotionRequested', data: command.request }];
  }
  if (state.status === 'absent') throw refuse('PROMOTION_UNKNOWN');
  if (state.status !== 'requested') return [];
  const { promotionId } = command;
  if (command.kind === 'CompletePromotion') return [{ type: 'PromotionCompleted', data: { promotionId } }];
  return [{ type: 'PromotionRefused', data: { promotionId, code: command.code } }];
}

function evolve(state: PromotionState, { type, data }: PromotionEvent): PromotionState {
  switch (type) {
    case 'PromotionRequested':
      return { status: 'requested', request: data };
    case 'PromotionCompleted':
      return { ...state, status: 'completed' };
    case 'PromotionRefused':
      return { ...state, status: 'refused' };
  }
}

export const promotion: Aggregate<PromotionCommand, PromotionState, typeof promotionEvents> = {
  name: 'promotion',
  events: promotionEvents,
  initial: { status: 'absent' },
  decide,
  evolve,
};

export const promotionStream = (promotionId: string) => `promotion-${promotionId}`;
