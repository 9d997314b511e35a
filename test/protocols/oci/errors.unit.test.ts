import { describe, expect, test } from 'vitest';
import { CATALOGUE, type ErrorCode, refuse } from '../../../src/domain/errors.ts';
import { OCI_CODES, renderError, warningHeader } from '../../../src/protocols/oci/errors.ts';

const SPEC_CODES = [
  'BLOB_UNKNOWN BLOB_UPLOAD_INVALID BLOB_UPLOAD_UNKNOWN DIGEST_INVALID MANIFEST_BLOB_UNKNOWN MANIFEST_INVALID',
  'MANIFEST_UNKNOWN NAME_INVALID NAME_UNKNOWN SIZE_INVALID UNAUTHORIZED DENIED UNSUPPORTED TOOMANYREQUESTS',
].flatMap(line => line.split(' '));

const caller = {
  id: 'u1',
  kind: 'user',
  authentication: 'password',
  correlationId: 'c-1',
} as const;

function request(overrides: { method?: string; path?: string; query?: string; authorization?: string } = {}) {
  const { method = 'GET', path = '/v2/main/oci/app/manifests/latest', query = '', authorization } = overrides;
  return { method, path, query, origin: 'https://reg.example:8443', headers: { authorization }, caller };
}

const bodyOf = (reply: { body?: unknown }) => JSON.parse(String(reply.body)).errors[0];

describe('every refusal of the catalogue', () => {
  test.each(Object.keys(CATALOGUE) as ErrorCode[])('%s', code => {
    const reply = renderError(refuse(code), request());
    const error = bodyOf(reply);
    expect(error).toMatchObject({ code: OCI_CODES[code], message: CATALOGUE[code].summary });
    expect(reply.status).toBeGreaterThanOrEqual(400);
    if (reply.status < 500) expect(SPEC_CODES).toContain(error.code);
    expect(reply.headers?.['Content-Length']).toBe(String(Buffer.byteLength(String(reply.body))));
  });

  test.each([
    ['ARTIFACT_HELD', 403, 'DENIED'],
    ['POLICY_DENIED', 403, 'DENIED'],
    ['MANIFEST_UNKNOWN', 404, 'MANIFEST_UNKNOWN'],
    ['MANIFEST_BLOB_UNKNOWN', 400, 'MANIFEST_BLOB_UNKNOWN'],
    ['CONTENT_TOO_LARGE', 413, 'SIZE_INVALID'],
    ['RANGE_INVALID', 416, 'BLOB_UPLOAD_INVALID'],
    ['TOO_MANY_REQUESTS', 429, 'TOOMANYREQUESTS'],
    ['METHOD_UNSUPPORTED', 405, 'UNSUPPORTED'],
    ['STORAGE_UNAVAILABLE', 503, 'UNAVAILABLE'],
  ] as const)('%s is %i %s', (code, status, ociCode) => {
    const reply = renderError(refuse(code), request());
    expect([reply.status, bodyOf(reply).code]).toEqual([status, ociCode]);
  });

  test('the reason is in the message and the facts are in the detail', () => {
    const error = refuse('ARTIFACT_HELD', {
      reason: 'CVE-2026-1 is being looked at',
      hold: 'h1',
      retryAfter: 3,
    });
    expect(bodyOf(renderError(error, request()))).toEqual({
      code: 'DENIED',
      message: 'This artifact is on hold: CVE-2026-1 is being looked at',
      detail: { hold: 'h1' },
    });
  });

  test('HEAD has the headers without the body', () => {
    const [get, head] = ['GET', 'HEAD'].map(method =>
      renderError(refuse('MANIFEST_UNKNOWN'), request({ method })),
    );
    expect(head?.body).toBeUndefined();
    expect(head?.headers).toEqual(get?.headers);
  });

  test('our own faults tell nothing but where to look', () => {
    const error = refuse('INTERNAL', { reason: 'SELECT * FROM secrets', stack: 'at db.ts' });
    expect(bodyOf(renderError(error, request()))).toEqual({
      code: 'UNKNOWN',
      message: CATALOGUE.INTERNAL.summary,
      detail: { correlationId: 'c-1' },
    });
  });

  test('facts that are not JSON, or too many, are left out', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const detail of [{ circle }, { big: 1n }, { long: 'x'.repeat(5000) }])
      expect(bodyOf(renderError(refuse('NAME_INVALID', detail), request()))).not.toHaveProperty('detail');
  });
});

