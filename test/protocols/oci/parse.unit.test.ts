import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, isRefusal, StrongroomError } from '../../../src/domain/errors.ts';
import { formatName } from '../../../src/protocols/oci/name.ts';
import { MAX_PAGE, parseRequest, ROUTES } from '../../../src/protocols/oci/parse.ts';
import { GOLDEN, REFUSED } from './requests.golden.ts';

function refusal(run: () => unknown): StrongroomError {
  try {
    run();
  } catch (error) {
    if (error instanceof StrongroomError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const [pathOf, queryOf] = [
  (url: string) => url.split('?')[0] ?? '',
  (url: string) => (url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''),
];

describe('requests of the distribution API', () => {
  test.each(GOLDEN)('%s %s', (method, url, route) => {
    expect(parseRequest(method, pathOf(url), queryOf(url))).toEqual(route);
  });

  test.each(REFUSED)('%s %s is %s', (method, url, code) => {
    expect(refusal(() => parseRequest(method, pathOf(url), queryOf(url))).code).toBe<ErrorCode>(code);
  });

  test('a short name is told the shape of a whole one', () => {
    const error = refusal(() => parseRequest('GET', '/v2/library/ubuntu/manifests/latest', ''));
    expect(error.message).toContain('<project>/<repository>/<image>');
  });

  test('an unsupported method is told the supported ones', () => {
    const error = refusal(() => parseRequest('POST', '/v2/p/r/i/manifests/latest', ''));
    expect(error.detail.allow).toBe('GET, HEAD, PUT, DELETE');
  });

  test('a page is cut to the most that is given', () => {
    expect(parseRequest('GET', '/v2/_catalog', 'n=999999')).toMatchObject({ page: { n: MAX_PAGE } });
  });

  test('the longest name is 255 characters', () => {
    const fits = `p/r/${'a'.repeat(251)}`;
    expect(parseRequest('GET', `/v2/${fits}/tags/list`, '')).toMatchObject({ kind: 'tags' });
    expect(refusal(() => parseRequest('GET', `/v2/${fits}a/tags/list`, '')).code).toBe('NAME_INVALID');
  });

  test('at most 100 tags are set by one push', () => {
    const tags = (n: number) => Array.from({ length: n }, (_, i) => `tag=t${i}`).join('&');
    const path = `/v2/p/r/i/manifests/sha256:${'0'.repeat(64)}`;
    expect(parseRequest('PUT', path, tags(100))).toMatchObject({ kind: 'manifest-put' });
    expect(refusal(() => parseRequest('PUT', path, tags(101))).code).toBe('REQUEST_INVALID');
  });
});

describe('the route table', () => {
  const example = (pattern: string) =>
    pattern
      .replace('{name}', 'p/r/i')
      .replace('{reference}', 'latest')
      .replace('{digest}', `sha256:${'a'.repeat(64)}`)
      .replace('{upload}', 'abc');

  test.each(ROUTES)('$method $pattern is parsed', ({ method, pattern }) => {
    const query = method === 'PUT' && pattern.includes('uploads') ? `digest=sha256:${'a'.repeat(64)}` : '';
    expect(parseRequest(method, example(pattern), query).kind).toBeTypeOf('string');
  });

  test('whatever gives out content says so', () => {
    const serving = ROUTES.filter(route => route.serves).map(route => `${route.method} ${route.pattern}`);
    expect(serving).toEqual([
      'GET /v2/_catalog',
      'HEAD /v2/_catalog',
      'GET /v2/{name}/tags/list',
      'HEAD /v2/{name}/tags/list',
      'GET /v2/{name}/manifests/{reference}',
      'HEAD /v2/{name}/manifests/{reference}',
      'GET /v2/{name}/blobs/{digest}',
      'HEAD /v2/{name}/blobs/{digest}',
      'POST /v2/{name}/blobs/uploads/',
      'GET /v2/{name}/referrers/{digest}',
      'HEAD /v2/{name}/referrers/{digest}',
    ]);
  });
});

describe('whatever is sent', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'v2',
      'p',
      'r',
      'app',
      'manifests',
      'blobs',
      'uploads',
      'tags',
      'list',
      'referrers',
      'latest',
    ),
    fc.constantFrom(
      '',
      '.',
      '..',
      '%2e%2e',
      '%2E.',
      '.%2f',
      '%2f',
      '%5c..',
      '%00',
      '%',
      '%ff',
      '%c0%ae',
      '_catalog',
    ),
    fc.constantFrom(
      `sha256:${'a'.repeat(64)}`,
      `sha256%3A${'b'.repeat(64)}`,
      `sha512:${'c'.repeat(128)}`,
      'sha256:x',
    ),
    fc.string({ maxLength: 12, unit: 'binary' }),
  );
  const path = fc.array(piece, { maxLength: 9 }).map(parts => `/v2/${parts.join('/')}`);
  const query = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc
      .array(fc.tuple(fc.constantFrom('n', 'last', 'mount', 'from', 'digest', 'tag', 'scope'), piece), {
        maxLength: 4,
      })
      .map(pairs => pairs.map(pair => pair.join('=')).join('&')),
  );
  const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'get', '');

  test('parsing gives a route or a refusal of the catalogue, and no name leaves its project', () => {
    let accepted = 0;
    const check = (verb: string, rawPath: string, rawQuery: string) => {
      try {
        const route = parseRequest(verb, rawPath, rawQuery);
        accepted += 1;
        if ('name' in route) expect(formatName(route.name)).toMatch(/^[a-z0-9._-]+(\/[a-z0-9._-]+){2,}$/);
        expect(JSON.stringify({ ...route, page: undefined, scopes: undefined })).not.toMatch(
          /\.\.\/|\/\.\.|\\/,
        );
      } catch (error) {
        if (!isRefusal(error)) throw error;
      }
    };
    fc.assert(fc.property(method, path, query, check), { numRuns: 2000 });
    expect(accepted).toBeGreaterThan(0);
  });

  test('a path with a dot segment is never accepted, in whatever spelling', () => {
    const dots = fc.constantFrom('..', '%2e%2e', '%2E%2e', '.%2e', '%2e.', '.', '%2e');
    const place = fc.integer({ min: 1, max: 6 });
    const parts = ['v2', 'p', 'r', 'i', 'manifests', 'latest'];
    fc.assert(
      fc.property(dots, place, (segment, at) => {
        const raw = `/${parts.toSpliced(at, 0, segment).join('/')}`;
        expect(refusal(() => parseRequest('GET', raw, '')).code).toBe('NAME_INVALID');
      }),
    );
  });

  test('time grows with the length only', () => {
    const started = performance.now();
    for (const part of ['a-', '-', '__', 'a.', 'a/', '%2d', 'a_a'])
      refusal(() => parseRequest('GET', `/v2/p/r/${part.repeat(1300)}!/tags/list`, ''));
    refusal(() => parseRequest('GET', '/v2/_catalog', `n=${'9'.repeat(16_000)}`));
    refusal(() => parseRequest('GET', '/v2/_catalog', 'a&'.repeat(8000)));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
