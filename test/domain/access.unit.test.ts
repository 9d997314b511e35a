import { describe, expect, it } from 'vitest';
import { credentials, credentialsStream } from '../../src/domain/access/credentials.ts';
import { grants, grantsStream, scopeKey } from '../../src/domain/access/grants.ts';
import { principals, principalsStream } from '../../src/domain/access/principals.ts';
import { ACTIONS, ROLE_ACTIONS, ROLES, type Role, type Scope } from '../../src/domain/values/actions.ts';
import { given } from '../support/spec.ts';
import { INHERITED, INSTANCE } from './facts.ts';

describe('principals', () => {
  const create = (
    principalId: string,
    nameHash: string,
    principalKind: 'user' | 'service-account' = 'user',
  ) => ({ kind: 'CreatePrincipal', principalId, principalKind, nameHash, name: 'sealed:ada' }) as const;
  const change = (kind: 'DisablePrincipal' | 'EnablePrincipal' | 'DeletePrincipal', principalId = 'u1') => ({
    kind,
    principalId,
  });
  const created = (principalId: string, nameHash: string, kind: 'user' | 'service-account' = 'user') =>
    ({ type: 'PrincipalCreated', data: { principalId, kind, nameHash, name: 'sealed:ada' } }) as const;
  const is = (type: 'PrincipalDisabled' | 'PrincipalEnabled' | 'PrincipalDeleted', principalId = 'u1') =>
    ({ type, data: { principalId } }) as const;
  const ADA = created('u1', 'hash-ada');

  it.each(['user', 'service-account'] as const)('are created: %s', kind => {
    given(principals)
      .when(create('u1', 'hash-ada', kind))
      .thenEvents([created('u1', 'hash-ada', kind)]);
  });

  it('created again change nothing', () => {
    given(principals, [ADA]).when(create('u1', 'hash-ada')).thenNothing();
  });

  it.each(INHERITED)('may have the id, or the hash, %s', text => {
    given(principals)
      .when(create(text, text))
      .thenEvents([created(text, text)]);
  });

  it('are kept beside each other', () => {
    const { state } = given(principals, [ADA, created('u2', 'hash-bob'), is('PrincipalDisabled', 'u2')]);
    expect(state).toEqual({
      principals: {
        u1: { nameHash: 'hash-ada', disabled: false },
        u2: { nameHash: 'hash-bob', disabled: true },
      },
      byName: { 'hash-ada': 'u1', 'hash-bob': 'u2' },
    });
  });

  it('hold their name against others', () => {
    given(principals, [ADA]).when(create('u2', 'hash-ada')).thenRefused('NAME_TAKEN');
  });

  it('hold their id against another name', () => {
    given(principals, [ADA]).when(create('u1', 'hash-bob')).thenRefused('STATE_CONFLICT');
  });

  it('are disabled and enabled, each once', () => {
    given(principals, [ADA]).when(change('EnablePrincipal')).thenNothing();
    given(principals, [ADA])
      .when(change('DisablePrincipal'))
      .thenEvents([is('PrincipalDisabled')]);
    given(principals, [ADA, is('PrincipalDisabled')])
      .when(change('DisablePrincipal'))
      .thenNothing();
    given(principals, [ADA, is('PrincipalDisabled')])
      .when(change('EnablePrincipal'))
      .thenEvents([is('PrincipalEnabled')]);
    given(principals, [ADA, is('PrincipalDisabled'), is('PrincipalEnabled')])
      .when(change('EnablePrincipal'))
      .thenNothing();
  });

  it('that are not there cannot be disabled or enabled', () => {
    for (const principalId of ['u9', ...INHERITED]) {
      given(principals).when(change('DisablePrincipal', principalId)).thenRefused('PRINCIPAL_UNKNOWN');
      given(principals).when(change('EnablePrincipal', principalId)).thenRefused('PRINCIPAL_UNKNOWN');
    }
    given(principals, [ADA, is('PrincipalDeleted')])
      .when(change('DisablePrincipal'))
      .thenRefused('PRINCIPAL_UNKNOWN');
  });

  it('are deleted once, and their name is free for somebody else', () => {
    given(principals, [ADA])
      .when(change('DeletePrincipal'))
      .thenEvents([is('PrincipalDeleted')]);
    given(principals, [ADA, is('PrincipalDeleted')])
      .when(change('DeletePrincipal'))
      .thenNothing();
    given(principals).when(change('DeletePrincipal', 'constructor')).thenNothing();
    given(principals, [ADA, is('PrincipalDeleted')])
      .when(create('u2', 'hash-ada'))
      .thenEvents([created('u2', 'hash-ada')]);
  });

  it('fold what concerns a stranger to nothing', () => {
    for (const type of ['PrincipalDisabled', 'PrincipalEnabled', 'PrincipalDeleted'] as const)
      expect(given(principals, [is(type)]).state).toEqual({ principals: {}, byName: {} });
  });

  it('have one stream', () => expect(principalsStream()).toBe('access-principals'));
});

