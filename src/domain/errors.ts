/**
 * The error catalogue: every refusal Strongroom can give, as data.
 * A protocol maps `kind` to its native reply, exhaustively; nobody invents a message at a call site:
 * the summary comes from here, the particulars go into `detail`.
 */

export type ErrorKind =
  | 'invalid' // malformed or rule-breaking input: 400
  | 'unauthenticated' // 401
  | 'forbidden' // the caller has no right: 403 (or the format's "not found")
  | 'denied' // a policy or a hold forbids it: 403 with a reason
  | 'not_found' // 404
  | 'conflict' // state forbids it: 409
  | 'precondition' // what the request made a condition is not so: 412
  | 'too_large' // 413
  | 'range' // 416
  | 'unsupported' // 405 or 415
  | 'throttled' // 429
  | 'unavailable'; // 503, may be retried

export const CATALOGUE = {
  REQUEST_INVALID: { kind: 'invalid', summary: 'The request is malformed' },
  NAME_INVALID: { kind: 'invalid', summary: 'The name is not valid' },
  TAG_INVALID: { kind: 'invalid', summary: 'The tag is not valid' },
  DIGEST_INVALID: { kind: 'invalid', summary: 'The digest is not valid or does not match the content' },
  DIGEST_UNSUPPORTED: {
    kind: 'invalid',
    summary: 'The digest algorithm is not supported: use sha256 or sha512',
  },
  SIZE_INVALID: { kind: 'invalid', summary: 'The length of the content does not match what was announced' },
  MANIFEST_INVALID: { kind: 'invalid', summary: 'The manifest is not valid' },
  MANIFEST_BLOB_UNKNOWN: {
    kind: 'invalid',
    summary: 'The manifest names content that is not in this repository',
  },
  VERSION_INVALID: { kind: 'invalid', summary: 'The version is not valid' },
  PACKAGE_INVALID: { kind: 'invalid', summary: 'The package is not valid' },
  COMMAND_REUSED: { kind: 'invalid', summary: 'This Idempotency-Key was used before for another request' },
  POLICY_UNKNOWN: { kind: 'invalid', summary: 'There is no such policy set' },
  CURSOR_INVALID: { kind: 'invalid', summary: 'The page cursor is not valid' },
  UNAUTHENTICATED: { kind: 'unauthenticated', summary: 'Log in to do this' },
  CREDENTIALS_INVALID: {
    kind: 'unauthenticated',
    summary: 'The user name, password or token is wrong or expired',
  },
  FORBIDDEN: { kind: 'forbidden', summary: 'You are not allowed to do this' },
  POLICY_DENIED: { kind: 'denied', summary: 'A policy forbids this' },
  POLICY_FAILED: { kind: 'denied', summary: 'A policy could not be evaluated, so this is refused' },
  ARTIFACT_HELD: { kind: 'denied', summary: 'This artifact is on hold' },
  VERSION_IMMUTABLE: { kind: 'denied', summary: 'Versions in this repository cannot be replaced' },
  TAG_IMMUTABLE: { kind: 'denied', summary: 'This tag is immutable in this repository' },
  PROJECT_UNKNOWN: { kind: 'not_found', summary: 'There is no such project' },
  REPOSITORY_UNKNOWN: { kind: 'not_found', summary: 'There is no such repository' },
  PACKAGE_UNKNOWN: { kind: 'not_found', summary: 'There is no such package in this repository' },
  MANIFEST_UNKNOWN: { kind: 'not_found', summary: 'There is no such manifest in this repository' },
  VERSION_UNKNOWN: { kind: 'not_found', summary: 'There is no such version in this repository' },
  BLOB_UNKNOWN: { kind: 'not_found', summary: 'There is no such blob in this repository' },
  UPLOAD_UNKNOWN: { kind: 'not_found', summary: 'There is no such upload session' },
  FILE_UNKNOWN: { kind: 'not_found', summary: 'There is no such file in this version' },
  TAG_UNKNOWN: { kind: 'not_found', summary: 'There is no such tag' },
  PRINCIPAL_UNKNOWN: { kind: 'not_found', summary: 'There is no such user or service account' },
  TOKEN_UNKNOWN: { kind: 'not_found', summary: 'There is no such token' },
  HOLD_UNKNOWN: { kind: 'not_found', summary: 'There is no such hold, or it was lifted already' },
  ATTACHMENT_UNKNOWN: { kind: 'not_found', summary: 'There is no such policy attachment' },
  DECISION_UNKNOWN: { kind: 'not_found', summary: 'There is no such decision' },
  PROMOTION_UNKNOWN: { kind: 'not_found', summary: 'There is no such promotion' },
  ROUTE_UNKNOWN: { kind: 'not_found', summary: 'There is nothing at this address' },
  NAME_TAKEN: { kind: 'conflict', summary: 'The name is taken' },
  STATE_CONFLICT: { kind: 'conflict', summary: 'The state of the thing does not allow this' },
  VERSION_EXISTS: { kind: 'conflict', summary: 'This version exists already with other content' },
  CONCURRENT_CHANGE: {
    kind: 'conflict',
    summary: 'It was changed at the same time by somebody else: try again',
  },
  PRECONDITION_FAILED: { kind: 'precondition', summary: 'What the request made a condition is not so' },
  CONTENT_TOO_LARGE: { kind: 'too_large', summary: 'The content is larger than is allowed here' },
  RANGE_INVALID: { kind: 'range', summary: 'The range cannot be satisfied' },
  METHOD_UNSUPPORTED: { kind: 'unsupported', summary: 'This method is not supported here' },
  TOO_MANY_REQUESTS: { kind: 'throttled', summary: 'Too many requests: wait and try again' },
  LOG_UNAVAILABLE: {
    kind: 'unavailable',
    summary: 'The event log cannot be reached: nothing was changed, try again',
  },
  STORAGE_UNAVAILABLE: {
    kind: 'unavailable',
    summary: 'The storage cannot take or give the content now: try again',
  },
  VIEWS_BEHIND: { kind: 'unavailable', summary: 'The views have not caught up yet: try again' },
  SHUTTING_DOWN: { kind: 'unavailable', summary: 'The server is shutting down: try again' },
  INTERNAL: { kind: 'unavailable', summary: 'Something went wrong on the server: it was logged' },
} as const satisfies Record<string, { kind: ErrorKind; summary: string }>;