describe('headers', () => {
  const headersOf = (code: ErrorCode, detail: object, overrides = {}) =>
    renderError(refuse(code, { ...detail }), request(overrides)).headers;

  test('throttled and unavailable say when to come back', () => {
    expect(headersOf('TOO_MANY_REQUESTS', { retryAfter: 7.2 })).toMatchObject({ 'Retry-After': '8' });
    expect(headersOf('SHUTTING_DOWN', {})).toMatchObject({ 'Retry-After': '1' });
  });

  test('unsupported methods name the supported, unsatisfied ranges the size', () => {
    expect(headersOf('METHOD_UNSUPPORTED', { allow: 'GET, HEAD' })).toMatchObject({ Allow: 'GET, HEAD' });
    expect(headersOf('RANGE_INVALID', { size: 5 })).toMatchObject({ 'Content-Range': 'bytes */5' });
  });

  const realm = 'Bearer realm="https://reg.example:8443/v2/token",service="reg.example:8443"';
  const pull = `${realm},scope="repository:main/oci/app:pull"`;
  test.each([
    ['a pull', 'UNAUTHENTICATED', {}, pull],
    ['a HEAD', 'UNAUTHENTICATED', { method: 'HEAD' }, pull],
    [
      'a push',
      'UNAUTHENTICATED',
      { method: 'POST', path: '/v2/main/oci/app/blobs/uploads/' },
      `${realm},scope="repository:main/oci/app:pull,push"`,
    ],
    ['the ping', 'UNAUTHENTICATED', { path: '/v2/' }, realm],
    ['the catalogue', 'UNAUTHENTICATED', { path: '/v2/_catalog' }, `${realm},scope="registry:catalog:*"`],
    ['a malformed name', 'UNAUTHENTICATED', { path: '/v2/x"y/manifests/a' }, realm],
    ['wrong Basic', 'CREDENTIALS_INVALID', { authorization: 'Basic eA==' }, pull],
    ['a stale token', 'CREDENTIALS_INVALID', { authorization: 'Bearer x' }, `${pull},error="invalid_token"`],
    [
      'a narrow token',
      'UNAUTHENTICATED',
      { authorization: 'bearer x' },
      `${pull},error="insufficient_scope"`,
    ],
    [
      'the token endpoint',
      'CREDENTIALS_INVALID',
      { path: '/v2/token', query: 'service=x' },
      'Basic realm="reg.example:8443", charset="UTF-8"',
    ],
  ] as const)('%s is challenged', (_what, code, overrides, header) => {
    const reply = renderError(refuse(code), request(overrides));
    expect([reply.status, reply.headers?.['WWW-Authenticate']]).toEqual([401, header]);
  });

  test('nothing that came with the request can break out of a header or move the cursor', () => {
    const nasty = 'x"\r\nSet-Cookie: a=b\u001b[2J\u202e\u0085';
    const error = refuse('UNAUTHENTICATED', { reason: nasty, allow: nasty, name: nasty });
    const reply = renderError(error, { ...request(), origin: `http://h${nasty}` });
    for (const value of Object.values(reply.headers ?? {})) expect(value).toMatch(/^[ -~]+$/);
    const { message, detail } = bodyOf(reply);
    expect(`${message}${detail.name}`).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});

describe('warnings', () => {
  test('are quoted, told once, and stay ASCII on one line', () => {
    expect(warningHeader([])).toBe('');
    expect(warningHeader(['soon gone', 'soon gone'])).toBe('299 - "soon gone"');
    expect(warningHeader(['say "hi"\\', 'ü\r\nX: y'])).toBe('299 - "say \'hi\'/", 299 - " X: y"');
  });

  test('stay within 4096 bytes', () => {
    const header = warningHeader(Array.from({ length: 100 }, (_, i) => `${i} ${'x'.repeat(100)}`));
    expect(header.length).toBeGreaterThan(3900);
    expect(header.length).toBeLessThanOrEqual(4096);
    expect(header.endsWith('x"')).toBe(true);
  });

  test('one that is too long by itself is cut', () => {
    const header = warningHeader(['y'.repeat(10_000)]);
    expect(header).toMatch(/^299 - "y+\.\.\."$/);
    expect(header.length).toBeLessThanOrEqual(4096);
  });
});
