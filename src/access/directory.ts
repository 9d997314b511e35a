/** What authentication asks the views: who exists, which credentials stand, which roles are held. */
import type { Grant } from '../application/caller.ts';
import type { TokenLimits } from '../domain/access/credentials.ts';
import type { PrincipalKind } from '../domain/access/principals.ts';

export interface DirectoryPrincipal {
  readonly principalId: string;
  readonly kind: PrincipalKind;
  readonly disabled: boolean;
  /** names the verifier of the current password in the vault */
  readonly passwordSecretId: string | null;
}

export interface DirectoryToken {
  readonly tokenId: string;
  readonly principalId: string;
  readonly limits: TokenLimits;
  /** RFC 3339; null: never */
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

/** Satisfied by the queries of the views. A deleted principal is undefined; tokens outlive theirs. */
export interface AccessDirectory {
  principalByNameHash(nameHash: string): Promise<DirectoryPrincipal | undefined>;
  principalById(principalId: string): Promise<DirectoryPrincipal | undefined>;
  tokenById(tokenId: string): Promise<DirectoryToken | undefined>;
  grantsOf(principalId: string): Promise<readonly Grant[]>;
}
