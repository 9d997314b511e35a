import { describe, expect, it } from 'vitest';
import { type EnforcementLevel, LEVELS, policy } from '../../src/domain/policy/policy.ts';
import { given } from '../support/spec.ts';
import { INHERITED, INSTANCE, sha256 } from './facts.ts';

const scope = INSTANCE;
const attach = (attachmentId: string, level: EnforcementLevel = 'hard', params?: Record<string, string[]>) =>
  ({
    kind: 'AttachPolicy',
    scope,
    attachmentId,
    set: 'protected_tags',
    module: sha256('module'),
    level,
    params,
  }) as const;
const set = (attachmentId: string, level: EnforcementLevel) =>
  ({ kind: 'SetLevel', scope, attachmentId, level }) as const;
const detach = (attachmentId: string) => ({ kind: 'DetachPolicy', scope, attachmentId }) as const;
const breakGlass = (attachmentId: string) =>
  ({ kind: 'BreakGlass', scope, attachmentId, reason: 'sealed:outage' }) as const;

const attached = (attachmentId: string, level: EnforcementLevel = 'hard') =>
  ({
    type: 'PolicyAttached',
    data: { scope, attachmentId, set: 'protected_tags', module: sha256('module'), level },
  }) as const;
const levelSet = (attachmentId: string, level: EnforcementLevel, previousLevel: EnforcementLevel) =>
  ({ type: 'PolicyLevelSet', data: { scope, attachmentId, level, previousLevel } }) as const;
const detached = (attachmentId: string) =>
  ({ type: 'PolicyDetached', data: { scope, attachmentId } }) as const;
const glassBroken = (attachmentId: string) =>
  ({ type: 'PolicyBreakGlassUsed', data: { scope, attachmentId, reason: 'sealed:outage' } }) as const;

describe('a policy', () => {
  it('is attached, with parameters when there are some', () => {
    given(policy)
      .when(attach('a1'))
      .thenEvents([attached('a1')]);
    const params = { patterns: ['v*'] };
    given(policy)
      .when(attach('a1', 'hard', params))
      .thenEvents([{ type: 'PolicyAttached', data: { ...attached('a1').data, params } }]);
  });

  it('attached again changes nothing', () => {
    given(policy, [attached('a1')])
      .when(attach('a1', 'shadow'))
      .thenNothing();
  });

  it.each(LEVELS)('moves to level %s once, and says from where', level => {
    const from = level === 'off' ? 'hard' : 'off';
    given(policy, [attached('a1', from)])
      .when(set('a1', level))
      .thenEvents([levelSet('a1', level, from)]);
    given(policy, [attached('a1', from), levelSet('a1', level, from)])
      .when(set('a1', level))
      .thenNothing();
  });

  it('is detached once', () => {
    given(policy, [attached('a1')])
      .when(detach('a1'))
      .thenEvents([detached('a1')]);
    given(policy, [attached('a1'), detached('a1')])
      .when(detach('a1'))
      .thenNothing();
    for (const id of ['a9', ...INHERITED]) given(policy).when(detach(id)).thenNothing();
  });

  it('is broken off on the host with a reason', () => {
    given(policy, [attached('a1')])
      .when(breakGlass('a1'))
      .thenEvents([glassBroken('a1'), detached('a1')]);
    const { state } = given(policy, [attached('a1'), attached('a2'), glassBroken('a1'), detached('a1')]);
    expect(state.attachments).toEqual({ a2: { set: 'protected_tags', level: 'hard' } });
  });

  it('that is not attached has no level and cannot be broken off', () => {
    for (const id of ['a9', ...INHERITED]) {
      given(policy).when(set(id, 'off')).thenRefused('ATTACHMENT_UNKNOWN');
      given(policy).when(breakGlass(id)).thenRefused('ATTACHMENT_UNKNOWN');
    }
    given(policy, [attached('a1'), detached('a1')])
      .when(set('a1', 'off'))
      .thenRefused('ATTACHMENT_UNKNOWN');
    given(policy, [attached('a1'), glassBroken('a1'), detached('a1')])
      .when(breakGlass('a1'))
      .thenRefused('ATTACHMENT_UNKNOWN');
  });

  it('attached twice at one scope is two attachments', () => {
    const { state } = given(policy, [attached('a1'), attached('a2'), levelSet('a2', 'off', 'hard')]);
    expect(state.attachments).toMatchObject({ a1: { level: 'hard' }, a2: { level: 'off' } });
  });

  it('folds a level of what it does not know to nothing', () => {
    expect(given(policy, [levelSet('a9', 'off', 'hard')]).state.attachments).toEqual({});
  });
});
