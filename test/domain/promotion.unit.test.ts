import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/errors.ts';
import { fold } from '../../src/domain/kernel/decider.ts';
import type { PromotionEvent, PromotionRequest } from '../../src/domain/promotion/events.ts';
import { type PromotionCommand, promotion, promotionStream } from '../../src/domain/promotion/promotion.ts';
import { given } from '../support/spec.ts';
import { promotionCommand } from './commands.ts';
import { sha256 } from './facts.ts';

const promotionId = 'promo-1';
const time = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour)).toISOString();
const request: PromotionRequest = {
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
  closureDigest: sha256('closure'),
  approvals: 0,
  requestedBy: 'ann',
};
const lease = { holder: 'run-1', until: time(1) };
const ask = { kind: 'RequestPromotion', request, lease } as const;
const complete = { kind: 'CompletePromotion', promotionId, holder: 'run-1' } as const;
const refuse = { kind: 'RefusePromotion', promotionId, holder: 'run-1', code: 'ARTIFACT_HELD' } as const;
type ApprovePromotion = Extract<PromotionCommand, { kind: 'ApprovePromotion' }>;
const approve = (by: string, more: Partial<ApprovePromotion> = {}): ApprovePromotion => ({
  ...{ kind: 'ApprovePromotion', promotionId, by, closureDigest: sha256('closure'), now: time(0) },
  ...more,
});
const take = (more: Partial<Extract<PromotionCommand, { kind: 'TakeLease' }>> = {}) =>
  ({ kind: 'TakeLease', promotionId, lease, now: time(0), required: 0, standing: [], ...more }) as const;
const reject = (by: string) => ({ kind: 'RejectPromotion', promotionId, by, reason: 'sealed:why' }) as const;
const expire = (now: string) => ({ kind: 'ExpirePromotion', promotionId, now }) as const;

const requested = { type: 'PromotionRequested', data: request } as const;
const waiting = {
  type: 'PromotionRequested',
  data: { ...request, approvals: 2, expiresAt: time(24) },
} as const;
const approved = (by: string) =>
  ({ type: 'PromotionApproved', data: { promotionId, by, closureDigest: sha256('closure') } }) as const;
const leased = (holder = 'run-1', leaseUntil = time(1)) =>
  ({ type: 'PromotionLeaseTaken', data: { promotionId, holder, leaseUntil } }) as const;
const released = { type: 'PromotionLeaseReleased', data: { promotionId, holder: 'run-1' } } as const;
const completed = { type: 'PromotionCompleted', data: { promotionId } } as const;
const refused = { type: 'PromotionRefused', data: { promotionId, code: 'ARTIFACT_HELD' } } as const;
const rejected = {
  type: 'PromotionRejected',
  data: { promotionId, by: 'bob', reason: 'sealed:why' },
} as const;
const withdrawn = { type: 'PromotionWithdrawn', data: { promotionId, reason: 'sealed:why' } } as const;
const expired = { type: 'PromotionExpired', data: { promotionId } } as const;

describe('a promotion', () => {
  it('that waits for nothing is requested with its exact closure, and leased at once', () => {
    given(promotion).when(ask).thenEvents([requested, leased()]);
    expect(given(promotion, [requested, leased()]).state).toEqual({
      status: 'requested',
      request,
      approvals: [],
      started: true,
      lease,
    });
  });

  it('that waits is leased to nobody', () => {
    given(promotion)
      .when({ ...ask, request: waiting.data })
      .thenEvents([waiting]);
  });

  it('goes from one repository to another', () => {
    given(promotion)
      .when({ ...ask, request: { ...request, to: request.from } })
      .thenRefused('REQUEST_INVALID');
  });

  it('requested again changes nothing, in whatever state it is', () => {
    for (const end of [[], [completed], [refused], [rejected], [withdrawn], [expired]])
      given(promotion, [requested, leased(), ...end])
        .when(ask)
        .thenNothing();
  });

  it('ends once, one way', () => {
    given(promotion, [requested, leased()]).when(complete).thenEvents([completed]);
    given(promotion, [requested, leased()]).when(refuse).thenEvents([refused]);
    for (const end of [completed, refused, rejected, withdrawn, expired])
      for (const command of [complete, refuse, take(), expire(time(99))])
        given(promotion, [requested, end]).when(command).thenNothing();
  });

  it('that nobody asked for does nothing', () => {
    const commands = [complete, refuse, take(), approve('bob'), reject('bob'), expire(time(1))];
    for (const command of commands) given(promotion).when(command).thenRefused('PROMOTION_UNKNOWN');
  });

  it('has a stream of its own', () => expect(promotionStream(promotionId)).toBe('promotion-promo-1'));
});

