import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AccessQuestion, permits, type Target } from '../../src/access/authorise.ts';
import { type Caller, type Grant, systemCaller } from '../../src/application/caller.ts';
import {
  ACTIONS,
  type Action,
  ROLE_ACTIONS,
  ROLES,
  type Role,
  type Scope,
} from '../../src/domain/values/actions.ts';

const person: Caller = {
  id: 'p1',
  kind: 'user',
  authentication: 'password',
  credential: 'password',
  correlationId: 'c',
};
const stranger: Caller = {
  id: 'anonymous',
  kind: 'anonymous',
  authentication: 'anonymous',
  correlationId: 'c',
};
const instance: Scope = { kind: 'instance' };
const project = (id: string): Scope => ({ kind: 'project', id });
const repository = (id: string): Scope => ({ kind: 'repository', id });
const grant = (scope: Scope, role: Role): Grant => ({ scope, role });
const target: Target = { projectId: 'x', repositoryId: 'x1', visibility: 'private' };

const ask = (action: Action, grants: Grant[], more: Partial<AccessQuestion> = {}) =>
  permits({ caller: person, grants, action, target, ...more });

describe('roles', () => {
  it.each([
    { held: grant(instance, 'viewer'), action: 'pull', allowed: true },
    { held: grant(project('x'), 'viewer'), action: 'pull', allowed: true },
    { held: grant(repository('x1'), 'viewer'), action: 'pull', allowed: true },
    { held: grant(repository('x1'), 'viewer'), action: 'push', allowed: false },
    { held: grant(repository('x1'), 'contributor'), action: 'push', allowed: true },
    { held: grant(repository('x1'), 'contributor'), action: 'access-change', allowed: false },
    { held: grant(repository('x1'), 'auditor'), action: 'read-log', allowed: true },
    { held: grant(repository('x1'), 'policy-author'), action: 'hold', allowed: true },
    { held: grant(repository('x2'), 'admin'), action: 'pull', allowed: false },
    { held: grant(project('y'), 'admin'), action: 'pull', allowed: false },
  ] as const)('$held.role at $held.scope: $action is $allowed', ({ held, action, allowed }) => {
    expect(ask(action, [held])).toEqual({ allowed, roles: allowed ? [held.role] : [] });
  });

  it('add up, and each that permits it is named once', () => {
    const grants = [
      grant(instance, 'viewer'),
      grant(project('x'), 'contributor'),
      grant(repository('x1'), 'contributor'),
      grant(repository('x1'), 'policy-author'),
    ];
    expect(ask('push', grants).roles).toEqual(['contributor']);
    expect(ask('pull', grants).roles).toEqual(['viewer', 'contributor', 'policy-author']);
    expect(ask('hold', grants).roles).toEqual(['policy-author']);
  });

  it('of a place do not reach above it', () => {
    const grants = [grant(repository('x1'), 'admin')];
    expect(ask('repository-change', grants, { target: { projectId: 'x' } }).allowed).toBe(false);
    expect(ask('operate', [grant(project('x'), 'admin')], { target: {} }).allowed).toBe(false);
    expect(ask('operate', [grant(instance, 'admin')], { target: {} }).allowed).toBe(true);
  });

  it('an id is not mistaken for one of another kind', () => {
    expect(ask('pull', [grant(project('x1'), 'admin'), grant(repository('x'), 'admin')]).allowed).toBe(false);
  });
});

describe('strangers', () => {
  const open = { ...target, visibility: 'public' } as const;

  it('and everybody pull from public repositories, whatever their credential', () => {
    const limited: Caller = { ...person, limits: { scopes: [repository('other')], actions: ['push'] } };
    for (const caller of [stranger, person, limited])
      expect(permits({ caller, grants: [], action: 'pull', target: open })).toEqual({
        allowed: true,
        roles: [],
      });
  });

  it('do nothing else, even if a grant were named for them', () => {
    for (const action of ACTIONS.filter(name => name !== 'pull'))
      expect(permits({ caller: stranger, grants: [], action, target: open }).allowed).toBe(false);
    const grants = [grant(instance, 'admin')];
    expect(permits({ caller: stranger, grants, action: 'push', target }).allowed).toBe(false);
    expect(permits({ caller: stranger, grants, action: 'pull', target }).allowed).toBe(false);
  });

  it('need a repository: visibility alone opens nothing', () => {
    const place: Target = { projectId: 'x', visibility: 'public' };
    expect(permits({ caller: stranger, grants: [], action: 'pull', target: place }).allowed).toBe(false);
  });
});

describe('the system and the host', () => {
  it('may do all', () => {
    for (const action of ACTIONS)
      expect(permits({ caller: systemCaller('c', 'host'), grants: [], action, target }).allowed).toBe(true);
    const onHost: Caller = { ...person, authentication: 'host' };
    expect(permits({ caller: onHost, grants: [], action: 'access-change', target: {} }).allowed).toBe(true);
  });
});

