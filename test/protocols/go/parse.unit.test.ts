import { describe, expect, it } from 'vitest';
import {
  byVersion,
  checkPath,
  checkVersion,
  escapePath,
  isPseudo,
  latestOf,
  unescapePath,
} from '../../../src/protocols/go/module.ts';
import { parseGo } from '../../../src/protocols/go/parse.ts';

const parsed = (rest: string) => {
  const { name: _name, rest: _rest, base: _base, ...route } = parseGo(`/pkg/main/go/go/${rest}`);
  return route;
};

describe('requests of the go command', () => {
  it.each([
    ['example.com/acme/lib/@v/list', { kind: 'list', module: 'example.com/acme/lib' }],
    ['example.com/acme/lib/@latest', { kind: 'latest', module: 'example.com/acme/lib' }],
    [
      'example.com/%21acme/%21lib/@v/v1.0.0.info',
      { kind: 'info', module: 'example.com/Acme/Lib', version: 'v1.0.0' },
    ],
    [
      'example.com/!acme/lib/v2/@v/v2.1.0-!r!c.1.zip',
      { kind: 'zip', module: 'example.com/Acme/lib/v2', version: 'v2.1.0-RC.1' },
    ],
    ['upload', { kind: 'upload' }],
    ['sumdb/sum.example/supported', { kind: 'sumdb' }],
  ])('%s', (rest, route) => {
    expect(parsed(rest)).toEqual(route);
  });

  it.each([
    ['example.com/Acme/@v/list', 'NAME_INVALID'],
    ['example.com/!Acme/@v/list', 'NAME_INVALID'],
    ['example.com/../x/@v/list', 'NAME_INVALID'],
    ['example.com%2fx/@v/list', 'NAME_INVALID'],
    ['nodot/x/@v/list', 'NAME_INVALID'],
    ['example.com//x/@v/list', 'NAME_INVALID'],
    ['example.com/x/@v/v1.0.0.exe', 'ROUTE_UNKNOWN'],
    ['example.com/x/@v/v1.0.0-RC.info', 'VERSION_INVALID'],
    ['example.com/x', 'ROUTE_UNKNOWN'],
    ['', 'ROUTE_UNKNOWN'],
  ])('refuses %s', (rest, code) => {
    expect(() => parsed(rest)).toThrow(expect.objectContaining({ code }));
  });
});

describe('module paths', () => {
  it.each(['example.com/a', 'gopkg.in/yaml.v3', 'example.com/a-b_c.d~e/v2', 'EXAMPLE.com/a'.toLowerCase()])(
    'takes %s',
    path => {
      expect(checkPath(path)).toBe(path);
      expect(unescapePath(escapePath(path))).toBe(path);
    },
  );
  it.each([
    'example.com/.git',
    'example.com/a.',
    'example.com/con',
    'example.com/aux.txt',
    'example.com/a~1',
    'example.com/a~1.b',
    'a b.c/d',
    'example.com/a/v0',
    'example.com/a/v1',
    'example.com/a/v02',
    'example.com/a/v1.2',
    'gopkg.in/yaml',
    'gopkg.in/yaml/v3',
    'gopkg.in/yaml.v01',
  ])('refuses %s', path => {
    expect(() => checkPath(path)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
  });
});

describe('versions', () => {
  it.each([
    ['example.com/a', 'v1.2.3'],
    ['example.com/a', 'v0.0.0-20260102150405-abcdef123456'],
    ['example.com/a', 'v2.0.0+incompatible'],
    ['example.com/a/v2', 'v2.0.0'],
    ['gopkg.in/yaml.v3', 'v3.0.1'],
    ['gopkg.in/yaml.v0', 'v0.1.0'],
    ['gopkg.in/yaml.v3-unstable', 'v3.0.0'],
    ['gopkg.in/check.v1', 'v0.0.0-20161208181325-20d25e280405'],
    ['example.com/l.v2', 'v1.0.0'],
  ])('%s %s belong together', (path, version) => {
    expect(checkVersion(path, version)).toBe(version);
  });
  it.each([
    ['example.com/a', 'v2.0.0'],
    ['example.com/a/v2', 'v1.0.0'],
    ['example.com/a/v2', 'v2.0.0+incompatible'],
    ['example.com/a', '1.0.0'],
    ['example.com/a', 'v1.0'],
    ['example.com/l.v2', 'v2.0.0'],
    ['gopkg.in/yaml.v2', 'v1.0.0'],
    ['example.com/a', 'v1.0.0+meta'],
    ['example.com/a', 'v01.0.0'],
  ])('%s %s do not', (path, version) => {
    expect(() => checkVersion(path, version)).toThrow(expect.objectContaining({ code: 'VERSION_INVALID' }));
  });
  it('prefers releases to pre-releases to pseudo-versions', () => {
    const pseudo = 'v2.0.1-0.20260102150405-abcdef123456';
    expect(isPseudo(pseudo)).toBe(true);
    expect(isPseudo('v0.0.0-20260102150405-abcdef123456')).toBe(true);
    expect(isPseudo('v1.0.0-rc.1')).toBe(false);
    expect(latestOf([pseudo, 'v1.0.0', 'v1.10.0', 'v1.9.0', 'v2.0.0-rc.1'])).toBe('v1.10.0');
    expect(latestOf([pseudo, 'v2.0.0-rc.1'])).toBe('v2.0.0-rc.1');
    expect(latestOf([pseudo])).toBe(pseudo);
    expect(latestOf([])).toBeUndefined();
    expect(['v1.10.0', 'v1.2.0', 'v1.2.0-rc.1'].sort(byVersion)).toEqual([
      'v1.2.0-rc.1',
      'v1.2.0',
      'v1.10.0',
    ]);
  });
});