describe('approvals', () => {
  it('are given by others than who asked, once each', () => {
    given(promotion, [waiting])
      .when(approve('bob'))
      .thenEvents([approved('bob')]);
    given(promotion, [waiting]).when(approve('ann')).thenRefused('FORBIDDEN');
    given(promotion, [waiting, approved('bob')])
      .when(approve('bob'))
      .thenNothing();
    expect(given(promotion, [waiting, approved('bob'), approved('eve')]).state.approvals).toEqual([
      'bob',
      'eve',
    ]);
  });

  it('name the closure that was looked at', () => {
    given(promotion, [waiting])
      .when(approve('bob', { closureDigest: sha256('other') }))
      .thenRefused('STATE_CONFLICT');
  });

  it('keep their reason, sealed', () => {
    const { data } = approved('bob');
    given(promotion, [waiting])
      .when(approve('bob', { reason: 'sealed:why' }))
      .thenEvents([{ type: 'PromotionApproved', data: { ...data, reason: 'sealed:why' } }]);
  });

  it('come too late when the time is over, it is under way, or it has ended', () => {
    given(promotion, [waiting])
      .when(approve('bob', { now: time(24) }))
      .thenRefused('STATE_CONFLICT');
    for (const event of [leased(), completed, refused, rejected, withdrawn, expired])
      given(promotion, [waiting, event]).when(approve('bob')).thenRefused('STATE_CONFLICT');
    given(promotion, [requested]).when(approve('bob')).thenRefused('STATE_CONFLICT');
  });

  it('have an end in number', () => {
    const many = Array.from({ length: 100 }, (_, n) => approved(`p${n}`));
    given(promotion, [waiting, ...many])
      .when(approve('bob'))
      .thenRefused('STATE_CONFLICT');
  });

  it('are needed before the steps begin: as many as were asked for or the target asks for now', () => {
    const two = [waiting, approved('bob'), approved('eve')];
    const standing = ['bob', 'eve'];
    given(promotion, [waiting, approved('bob')])
      .when(take({ required: 0, standing }))
      .thenRefused('STATE_CONFLICT');
    given(promotion, two)
      .when(take({ required: 1, standing }))
      .thenEvents([leased()]);
    const short = given(promotion, two)
      .when(take({ required: 3, standing }))
      .thenRefused('STATE_CONFLICT');
    expect(short.detail.approvals).toEqual({ given: 2, needed: 3 });
  });

  it('of who may no longer approve do not count', () => {
    given(promotion, [waiting, approved('bob'), approved('eve')])
      .when(take({ required: 2, standing: ['eve', 'mallory'] }))
      .thenRefused('STATE_CONFLICT');
  });

  it('are asked for no more when the steps began', () => {
    given(promotion, [waiting, leased(), released])
      .when(take({ required: 5, now: time(99) }))
      .thenEvents([leased()]);
  });
});

describe('a promotion that waits', () => {
  it('is rejected by others and taken back by who asked', () => {
    given(promotion, [waiting]).when(reject('bob')).thenEvents([rejected]);
    given(promotion, [waiting, approved('bob')])
      .when(reject('ann'))
      .thenEvents([withdrawn]);
    for (const end of [rejected, withdrawn])
      given(promotion, [waiting, end]).when(reject('bob')).thenNothing();
  });

  it('is not rejected once its steps began, or when it has ended otherwise', () => {
    for (const event of [leased(), completed, refused, expired])
      given(promotion, [waiting, event]).when(reject('bob')).thenRefused('STATE_CONFLICT');
  });

  it('expires when its time is over, and then does not begin', () => {
    given(promotion, [waiting])
      .when(expire(time(23)))
      .thenNothing();
    given(promotion, [waiting])
      .when(expire(time(24)))
      .thenEvents([expired]);
    given(promotion, [requested])
      .when(expire(time(99)))
      .thenNothing();
    given(promotion, [waiting, leased()])
      .when(expire(time(99)))
      .thenNothing();
    given(promotion, [waiting, approved('bob'), approved('eve')])
      .when(take({ standing: ['bob', 'eve'], now: time(24) }))
      .thenRefused('STATE_CONFLICT');
  });
});

