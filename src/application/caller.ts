/** Who makes a request, as far as authentication could tell. */
import type { ActorKind } from '../domain/kernel/metadata.ts';
import type { Action, Role, Scope } from '../domain/values/actions.ts';

export interface Caller {
  /** principal id, `anonymous` or `system` */
  readonly id: string;
  readonly kind: ActorKind;
  readonly authentication: 'password' | 'token' | 'bearer' | 'anonymous' | 'host' | 'internal';
  /** token id or `password` */
  readonly credential?: string | undefined;
  /** what the credential may do at most; absent: all the principal may */
  readonly limits?:
    | { readonly scopes?: readonly Scope[] | undefined; readonly actions?: readonly Action[] | undefined }
    | undefined;
  /** what a bearer of the token endpoint was asked for: it does no more than that */
  readonly issuedFor?:
    | readonly { readonly type: string; readonly name: string; readonly actions: readonly string[] }[]
    | undefined;
  readonly correlationId: string;
  /** from Idempotency-Key, already scoped to the actor */
  readonly commandId?: string | undefined;
}

/** Whether the credential may less than its owner; a token without limits stands for its owner. */
export function isLimited({ limits, issuedFor }: Caller): boolean {
  return limits?.scopes !== undefined || limits?.actions !== undefined || issuedFor !== undefined;
}

/** A role somebody holds, and where. */
export interface Grant {
  readonly scope: Scope;
  readonly role: Role;
}

/** The registry acting on its own behalf: jobs, first start, reactors. */
export function systemCaller(
  correlationId: string,
  authentication: 'host' | 'internal' = 'internal',
): Caller {
  return { id: 'system', kind: 'system', authentication, correlationId };
}