describe('credentials', () => {
  const principalId = 'u1';
  const limits = { scopes: [INSTANCE], actions: ['pull' as const] };
  const issue = (tokenId: string, expiresAt?: string) =>
    ({ kind: 'IssueToken', principalId, tokenId, label: 'sealed:ci', limits, expiresAt }) as const;
  const revoke = (tokenId: string) => ({ kind: 'RevokeToken', principalId, tokenId }) as const;
  const setPassword = (secretId: string) => ({ kind: 'SetPassword', principalId, secretId }) as const;
  const issued = (tokenId: string) =>
    ({ type: 'TokenIssued', data: { principalId, tokenId, label: 'sealed:ci', limits } }) as const;
  const revoked = (tokenId: string) => ({ type: 'TokenRevoked', data: { principalId, tokenId } }) as const;
  const passwordSet = (secretId: string) =>
    ({ type: 'PasswordSet', data: { principalId, secretId } }) as const;

  it('tokens are issued, with and without an end', () => {
    given(credentials)
      .when(issue('t1'))
      .thenEvents([issued('t1')]);
    const expiresAt = '2027-01-01T00:00:00.000Z';
    given(credentials)
      .when(issue('t1', expiresAt))
      .thenEvents([{ type: 'TokenIssued', data: { ...issued('t1').data, expiresAt } }]);
  });

  it('a token issued again changes nothing, and is not revived when it was revoked', () => {
    given(credentials, [issued('t1')])
      .when(issue('t1'))
      .thenNothing();
    given(credentials, [issued('t1'), revoked('t1')])
      .when(issue('t1'))
      .thenNothing();
  });

  it('tokens are revoked once, each by itself', () => {
    given(credentials, [issued('t1'), issued('t2')])
      .when(revoke('t1'))
      .thenEvents([revoked('t1')]);
    given(credentials, [issued('t1'), revoked('t1')])
      .when(revoke('t1'))
      .thenNothing();
    const { state } = given(credentials, [issued('t1'), issued('t2'), revoked('t1')]);
    expect(state.tokens).toEqual({ t1: 'revoked', t2: 'active' });
  });

  it('a token that was never issued cannot be revoked', () => {
    for (const tokenId of ['t9', ...INHERITED])
      given(credentials, [issued('t1')])
        .when(revoke(tokenId))
        .thenRefused('TOKEN_UNKNOWN');
  });

  it.each(INHERITED)('a token may have the id %s', tokenId => {
    given(credentials)
      .when(issue(tokenId))
      .thenEvents([issued(tokenId)]);
  });

  it('a password and tokens leave each other alone', () => {
    const { state } = given(credentials, [passwordSet('s1'), issued('t1'), revoked('t1')]);
    expect(state).toEqual({ secretId: 's1', tokens: { t1: 'revoked' } });
    expect(given(credentials, [issued('t1'), passwordSet('s1')]).state.tokens).toEqual({ t1: 'active' });
    expect(given(credentials, [passwordSet('s1'), issued('t1')]).state.secretId).toBe('s1');
  });

  it('a password is set, once by one secret', () => {
    given(credentials)
      .when(setPassword('s1'))
      .thenEvents([passwordSet('s1')]);
    given(credentials, [passwordSet('s1')])
      .when(setPassword('s1'))
      .thenNothing();
    given(credentials, [passwordSet('s1')])
      .when(setPassword('s2'))
      .thenEvents([passwordSet('s2')]);
  });

  it('have a stream for each principal', () => {
    expect(credentialsStream('u1')).toBe('access-credentials-u1');
  });
});