describe('limits of a credential', () => {
  const admin = [grant(instance, 'admin')];
  const limited = (limits: NonNullable<Caller['limits']>): Caller => ({ ...person, limits });
  it.each([
    { limits: {}, allowed: true },
    { limits: { actions: ['push'] }, allowed: true },
    { limits: { actions: ['pull'] }, allowed: false },
    { limits: { actions: [] }, allowed: false },
    { limits: { scopes: [] }, allowed: false },
    { limits: { scopes: [repository('x1')] }, allowed: true },
    { limits: { scopes: [project('x')] }, allowed: true },
    { limits: { scopes: [repository('x2'), project('y')] }, allowed: false },
    { limits: { scopes: [project('x')], actions: ['pull'] }, allowed: false },
  ] as { limits: NonNullable<Caller['limits']>; allowed: boolean }[])(
    '$limits: $allowed',
    ({ limits, allowed }) => {
      expect(permits({ caller: limited(limits), grants: admin, action: 'push', target }).allowed).toBe(
        allowed,
      );
    },
  );

  it('a token for one repository does not act on its project', () => {
    const caller = limited({ scopes: [repository('x1')] });
    expect(
      permits({ caller, grants: admin, action: 'repository-change', target: { projectId: 'x' } }).allowed,
    ).toBe(false);
  });
});

describe('a bearer', () => {
  const admin = [grant(instance, 'admin')];
  const bearer = (...actions: string[]): Caller => ({
    ...person,
    authentication: 'bearer',
    issuedFor: [{ type: 'repository', name: 'p/r/a', actions }],
  });
  const permitted = (caller: Caller) =>
    ACTIONS.filter(action => permits({ caller, grants: admin, action, target }).allowed);

  it('does what it was asked for and never administers', () => {
    expect(permitted(bearer('pull'))).toEqual(['pull']);
    expect(permitted(bearer('push', 'pull'))).toEqual(['pull', 'push', 'tag']);
    expect(permitted(bearer('*'))).toEqual(['pull', 'push', 'tag', 'delete']);
    expect(permitted(bearer('delete'))).toEqual(['tag', 'delete']);
    expect(permitted(bearer('access-change', 'constructor'))).toEqual([]);
    expect(permitted({ ...bearer(), issuedFor: [] })).toEqual([]);
  });

  it('does not add to what its owner may', () => {
    const question = { caller: bearer('*'), grants: [grant(repository('x1'), 'viewer')], target };
    expect(permits({ ...question, action: 'push' }).allowed).toBe(false);
  });
});

describe('for any question', () => {
  const scopes = fc.oneof(
    fc.constant(instance),
    fc.constantFrom('x', 'y').map(project),
    fc.constantFrom('x1', 'x2', 'y1').map(repository),
  );
  const grants = fc.array(fc.record({ scope: scopes, role: fc.constantFrom(...ROLES) }), { maxLength: 6 });
  const actions = fc.constantFrom(...ACTIONS);
  const targets: fc.Arbitrary<Target> = fc.oneof(
    fc.constant({}),
    fc.constantFrom('x', 'y').map(projectId => ({ projectId })),
    fc.record({
      projectId: fc.constantFrom('x', 'y'),
      repositoryId: fc.constantFrom('x1', 'x2', 'y1'),
      visibility: fc.constantFrom('private', 'public'),
    }),
  );
  const limits = fc.record(
    { scopes: fc.array(scopes, { maxLength: 3 }), actions: fc.array(actions, { maxLength: 8 }) },
    { requiredKeys: [] },
  );
  const questions = fc.record({
    caller: fc.oneof(
      fc.constant(person),
      limits.map((bounds): Caller => ({ ...person, authentication: 'token', limits: bounds })),
      fc.constant(stranger),
    ),
    grants,
    action: actions,
    target: targets,
  });
  const isPublic = ({ action, target: at }: AccessQuestion) =>
    action === 'pull' && at.repositoryId !== undefined && at.visibility === 'public';

  it('a further grant takes nothing away', () => {
    fc.assert(
      fc.property(
        questions,
        fc.record({ scope: scopes, role: fc.constantFrom(...ROLES) }),
        (question, more) => {
          const before = permits(question);
          const after = permits({ ...question, grants: [...question.grants, more] });
          expect(after.roles).toEqual(expect.arrayContaining([...before.roles]));
          expect(after.allowed || !before.allowed).toBe(true);
        },
      ),
    );
  });

  it('limits give nothing', () => {
    fc.assert(
      fc.property(questions, limits, (question, bounds) => {
        const caller = { ...question.caller, limits: bounds };
        if (permits({ ...question, caller }).allowed)
          expect(permits({ ...question, caller: { ...caller, limits: undefined } }).allowed).toBe(true);
      }),
    );
  });

  it('every role named is held and permits the action', () => {
    fc.assert(
      fc.property(questions, question => {
        const { allowed, roles } = permits(question);
        expect(allowed).toBe(roles.length > 0 || isPublic(question));
        expect(new Set(roles).size).toBe(roles.length);
        for (const role of roles) {
          expect(ROLE_ACTIONS[role]).toContain(question.action);
          expect(question.grants.map(held => held.role)).toContain(role);
        }
      }),
    );
  });

  it('grants elsewhere do not matter', () => {
    fc.assert(
      fc.property(questions, question => {
        const { projectId, repositoryId } = question.target;
        const here = question.grants.filter(
          ({ scope }) =>
            scope.kind === 'instance' || scope.id === (scope.kind === 'project' ? projectId : repositoryId),
        );
        expect(permits({ ...question, grants: here })).toEqual(permits(question));
      }),
    );
  });
});
