/** A principal's credentials: that they exist, never what they are. Stream: `access-credentials-<principalId>`. */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { ACTIONS } from '../values/actions.ts';
import { own } from '../values/own.ts';
import { id, instant, scope, sealed } from '../values/schemas.ts';

/** What a token may do at most; its owner's roles bound it further at every request. */
export const tokenLimits = z.strictObject({
  /** any of these places; absent: everywhere the owner may */
  scopes: z.array(scope).max(100).optional(),
  /** absent: all the owner may */
  actions: z.array(z.enum(ACTIONS)).optional(),
});
export type TokenLimits = z.output<typeof tokenLimits>;

export const credentialEvents = {
  TokenIssued: event(
    z.strictObject({
      principalId: id,
      tokenId: id,
      label: sealed,
      limits: tokenLimits,
      expiresAt: instant.optional(),
    }),
  ),
  TokenRevoked: event(z.strictObject({ principalId: id, tokenId: id })),
  /** `secretId` names the verifier in the vault: a retried command stores no second one */
  PasswordSet: event(z.strictObject({ principalId: id, secretId: id })),
};

export type CredentialCommand =
  | {
      readonly kind: 'IssueToken';
      readonly principalId: string;
      readonly tokenId: string;
      readonly label: string;
      readonly limits: TokenLimits;
      readonly expiresAt?: string | undefined;
    }
  | { readonly kind: 'RevokeToken'; readonly principalId: string; readonly tokenId: string }
  | { readonly kind: 'SetPassword'; readonly principalId: string; readonly secretId: string };

export interface CredentialsState {
  readonly tokens: Readonly<Record<string, 'active' | 'revoked'>>;
  readonly secretId?: string;
}
type CredentialEvent = EventsOf<typeof credentialEvents>;

function decide(command: CredentialCommand, state: CredentialsState): readonly CredentialEvent[] {
  const { principalId } = command;
  if (command.kind === 'SetPassword')
    return state.secretId === command.secretId
      ? []
      : [{ type: 'PasswordSet', data: { principalId, secretId: command.secretId } }];
  const { tokenId } = command;
  if (command.kind === 'RevokeToken') {
    const known = own(state.tokens, tokenId);
    if (!known) throw refuse('TOKEN_UNKNOWN');
    return known === 'revoked' ? [] : [{ type: 'TokenRevoked', data: { principalId, tokenId } }];
  }
  if (own(state.tokens, tokenId)) return [];
  const { label, limits, expiresAt } = command;
  const data = { principalId, tokenId, label, limits };
  return [{ type: 'TokenIssued', data: expiresAt === undefined ? data : { ...data, expiresAt } }];
}

function evolve(state: CredentialsState, { type, data }: CredentialEvent): CredentialsState {
  switch (type) {
    case 'TokenIssued':
      return { ...state, tokens: { ...state.tokens, [data.tokenId]: 'active' } };
    case 'TokenRevoked':
      return { ...state, tokens: { ...state.tokens, [data.tokenId]: 'revoked' } };
    case 'PasswordSet':
      return { ...state, secretId: data.secretId };
  }
}

export const credentials: Aggregate<CredentialCommand, CredentialsState, typeof credentialEvents> = {
  name: 'access',
  events: credentialEvents,
  initial: { tokens: {} },
  decide,
  evolve,
};

export const credentialsStream = (principalId: string) => `access-credentials-${principalId}`;