describe('grants', () => {
  const grant = (principalId: string, role: Role, scope: Scope = INSTANCE) =>
    ({ kind: 'GrantRole', scope, principalId, role }) as const;
  const revoke = (principalId: string, role: Role, scope: Scope = INSTANCE) =>
    ({ kind: 'RevokeRole', scope, principalId, role }) as const;
  const granted = (principalId: string, role: Role, scope: Scope = INSTANCE) =>
    ({ type: 'RoleGranted', data: { scope, principalId, role } }) as const;
  const revoked = (principalId: string, role: Role, scope: Scope = INSTANCE) =>
    ({ type: 'RoleRevoked', data: { scope, principalId, role } }) as const;
  const PROJECT = { kind: 'project', id: 'p1' } as const;

  it.each(ROLES)('%s is granted and revoked, each once', role => {
    given(grants)
      .when(grant('u1', role, PROJECT))
      .thenEvents([granted('u1', role, PROJECT)]);
    given(grants, [granted('u1', role, PROJECT)])
      .when(grant('u1', role, PROJECT))
      .thenNothing();
    given(grants, [granted('u1', role, PROJECT)])
      .when(revoke('u1', role, PROJECT))
      .thenEvents([revoked('u1', role, PROJECT)]);
    given(grants)
      .when(revoke('u1', role, PROJECT))
      .thenNothing();
  });

  it('are kept for each role of each principal', () => {
    const history = [granted('u1', 'viewer'), granted('u1', 'auditor'), granted('u2', 'viewer')];
    given(grants, history)
      .when(revoke('u1', 'viewer'))
      .thenEvents([revoked('u1', 'viewer')]);
    expect(given(grants, [...history, revoked('u1', 'viewer')]).state.grants).toEqual([
      'u1 auditor',
      'u2 viewer',
    ]);
  });

  it('the last administrator of the instance stays', () => {
    given(grants, [granted('u1', 'admin'), granted('u2', 'viewer')])
      .when(revoke('u1', 'admin'))
      .thenRefused('STATE_CONFLICT');
  });

  it('one of two administrators goes, and then the other is the last', () => {
    const two = [granted('u1', 'admin'), granted('u2', 'admin')];
    given(grants, two)
      .when(revoke('u1', 'admin'))
      .thenEvents([revoked('u1', 'admin')]);
    given(grants, [...two, revoked('u1', 'admin')])
      .when(revoke('u2', 'admin'))
      .thenRefused('STATE_CONFLICT');
  });

  it('the last administrator loses other roles, and nobody loses what they have not', () => {
    given(grants, [granted('u1', 'admin'), granted('u1', 'viewer')])
      .when(revoke('u1', 'viewer'))
      .thenEvents([revoked('u1', 'viewer')]);
    given(grants, [granted('u1', 'admin')])
      .when(revoke('u2', 'admin'))
      .thenNothing();
  });

  it('the last administrator of a project goes: the instance has its own', () => {
    given(grants, [granted('u1', 'admin', PROJECT)])
      .when(revoke('u1', 'admin', PROJECT))
      .thenEvents([revoked('u1', 'admin', PROJECT)]);
  });

  it('have a stream for each scope', () => {
    expect(scopeKey(INSTANCE)).toBe('instance');
    expect(grantsStream(INSTANCE)).toBe('access-grants-instance');
    expect(grantsStream(PROJECT)).toBe('access-grants-project-p1');
    expect(grantsStream({ kind: 'repository', id: 'r1' })).toBe('access-grants-repository-r1');
  });
});

describe('roles', () => {
  it('permit what they are for, and no more', () => {
    expect(ROLE_ACTIONS.viewer).toEqual(['pull']);
    expect(ROLE_ACTIONS.admin).toEqual(ACTIONS);
    const others = ROLES.filter(role => role !== 'admin').flatMap(role => ROLE_ACTIONS[role]);
    for (const powerful of ['access-change', 'repository-change', 'operate'] as const)
      expect(others).not.toContain(powerful);
    expect(ROLE_ACTIONS.contributor).not.toContain('release');
    expect(ROLE_ACTIONS.auditor).not.toContain('push');
  });
});
