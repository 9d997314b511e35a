/** What authentication asks the views: who exists, which credentials stand, which roles are held. */
import type { Grant } from '../application/caller.ts';
import type { PrincipalKind } from '../domain/access/principals.ts';
import type { Action, Scope } from '../domain/values/actions.ts';

export interface DirectoryPrincipal {
  readonly id: string;
  readonly kind: PrincipalKind;
  readonly disabled: boolean;
  /** names the verifier of the current password in the vault; absent while there is none */
  readonly secretId?: string | undefined;
}

export interface DirectoryToken {
  readonly id: string;
  readonly principalId: string;
  readonly limits: {
    readonly scopes?: readonly Scope[] | undefined;
    readonly actions?: readonly Action[] | undefined;
  };
  /** RFC 3339; absent: never */
  readonly expiresAt?: string | undefined;
  readonly revoked: boolean;
}

/** Satisfied by the projections. A deleted principal, and every token of one, is undefined. */
export interface AccessDirectory {
  principalByNameHash(hash: string): Promise<DirectoryPrincipal | undefined>;
  principalById(id: string): Promise<DirectoryPrincipal | undefined>;
  tokenById(id: string): Promise<DirectoryToken | undefined>;
  grantsOf(principalId: string): Promise<readonly Grant[]>;
}
