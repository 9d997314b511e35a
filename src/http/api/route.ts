/** A route of the management API as data: what it takes and gives, and what it does. OpenAPI is made from it. */
import type { z } from 'zod';
import type { Caller } from '../../application/caller.ts';
import type { Consistency } from '../../application/consistency.ts';
import type { Core } from '../../application/core.ts';

/** What an operator may ask of the running process. */
export interface Operations {
  viewsStatus(): object;
  /** Begins a rebuild in the background; a second one while it runs changes nothing. */
  rebuildViews(): void;
  examine(): Promise<object>;
}

export interface ApiContext {
  readonly core: Core;
  readonly consistency: Consistency;
  readonly operations: Operations;
}

export interface ApiRoute<P = unknown, Q = unknown, B = unknown, R = unknown> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** below /api/v1, with `:parameters` */
  readonly path: string;
  /** one line for OpenAPI and the CLI's help */
  readonly summary: string;
  /** groups routes in OpenAPI */
  readonly tag: string;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  readonly response?: z.ZodType<R>;
  /** default 200; 204 has no body */
  readonly status?: 200 | 201 | 202 | 204;
  /** what a repeated command is answered with, when the reply holds a secret: it is not kept */
  readonly recorded?: (reply: R) => R;
  /** whether it can give out content or metadata of artifacts: the enforcement matrix asks it */
  readonly serves?: boolean;
  readonly handle: (
    input: {
      readonly caller: Caller;
      readonly params: P;
      readonly query: Q;
      readonly body: B;
      readonly signal: AbortSignal;
    },
    context: ApiContext,
  ) => Promise<R>;
}

/** Keeps the types of one route while it is written; lists hold them untyped. */
// biome-ignore lint/suspicious/noExplicitAny: a list of routes holds routes of every shape
export type AnyRoute = ApiRoute<any, any, any, any>;

export function route<P, Q, B, R>(definition: ApiRoute<P, Q, B, R>): AnyRoute {
  return definition;
}
