import { describe, expect, it } from 'vitest';
import { promotion, promotionStream } from '../../src/domain/promotion/promotion.ts';
import { given } from '../support/spec.ts';
import { sha256 } from './facts.ts';

const promotionId = 'promo-1';
const request = {
  promotionId,
  from: { projectId: 'p1', repositoryId: 'staging' },
  to: { projectId: 'p1', repositoryId: 'production' },
  package: 'team/app',
  version: sha256('index'),
  tag: 'v1',
  closure: [
    { version: sha256('child'), incarnation: 'i1' },
    { version: sha256('index'), incarnation: 'i2' },
  ],
};
const ask = { kind: 'RequestPromotion', request } as const;
const complete = { kind: 'CompletePromotion', promotionId } as const;
const refuse = { kind: 'RefusePromotion', promotionId, code: 'ARTIFACT_HELD' } as const;
const requested = { type: 'PromotionRequested', data: request } as const;
const completed = { type: 'PromotionCompleted', data: { promotionId } } as const;
const refused = { type: 'PromotionRefused', data: { promotionId, code: 'ARTIFACT_HELD' } } as const;

describe('a promotion', () => {
  it('is requested with its exact closure', () => {
    given(promotion).when(ask).thenEvents([requested]);
    expect(given(promotion, [requested]).state).toEqual({ status: 'requested', request });
  });

  it('goes from one repository to another', () => {
    given(promotion)
      .when({ ...ask, request: { ...request, to: request.from } })
      .thenRefused('REQUEST_INVALID');
  });

  it('requested again changes nothing, in whatever state it is', () => {
    for (const history of [[requested], [requested, completed], [requested, refused]])
      given(promotion, history).when(ask).thenNothing();
  });

  it('ends once, one way', () => {
    given(promotion, [requested]).when(complete).thenEvents([completed]);
    given(promotion, [requested]).when(refuse).thenEvents([refused]);
    for (const end of [completed, refused]) {
      given(promotion, [requested, end]).when(complete).thenNothing();
      given(promotion, [requested, end]).when(refuse).thenNothing();
    }
  });

  it('keeps what was asked for when it has ended', () => {
    expect(given(promotion, [requested, completed]).state).toEqual({ status: 'completed', request });
    expect(given(promotion, [requested, refused]).state).toEqual({ status: 'refused', request });
  });

  it('that nobody asked for does not end', () => {
    given(promotion).when(complete).thenRefused('PROMOTION_UNKNOWN');
    given(promotion).when(refuse).thenRefused('PROMOTION_UNKNOWN');
  });

  it('has a stream of its own', () => expect(promotionStream(promotionId)).toBe('promotion-promo-1'));
});