export type ErrorCode = keyof typeof CATALOGUE;

/** A refusal from the catalogue. `detail` is one readable sentence, or structured facts for the client. */
export class StrongroomError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, detail: ErrorDetail | string = {}, options?: { cause?: unknown }) {
    const facts = typeof detail === 'string' ? { reason: detail } : detail;
    super(facts.reason ? `${CATALOGUE[code].summary}: ${facts.reason}` : CATALOGUE[code].summary, options);
    this.name = 'StrongroomError';
    this.code = code;
    this.kind = CATALOGUE[code].kind;
    this.detail = facts;
  }
}

export interface ErrorDetail {
  /** one sentence that completes the summary and tells what to do */
  readonly reason?: string;
  /** seconds until a retry makes sense (throttled, unavailable) */
  readonly retryAfter?: number;
  readonly [fact: string]: unknown;
}

/** Shorthand used by deciders and use cases: `throw refuse('TAG_INVALID', 'a tag has at most 128 characters')`. */
export function refuse(code: ErrorCode, detail: ErrorDetail | string = {}): StrongroomError {
  return new StrongroomError(code, detail);
}

/** True for a refusal of one of these codes (any code when none is named). */
export function isRefusal(error: unknown, ...codes: ErrorCode[]): error is StrongroomError {
  return error instanceof StrongroomError && (codes.length === 0 || codes.includes(error.code));
}
