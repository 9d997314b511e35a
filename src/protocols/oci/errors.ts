/**
 * Refusals as container clients read them.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
import { CATALOGUE, type ErrorCode, type StrongroomError } from '../../domain/errors.ts';
import type { ProtocolReply, ProtocolRequest } from '../protocol.ts';
import { renderUnsatisfiedRange } from '../shared/range.ts';
import { STATUS } from '../shared/status.ts';
import { quotable, readable } from '../shared/text.ts';
import { parseRequest } from './parse.ts';
import { scopeOf } from './token.ts';

/** The closed list of the specification, and two for the 5xx that it leaves open. */
type OciCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS'
  | 'UNAVAILABLE'
  | 'UNKNOWN';

/** What has no code of its own takes the one whose wording misleads least: clients print it before the message. */
export const OCI_CODES = {
  REQUEST_INVALID: 'UNSUPPORTED',
  NAME_INVALID: 'NAME_INVALID',
  TAG_INVALID: 'MANIFEST_INVALID',
  DIGEST_INVALID: 'DIGEST_INVALID',
  DIGEST_UNSUPPORTED: 'DIGEST_INVALID',
  SIZE_INVALID: 'SIZE_INVALID',
  MANIFEST_INVALID: 'MANIFEST_INVALID',
  MANIFEST_BLOB_UNKNOWN: 'MANIFEST_BLOB_UNKNOWN',
  VERSION_INVALID: 'MANIFEST_INVALID',
  PACKAGE_INVALID: 'MANIFEST_INVALID',
  COMMAND_REUSED: 'UNSUPPORTED',
  POLICY_UNKNOWN: 'UNSUPPORTED',
  CURSOR_INVALID: 'UNSUPPORTED',
  UNAUTHENTICATED: 'UNAUTHORIZED',
  CREDENTIALS_INVALID: 'UNAUTHORIZED',
  FORBIDDEN: 'DENIED',
  POLICY_DENIED: 'DENIED',
  POLICY_FAILED: 'DENIED',
  ARTIFACT_HELD: 'DENIED',
  VERSION_IMMUTABLE: 'DENIED',
  TAG_IMMUTABLE: 'DENIED',
  PROJECT_UNKNOWN: 'NAME_UNKNOWN',
  REPOSITORY_UNKNOWN: 'NAME_UNKNOWN',
  PACKAGE_UNKNOWN: 'NAME_UNKNOWN',
  MANIFEST_UNKNOWN: 'MANIFEST_UNKNOWN',
  VERSION_UNKNOWN: 'MANIFEST_UNKNOWN',
  BLOB_UNKNOWN: 'BLOB_UNKNOWN',
  UPLOAD_UNKNOWN: 'BLOB_UPLOAD_UNKNOWN',
  FILE_UNKNOWN: 'MANIFEST_UNKNOWN',
  TAG_UNKNOWN: 'MANIFEST_UNKNOWN',
  PRINCIPAL_UNKNOWN: 'NAME_UNKNOWN',
  TOKEN_UNKNOWN: 'NAME_UNKNOWN',
  HOLD_UNKNOWN: 'NAME_UNKNOWN',
  ATTACHMENT_UNKNOWN: 'NAME_UNKNOWN',
  DECISION_UNKNOWN: 'NAME_UNKNOWN',
  PROMOTION_UNKNOWN: 'NAME_UNKNOWN',
  ROUTE_UNKNOWN: 'UNSUPPORTED',
  NAME_TAKEN: 'DENIED',
  STATE_CONFLICT: 'DENIED',
  VERSION_EXISTS: 'DENIED',
  CONCURRENT_CHANGE: 'DENIED',
  PRECONDITION_FAILED: 'DENIED',
  CONTENT_TOO_LARGE: 'SIZE_INVALID',
  RANGE_INVALID: 'BLOB_UPLOAD_INVALID',
  METHOD_UNSUPPORTED: 'UNSUPPORTED',
  TOO_MANY_REQUESTS: 'TOOMANYREQUESTS',
  LOG_UNAVAILABLE: 'UNAVAILABLE',
  STORAGE_UNAVAILABLE: 'UNAVAILABLE',
  VIEWS_BEHIND: 'UNAVAILABLE',
  SHUTTING_DOWN: 'UNAVAILABLE',
  INTERNAL: 'UNKNOWN',
} as const satisfies Record<ErrorCode, OciCode>;

