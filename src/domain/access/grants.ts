/** Roles granted at one scope. Stream: `access-grants-<instance | project-<id> | repository-<id>>`. */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { ROLES, type Role, type Scope } from '../values/actions.ts';
import { id, scope } from '../values/schemas.ts';

const grant = z.strictObject({ scope, principalId: id, role: z.enum(ROLES) });

export const grantEvents = { RoleGranted: event(grant), RoleRevoked: event(grant) };

export type GrantCommand = {
  readonly kind: 'GrantRole' | 'RevokeRole';
  readonly scope: Scope;
  readonly principalId: string;
  readonly role: Role;
};

export interface GrantsState {
  /** `<principalId> <role>` */
  readonly grants: readonly string[];
}
type GrantEvent = EventsOf<typeof grantEvents>;

const key = (of: { principalId: string; role: Role }) => `${of.principalId} ${of.role}`;

function decide(command: GrantCommand, state: GrantsState): readonly GrantEvent[] {
  const { scope: at, principalId, role } = command;
  const has = state.grants.includes(key(command));
  if (command.kind === 'GrantRole')
    return has ? [] : [{ type: 'RoleGranted', data: { scope: at, principalId, role } }];
  if (!has) return [];
  const admins = state.grants.filter(entry => entry.endsWith(' admin'));
  if (at.kind === 'instance' && role === 'admin' && admins.length === 1)
    throw refuse('STATE_CONFLICT', 'this is the last administrator: grant the role to somebody else first');
  return [{ type: 'RoleRevoked', data: { scope: at, principalId, role } }];
}

function evolve(state: GrantsState, { type, data }: GrantEvent): GrantsState {
  const others = state.grants.filter(entry => entry !== key(data));
  return { grants: type === 'RoleGranted' ? [...others, key(data)] : others };
}

export const grants: Aggregate<GrantCommand, GrantsState, typeof grantEvents> = {
  name: 'access',
  events: grantEvents,
  initial: { grants: [] },
  decide,
  evolve,
};

/** `instance`, `project-<id>` or `repository-<id>` */
export const scopeKey = (at: Scope) => (at.kind === 'instance' ? 'instance' : `${at.kind}-${at.id}`);
export const grantsStream = (at: Scope) => `access-grants-${scopeKey(at)}`;
