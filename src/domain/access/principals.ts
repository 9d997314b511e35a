/**
 * Who may act: users and service accounts. Names are hashed with an installation secret (for uniqueness and log-in)
 * and sealed (for display), so that the log holds no personal data. One stream: `access-principals`.
 */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { own } from '../values/own.ts';
import { id, sealed } from '../values/schemas.ts';

export const principalKind = z.enum(['user', 'service-account']);
export type PrincipalKind = z.output<typeof principalKind>;

export const principalEvents = {
  PrincipalCreated: event(
    z.strictObject({ principalId: id, kind: principalKind, nameHash: z.string(), name: sealed }),
  ),
  PrincipalDisabled: event(z.strictObject({ principalId: id })),
  PrincipalEnabled: event(z.strictObject({ principalId: id })),
  PrincipalDeleted: event(z.strictObject({ principalId: id })),
};

export type PrincipalCommand =
  | {
      readonly kind: 'CreatePrincipal';
      readonly principalId: string;
      readonly principalKind: PrincipalKind;
      readonly nameHash: string;
      readonly name: string;
    }
  | {
      readonly kind: 'DisablePrincipal' | 'EnablePrincipal' | 'DeletePrincipal';
      readonly principalId: string;
    };

interface Principal {
  readonly nameHash: string;
  readonly disabled: boolean;
}
export interface PrincipalsState {
  readonly principals: Readonly<Record<string, Principal>>;
  readonly byName: Readonly<Record<string, string>>;
}
type PrincipalEvent = EventsOf<typeof principalEvents>;

function create(
  command: Extract<PrincipalCommand, { kind: 'CreatePrincipal' }>,
  state: PrincipalsState,
): PrincipalEvent[] {
  const { principalId, nameHash, name } = command;
  const holder = own(state.byName, nameHash);
  if (holder === principalId) return [];
  if (holder !== undefined)
    throw refuse('NAME_TAKEN', 'there is a user or service account of this name already');
  if (own(state.principals, principalId)) throw refuse('STATE_CONFLICT', 'this principal id is in use');
  return [{ type: 'PrincipalCreated', data: { principalId, kind: command.principalKind, nameHash, name } }];
}

function decide(command: PrincipalCommand, state: PrincipalsState): readonly PrincipalEvent[] {
  if (command.kind === 'CreatePrincipal') return create(command, state);
  const { principalId } = command;
  const known = own(state.principals, principalId);
  if (!known) {
    if (command.kind === 'DeletePrincipal') return [];
    throw refuse('PRINCIPAL_UNKNOWN');
  }
  if (command.kind === 'DeletePrincipal') return [{ type: 'PrincipalDeleted', data: { principalId } }];
  if (command.kind === 'DisablePrincipal')
    return known.disabled ? [] : [{ type: 'PrincipalDisabled', data: { principalId } }];
  return known.disabled ? [{ type: 'PrincipalEnabled', data: { principalId } }] : [];
}

function evolve(state: PrincipalsState, { type, data }: PrincipalEvent): PrincipalsState {
  const { [data.principalId]: known, ...others } = state.principals;
  switch (type) {
    case 'PrincipalCreated':
      return {
        principals: { ...others, [data.principalId]: { nameHash: data.nameHash, disabled: false } },
        byName: { ...state.byName, [data.nameHash]: data.principalId },
      };
    case 'PrincipalDeleted': {
      if (!known) return state;
      const { [known.nameHash]: _gone, ...byName } = state.byName;
      return { principals: others, byName };
    }
    default:
      if (!known) return state;
      return {
        ...state,
        principals: { ...others, [data.principalId]: { ...known, disabled: type === 'PrincipalDisabled' } },
      };
  }
}

export const principals: Aggregate<PrincipalCommand, PrincipalsState, typeof principalEvents> = {
  name: 'access',
  events: principalEvents,
  initial: { principals: {}, byName: {} },
  decide,
  evolve,
};

export const principalsStream = () => 'access-principals';