const MAX_MESSAGE = 1000;
const MAX_DETAIL = 4096;
/** bytes of all warnings in one reply, and characters of one */
const MAX_WARNINGS = 4096;
const MAX_WARNING = 1000;

type Refused = Pick<ProtocolRequest, 'method' | 'path' | 'query' | 'origin' | 'headers' | 'caller'>;

/** Renders a refusal: `{errors: [{code, message, detail}]}` and the headers that go with its kind. */
export function renderError(error: StrongroomError, request: Refused): ProtocolReply {
  const status = STATUS[error.kind];
  const body = JSON.stringify({
    errors: [{ code: OCI_CODES[error.code], message: messageOf(error), detail: detailOf(error, request) }],
  });
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'Docker-Distribution-API-Version': 'registry/2.0',
    ...kindHeaders(error, request),
  };
  return request.method === 'HEAD' ? { status, headers } : { status, headers, body };
}

/**
 * A `Warning` header of these texts, '' for none. Long ones are cut; what does not fit into the
 * specification's 4096 bytes is left out. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings
 */
export function warningHeader(texts: readonly string[]): string {
  let header = '';
  for (const text of new Set(texts)) {
    const told = text.length > MAX_WARNING ? `${text.slice(0, MAX_WARNING)}...` : text;
    const warning = `${header === '' ? '' : ', '}299 - "${quotable(told)}"`;
    if (header.length + warning.length > MAX_WARNINGS) break;
    header += warning;
  }
  return header;
}

function messageOf(error: StrongroomError): string {
  return readable(error.code === 'INTERNAL' ? CATALOGUE.INTERNAL.summary : error.message).slice(
    0,
    MAX_MESSAGE,
  );
}

/** The facts of the refusal; of our own faults only what finds them in the server's log. */
function detailOf(error: StrongroomError, request: Refused): unknown {
  if (error.code === 'INTERNAL') return { correlationId: request.caller.correlationId };
  const { reason: _, retryAfter: __, ...facts } = error.detail;
  try {
    const text = JSON.stringify(facts, (_key, value) =>
      typeof value === 'string' ? readable(value) : value,
    );
    return text === '{}' || text.length > MAX_DETAIL ? undefined : JSON.parse(text);
  } catch {
    return undefined; // not JSON: the message says the same in words
  }
}

function kindHeaders(error: StrongroomError, request: Refused): Record<string, string> {
  const { allow, size, retryAfter } = error.detail;
  switch (error.kind) {
    case 'unauthenticated':
      return { 'WWW-Authenticate': challenge(error, request) };
    case 'throttled':
    case 'unavailable':
      return { 'Retry-After': String(Math.max(1, Math.ceil(retryAfter ?? 1))) };
    case 'unsupported':
      return typeof allow === 'string' ? { Allow: allow } : {};
    case 'range':
      return typeof size === 'number' ? { 'Content-Range': renderUnsatisfiedRange(size) } : {};
    default:
      return {};
  }
}

/** Bearer, except where tokens come from: there only a password or an access token helps. RFC 6750, section 3. */
function challenge(error: StrongroomError, request: Refused): string {
  const route = tryRoute(request);
  const service = quotable(URL.parse(request.origin)?.host ?? '');
  if (route?.kind === 'token') return `Basic realm="${service}", charset="UTF-8"`;
  const scope = route ? scopeOf(route) : '';
  const problem = bearerProblem(error, request);
  return [
    `Bearer realm="${quotable(request.origin)}/v2/token"`,
    `service="${service}"`,
    ...(scope ? [`scope="${scope}"`] : []),
    ...(problem ? [`error="${problem}"`] : []),
  ].join(',');
}

/** What was wrong with the bearer token, if one was sent. */
function bearerProblem(error: StrongroomError, request: Refused): string | undefined {
  const authorization = request.headers.authorization;
  if (typeof authorization !== 'string' || !/^bearer /i.test(authorization)) return undefined;
  return error.code === 'CREDENTIALS_INVALID' ? 'invalid_token' : 'insufficient_scope';
}

function tryRoute(request: Refused) {
  try {
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    return parseRequest(method, request.path, request.query);
  } catch {
    return undefined; // a malformed request is challenged without a scope
  }
}
