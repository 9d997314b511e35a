/** The one access check. Pure: who, with which grants, wants to do what, where. */
import type { Caller, Grant } from '../application/caller.ts';
import { type Action, ROLE_ACTIONS, type Role, type Scope } from '../domain/values/actions.ts';

/** Where an action happens: the instance (nothing given), a project, or a repository together with its project. */
export interface Target {
  readonly projectId?: string | undefined;
  readonly repositoryId?: string | undefined;
  readonly visibility?: 'private' | 'public' | undefined;
}

export interface AccessQuestion {
  readonly caller: Caller;
  /** every role the caller's principal holds anywhere */
  readonly grants: readonly Grant[];
  readonly action: Action;
  readonly target: Target;
}

export interface Permission {
  readonly allowed: boolean;
  /** the roles that permit it, each once; empty when something else does (the system, a public repository) */
  readonly roles: readonly Role[];
}

/**
 * Roles add up over instance, project and repository. A credential's limits bound what its roles permit, but not the
 * pull from a public repository, which needs no role: a token must not see less than a stranger.
 */
export function permits({ caller, grants, action, target }: AccessQuestion): Permission {
  if (caller.kind === 'system' || caller.authentication === 'host') return { allowed: true, roles: [] };
  const roles = caller.kind === 'anonymous' || !withinLimits(caller, action, target) ? [] : permitting();
  return { allowed: roles.length > 0 || isPublicPull(action, target), roles };

  function permitting(): Role[] {
    const held = grants.filter(({ scope, role }) => covers(scope, target) && may(role, action));
    return [...new Set(held.map(({ role }) => role))];
  }
}

/** True when what happens at the target happens within the scope. */
export function covers(scope: Scope, target: Target): boolean {
  switch (scope.kind) {
    case 'instance':
      return true;
    case 'project':
      return scope.id === target.projectId;
    case 'repository':
      return scope.id === target.repositoryId;
  }
}

/** What a bearer may be used for at most, by what it was asked for; the registry protocol checks the names. */
const BEARER_ACTIONS: ReadonlyMap<string, readonly Action[]> = new Map([
  ['pull', ['pull']],
  // whoever pushes looks first at what is there
  ['push', ['pull', 'push', 'tag']],
  ['delete', ['delete', 'tag']],
  ['*', ['pull', 'push', 'tag', 'delete']],
]);

function withinLimits({ limits, issuedFor }: Caller, action: Action, target: Target): boolean {
  const asked = issuedFor?.flatMap(({ actions }) => actions);
  if (asked && !asked.some(name => BEARER_ACTIONS.get(name)?.includes(action))) return false;
  if (limits?.actions && !limits.actions.includes(action)) return false;
  return !limits?.scopes || limits.scopes.some(scope => covers(scope, target));
}

function may(role: Role, action: Action): boolean {
  return ROLE_ACTIONS[role].includes(action);
}

function isPublicPull(action: Action, target: Target): boolean {
  return action === 'pull' && target.repositoryId !== undefined && target.visibility === 'public';
}
