import { describe, expect, it } from 'vitest';
import { CATALOGUE, type ErrorCode, refuse } from '../../src/domain/errors.ts';
import { problem } from '../../src/http/problem.ts';
import { STATUS } from '../../src/protocols/shared/status.ts';

const codes = Object.keys(CATALOGUE) as ErrorCode[];
const bodyOf = (...refusal: Parameters<typeof refuse>) =>
  JSON.parse(problem(refuse(...refusal), 'request-1').body);

describe('a problem', () => {
  it.each(codes)('%s has the status of its kind, its summary and a type of its own', code => {
    const { status, headers, body } = problem(refuse(code), 'request-1');
    expect(status).toBe(STATUS[CATALOGUE[code].kind]);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
    });
    expect(JSON.parse(body)).toEqual({
      type: `urn:strongroom:error:${code.toLowerCase().replaceAll('_', '-')}`,
      title: CATALOGUE[code].summary,
      status,
      code,
      requestId: 'request-1',
    });
  });

  it('tells its reason and its facts', () => {
    const body = bodyOf('HOLD_UNKNOWN', { reason: 'it was lifted', holdId: 'h1', others: ['h2'] });
    expect(body).toMatchObject({ detail: 'it was lifted', holdId: 'h1', others: ['h2'] });
    expect(body).not.toHaveProperty('reason');
  });

  it('lets no fact take the place of what a problem says itself', () => {
    const facts = { type: 'x', title: 'x', status: 200, code: 'x', detail: 'x', requestId: 'x' };
    expect(bodyOf('FORBIDDEN', { reason: 'why', ...facts })).toEqual(bodyOf('FORBIDDEN', 'why'));
  });

  it('says when to try again', () => {
    const { headers, body } = problem(refuse('TOO_MANY_REQUESTS', { retryAfter: 30 }), 'request-1');
    expect(headers['retry-after']).toBe('30');
    expect(JSON.parse(body)).not.toHaveProperty('retryAfter');
    expect(problem(refuse('TOO_MANY_REQUESTS', { retryAfter: 0 }), 'r').headers['retry-after']).toBe('0');
    expect(problem(refuse('TOO_MANY_REQUESTS'), 'r').headers).not.toHaveProperty('retry-after');
  });

  it('says which methods there are', () => {
    expect(problem(refuse('METHOD_UNSUPPORTED', { allow: 'GET, HEAD' }), 'r').headers.allow).toBe(
      'GET, HEAD',
    );
    expect(problem(refuse('METHOD_UNSUPPORTED'), 'r').headers).not.toHaveProperty('allow');
  });

  it('asks to log in where that helps, and only there', () => {
    for (const code of codes) {
      const { headers } = problem(refuse(code), 'r');
      const challenges = 'www-authenticate' in headers;
      expect([code, challenges]).toEqual([code, CATALOGUE[code].kind === 'unauthenticated']);
    }
  });

  it('carries no control characters of its facts into headers', () => {
    const { headers, body } = problem(refuse('NAME_INVALID', { reason: 'a\r\nset-cookie: x=1' }), 'r');
    expect(JSON.stringify(headers)).not.toContain('set-cookie');
    expect(body).not.toContain('\n');
  });
});
