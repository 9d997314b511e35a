import { describe, expect, it } from 'vitest';
import { chooseForm } from '../../../src/protocols/python/accept.ts';
import { filePath, parsePython } from '../../../src/protocols/python/parse.ts';

const BASE = '/pkg/main/python/python';
const parsed = (rest: string) => {
  const { base, name, rest: _rest, ...route } = parsePython(`${BASE}${rest}`);
  expect([base, name]).toEqual([BASE, { project: 'main', repository: 'python' }]);
  return route;
};

describe('paths', () => {
  it.each<[string, object]>([
    ['', { kind: 'upload' }],
    ['/', { kind: 'upload' }],
    ['/legacy', { kind: 'upload' }],
    ['/legacy/', { kind: 'upload' }],
    ['/simple', { kind: 'redirect', to: `${BASE}/simple/` }],
    ['/simple/', { kind: 'projects' }],
    ['/simple/demo/', { kind: 'project', project: 'demo' }],
    ['/simple/demo', { kind: 'redirect', to: `${BASE}/simple/demo/` }],
    ['/simple/De_mo.X/', { kind: 'redirect', to: `${BASE}/simple/de-mo-x/` }],
    [
      '/files/demo/1.0%2Blocal/demo-1.0%2Blocal-py3-none-any.whl',
      { kind: 'file', project: 'demo', version: '1.0+local', file: 'demo-1.0+local-py3-none-any.whl' },
    ],
    [
      '/files/demo/1.0/Demo-1.0.tar.gz.metadata',
      { kind: 'file', project: 'demo', version: '1.0', file: 'demo-1.0.tar.gz.metadata' },
    ],
    [
      '/files/demo/1.0/Demo-1.0.tar.gz.provenance',
      { kind: 'file', project: 'demo', version: '1.0', file: 'demo-1.0.tar.gz.provenance' },
    ],
  ])('%s', (rest, route) => expect(parsed(rest)).toEqual(route));

  it.each([
    '/other',
    '/legacy/x',
    '/legacy//',
    '/simple//',
    '/simple/demo/1.0/',
    '/simple/demo//',
    '/simple/..%2f/',
    '/simple/%ff/',
    '/files/demo/1.0/',
    '/files/demo/1.0',
    '/files/Demo/1.0/demo-1.0.tar.gz',
    '/files/demo/v1.0/demo-1.0.tar.gz',
    '/files/demo/1.0/a/b',
    '/files/demo/1.0/what.metadata',
  ])('refuses %s', rest => expect(() => parsePython(`${BASE}${rest}`)).toThrow());

  it('finds the path of a file again', () => {
    const path = filePath('demo', '1!1.0+a.b', 'demo-1!1.0+a.b-py3-none-any.whl');
    expect(parsed(`/${path}`)).toMatchObject({
      version: '1!1.0+a.b',
      file: 'demo-1!1.0+a.b-py3-none-any.whl',
    });
  });
});

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';
const HTML_TYPE = 'application/vnd.pypi.simple.v1+html';
const TEXT = 'text/html; charset=utf-8';

describe('forms of an index', () => {
  it.each<[string | undefined, string]>([
    [undefined, TEXT],
    ['', TEXT],
    ['*/*', TEXT],
    ['text/*', TEXT],
    ['text/html', TEXT],
    ['image/png', TEXT],
    [JSON_TYPE, JSON_TYPE],
    ['application/vnd.pypi.simple.latest+json', JSON_TYPE],
    [HTML_TYPE, HTML_TYPE],
    ['application/vnd.pypi.simple.latest+html', HTML_TYPE],
    // pip
    [`${JSON_TYPE}, ${HTML_TYPE}; q=0.1, text/html; q=0.01`, JSON_TYPE],
    // uv
    [`${JSON_TYPE}, ${HTML_TYPE};q=0.2, text/html;q=0.01`, JSON_TYPE],
    [`${JSON_TYPE};q=0.1, ${HTML_TYPE};q=0.2`, HTML_TYPE],
    [`text/html;q=0.9, ${JSON_TYPE};q=0.9`, JSON_TYPE],
    [`${JSON_TYPE};q=0, */*;q=0.1`, TEXT],
    [`${JSON_TYPE};q=0.5, */*`, TEXT],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', TEXT],
    [`${JSON_TYPE};q=x`, TEXT],
    [JSON_TYPE.toUpperCase(), JSON_TYPE],
  ])('Accept: %s is answered with %s', (accept, type) => expect(chooseForm(accept).type).toBe(type));

  it('takes the form of the query before the header', () => {
    expect(chooseForm('text/html', 'application/vnd.pypi.simple.latest+json').type).toBe(JSON_TYPE);
    expect(() => chooseForm(JSON_TYPE, 'application/xml')).toThrow(/no index of this format/);
  });
});
