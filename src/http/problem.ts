/** Refusals as problem details. https://www.rfc-editor.org/rfc/rfc9457 */
import { CATALOGUE, type StrongroomError } from '../domain/errors.ts';
import { STATUS } from '../protocols/shared/status.ts';

export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function problem(error: StrongroomError, correlationId: string): Problem {
  const status = STATUS[error.kind];
  const { reason, retryAfter, allow, ...facts } = error.detail;
  const own = {
    type: `urn:strongroom:error:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title: CATALOGUE[error.code].summary,
    status,
    code: error.code,
    ...(reason ? { detail: reason } : {}),
  };
  // first for the order of reading, and again so that no fact takes the place of one of them
  const body = { ...own, ...facts, ...own, requestId: correlationId };
  const headers = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    ...(typeof allow === 'string' ? { allow } : {}),
    ...(status === 401 ? { 'www-authenticate': 'Basic realm="Strongroom", charset="UTF-8"' } : {}),
  };
  return { status, headers, body: JSON.stringify(body) };
}
