import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRequest } from '../../../src/protocols/oci/parse.ts';
import { parseScopes, scopeOf, tokenResponse } from '../../../src/protocols/oci/token.ts';

const name = 'main/oci/app';
const A = `sha256:${'a'.repeat(64)}`;

describe('scopes', () => {
  test.each([
    ['repository:main/oci/app:pull', [{ type: 'repository', name, actions: ['pull'] }]],
    ['repository:main/oci/app:push,pull', [{ type: 'repository', name, actions: ['pull', 'push'] }]],
    ['repository:main/oci/app:*', [{ type: 'repository', name, actions: ['*'] }]],
    ['repository:main/oci/app:delete,fly', [{ type: 'repository', name, actions: ['delete'] }]],
    ['registry:catalog:*', [{ type: 'registry', name: 'catalog', actions: ['*'] }]],
    ['', []],
    ['repository:main/oci/app:', []],
    ['repository:main/oci/app', []],
    ['repository:ubuntu:pull', []],
    ['repository:host:5000/main/oci/app:pull', []],
    ['repository:main/oci/../../x:pull', []],
    ['repository(plugin):main/oci/app:pull', []],
    ['registry:catalog:read', []],
    ['registry:users:*', []],
    ['artifact:main/oci/app:pull', []],
    ['::', []],
  ])('%s', (scope, parsed) => {
    expect(parseScopes([scope])).toEqual(parsed);
  });

  test('several, in one parameter and in many', () => {
    expect(
      parseScopes(['repository:main/oci/app:pull,push repository:main/oci/base:pull', 'registry:catalog:*']),
    ).toEqual([
      { type: 'repository', name, actions: ['pull', 'push'] },
      { type: 'repository', name: 'main/oci/base', actions: ['pull'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ]);
  });

  test('their number is bounded', () => {
    expect(parseScopes(['registry:catalog:* '.repeat(5000)])).toHaveLength(100);
  });

  test('whatever is asked for never throws', () => {
    fc.assert(fc.property(fc.array(fc.string()), texts => Array.isArray(parseScopes(texts))));
  });
});

describe('what a request needs', () => {
  test.each([
    ['GET', '/v2/', '', ''],
    ['GET', '/v2/_catalog', '', 'registry:catalog:*'],
    ['HEAD', '/v2/main/oci/app/manifests/1', '', 'repository:main/oci/app:pull'],
    ['PUT', '/v2/main/oci/app/manifests/1', '', 'repository:main/oci/app:pull,push'],
    ['DELETE', '/v2/main/oci/app/manifests/1', '', 'repository:main/oci/app:delete'],
    ['PATCH', '/v2/main/oci/app/blobs/uploads/u', '', 'repository:main/oci/app:pull,push'],
    [
      'POST',
      '/v2/main/oci/app/blobs/uploads/',
      `mount=${A}&from=main/oci/base`,
      'repository:main/oci/app:pull,push repository:main/oci/base:pull',
    ],
  ])('%s %s?%s', (method, path, query, scope) => {
    const route = parseRequest(method, path, query);
    expect(scopeOf(route)).toBe(scope);
    expect(parseScopes([scope])).toHaveLength(scope === '' ? 0 : scope.split(' ').length);
  });
});

test('a token is given under both names', () => {
  expect(tokenResponse({ token: 't0ken', expiresIn: 300, issuedAt: '2026-01-01T00:00:00.000Z' })).toEqual({
    token: 't0ken',
    access_token: 't0ken',
    expires_in: 300,
    issued_at: '2026-01-01T00:00:00.000Z',
  });
});