describe('the lease', () => {
  const other = { holder: 'run-2', until: time(3) };

  it('is one run’s until it is over', () => {
    const refusal = given(promotion, [requested, leased()])
      .when(take({ lease: other, now: new Date(Date.parse(time(1)) - 1500).toISOString() }))
      .thenRefused('CONCURRENT_CHANGE');
    expect(refusal.detail.retryAfter).toBe(2);
    given(promotion, [requested, leased()])
      .when(take({ lease: other, now: time(1) }))
      .thenEvents([leased('run-2', time(3))]);
  });

  it('is taken anew by who has it, also when it is over and nobody took it', () => {
    given(promotion, [requested, leased()])
      .when(take({ lease: { ...lease, until: time(5) }, now: time(4) }))
      .thenEvents([leased('run-1', time(5))]);
    given(promotion, [requested, leased()]).when(take()).thenNothing();
  });

  it('is given back by who has it', () => {
    const giveBack = { kind: 'ReleaseLease', promotionId, holder: 'run-1' } as const;
    given(promotion, [requested, leased()]).when(giveBack).thenEvents([released]);
    for (const history of [[leased('run-2')], [leased(), completed], []])
      given(promotion, [requested, ...history])
        .when(giveBack)
        .thenNothing();
    given(promotion, [requested, leased(), released])
      .when(take({ lease: other }))
      .thenEvents([leased('run-2', time(3))]);
  });

  it('is needed to say how it ended', () => {
    for (const history of [[leased('run-2')], [leased(), released], []])
      for (const command of [complete, refuse])
        given(promotion, [requested, ...history])
          .when(command)
          .thenRefused('CONCURRENT_CHANGE');
  });
});

/** All events of a random sequence of commands, each with the command it came from and the state it was decided on. */
function history(commands: readonly PromotionCommand[]) {
  const events: PromotionEvent[] = [];
  const steps: {
    command: PromotionCommand;
    decided: readonly PromotionEvent[];
    before: typeof promotion.initial;
  }[] = [];
  for (const command of commands) {
    const before = fold(promotion, events);
    try {
      const decided = promotion.decide(command, before);
      events.push(...decided);
      steps.push({ command, decided, before });
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  return { events, steps };
}

const sequences = fc.array(promotionCommand, { maxLength: 40, size: 'max' });
const ENDS = ['Completed', 'Refused', 'Rejected', 'Withdrawn', 'Expired'].map(end => `Promotion${end}`);

const othersHave = ({ lease: held }: typeof promotion.initial, run: string, now: string) =>
  held !== undefined && held.holder !== run && held.until > now;

describe('whatever is asked in whatever order', () => {
  it('it ends at most once, and nothing follows', () => {
    fc.assert(
      fc.property(sequences, commands => {
        const types = history(commands).events.map(({ type }) => type);
        const end = types.findIndex(type => ENDS.includes(type));
        expect(end === -1 || end === types.length - 1).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('its steps begin with the approvals that it needs, none by who asked, all of the closure', () => {
    let began = 0;
    fc.assert(
      fc.property(sequences, commands => {
        const { events, steps } = history(commands);
        const by = events.flatMap(event => (event.type === 'PromotionApproved' ? [event.data] : []));
        expect(by.every(one => one.by !== 'ann' && one.closureDigest === sha256('closure'))).toBe(true);
        expect(new Set(by.map(one => one.by)).size).toBe(by.length);
        const first = steps.find(({ decided }) => decided.some(({ type }) => type === 'PromotionLeaseTaken'));
        if (first?.command.kind !== 'TakeLease' || !first.before.request?.approvals) return;
        began++;
        const { standing, required, now } = first.command;
        const count = first.before.approvals.filter(who => standing.includes(who)).length;
        expect(count).toBeGreaterThanOrEqual(Math.max(required, first.before.request.approvals));
        expect(now < (first.before.request.expiresAt ?? '')).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(began).toBeGreaterThan(20);
  });

  it('two runs never have it at once', () => {
    fc.assert(
      fc.property(sequences, commands => {
        const steps = history(commands).steps.filter(({ decided }) => decided.length > 0);
        for (const { command, before } of steps) {
          if (command.kind === 'CompletePromotion') expect(before.lease?.holder).toBe(command.holder);
          if (command.kind === 'TakeLease')
            expect(othersHave(before, command.lease.holder, command.now)).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});
