/** What the kinds of refusals are over HTTP, where a format does not say otherwise. RFC 9110, section 15. */
import type { ErrorKind } from '../../domain/errors.ts';

export const STATUS = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  denied: 403,
  not_found: 404,
  conflict: 409,
  precondition: 412,
  too_large: 413,
  range: 416,
  unsupported: 405,
  throttled: 429,
  unavailable: 503,
} as const satisfies Record<ErrorKind, number>;
