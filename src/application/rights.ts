/** Asks whether a caller may do something at a place, from the views (cached, and bound by the consistency rule). */
import { permits } from '../access/authorise.ts';
import { refuse } from '../domain/errors.ts';
import type { Action, Role } from '../domain/values/actions.ts';
import type { At } from './at.ts';
import type { Caller, Grant } from './caller.ts';
import type { Core } from './core.ts';

export { type At, at, INSTANCE } from './at.ts';

export async function grantsOf(core: Core, caller: Caller): Promise<readonly Grant[]> {
  if (caller.kind === 'anonymous' || caller.kind === 'system') return [];
  return core.hot.get('global', `grants ${caller.id}`, () => core.queries.grantsOf(caller.id));
}

export interface Permission {
  readonly allowed: boolean;
  readonly roles: readonly Role[];
}

export async function mayDo(core: Core, caller: Caller, action: Action, place: At): Promise<Permission> {
  const { project, repository } = place;
  return permits({
    caller,
    grants: await grantsOf(core, caller),
    action,
    target: {
      projectId: project?.id,
      repositoryId: repository?.repositoryId,
      visibility: repository?.visibility,
    },
  });
}

/**
 * Whether the caller's principal may, whatever the bearer at hand was asked for: a client that pulls what it just pushed
 * shows a bearer for pulling, and is the pusher all the same.
 */
export function mayInPerson(core: Core, caller: Caller, action: Action, place: At): Promise<Permission> {
  const { issuedFor: _asked, ...person } = caller;
  return mayDo(core, person, action, place);
}

/**
 * The refusal for a caller without rights. It is the same whether the thing exists or not: strangers are asked to log
 * in, others are told that they may not.
 */
export function noRight(caller: Caller, action: Action) {
  return caller.kind === 'anonymous'
    ? refuse('UNAUTHENTICATED', { action })
    : refuse('FORBIDDEN', { reason: `you need the right to ${action} here`, action });
}
