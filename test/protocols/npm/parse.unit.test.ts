import { describe, expect, it } from 'vitest';
import { checkName, checkTag, checkVersion, versionOfFile } from '../../../src/protocols/npm/names.ts';
import { prefersAbbreviated } from '../../../src/protocols/npm/packages.ts';
import { parseNpm } from '../../../src/protocols/npm/parse.ts';

const BASE = '/pkg/main/npm/npm';
const parse = (path: string) => parseNpm(`${BASE}${path}`).resource;

const GOLDEN: readonly (readonly [string, object])[] = [
  ['/widget', { kind: 'package', package: 'widget' }],
  ['/@acme%2fwidget', { kind: 'package', package: '@acme/widget' }],
  ['/@acme%2Fwidget', { kind: 'package', package: '@acme/widget' }],
  ['/@acme/widget', { kind: 'package', package: '@acme/widget' }],
  ['/%40acme%2fwidget', { kind: 'package', package: '@acme/widget' }],
  ['/widget/1.0.0', { kind: 'manifest', package: 'widget', selector: '1.0.0' }],
  ['/@acme/widget/latest', { kind: 'manifest', package: '@acme/widget', selector: 'latest' }],
  ['/widget/-rev/3-abc', { kind: 'revision', package: 'widget', revision: '3-abc' }],
  [
    '/@acme/widget/-/widget-1.0.0.tgz',
    { kind: 'file', package: '@acme/widget', version: '1.0.0', file: 'widget-1.0.0.tgz' },
  ],
  [
    '/@acme/widget/-/@acme/widget-1.0.0-rc.1.tgz',
    { kind: 'file', package: '@acme/widget', version: '1.0.0-rc.1', file: 'widget-1.0.0-rc.1.tgz' },
  ],
  ['/a/-/a-1.0.0.sigstore', { kind: 'file', package: 'a', version: '1.0.0', file: 'a-1.0.0.sigstore' }],
  [
    '/widget/-/widget-1.0.0.tgz/-rev/3-abc',
    { kind: 'file-revision', package: 'widget', version: '1.0.0', revision: '3-abc' },
  ],
  ['/-/package/@acme%2fwidget/dist-tags', { kind: 'tags', package: '@acme/widget' }],
  ['/-/package/widget/dist-tags/next', { kind: 'tag', package: 'widget', tag: 'next' }],
  ['/-/package/@acme/widget/visibility', { kind: 'visibility', package: '@acme/widget' }],
  [
    '/-/npm/v1/attestations/@acme%2fwidget@1.0.0',
    { kind: 'attestations', package: '@acme/widget', version: '1.0.0' },
  ],
  ['/-/npm/v1/security/advisories/bulk', { kind: 'advisories' }],
  ['/-/npm/v1/security/audits/quick', { kind: 'audit' }],
  ['/-/npm/v1/tokens', { kind: 'tokens' }],
  ['/-/npm/v1/tokens/token/abc', { kind: 'token', token: 'abc' }],
  ['/-/user/token/sr_abc', { kind: 'logout', token: 'sr_abc' }],
  ['/-/user/org.couchdb.user:me', { kind: 'login', user: 'me' }],
  ['/-/user/org.couchdb.user:me/-rev/1-2', { kind: 'login', user: 'me' }],
  ['/-/user/me/package', { kind: 'user-packages', user: 'me' }],
  ['/-/stage/package/@acme%2fwidget', { kind: 'stage-package', package: '@acme/widget' }],
  ['/-/stage', { kind: 'stages' }],
  ['/-/stage/1/approve', { kind: 'stage-approve', id: '1' }],
  ['/-/stage/1/tarball', { kind: 'stage-tarball', id: '1' }],
  ['/-/v1/search', { kind: 'search' }],
  ['/-/whoami', { kind: 'whoami' }],
  ['/-/ping', { kind: 'ping' }],
];

describe('requests to an npm repository', () => {
  it.each(GOLDEN)('%s', (path, expected) => expect(parse(path)).toEqual(expected));

  it('spells the repository one way, whatever the client wrote', () => {
    expect(parseNpm('/pkg/%6dain/npm/npm/a')).toMatchObject({ base: BASE, name: { project: 'main' } });
  });

  it.each([
    ['', 'ROUTE_UNKNOWN'],
    ['/', 'ROUTE_UNKNOWN'],
    ['/@acme', 'ROUTE_UNKNOWN'],
    ['/-', 'ROUTE_UNKNOWN'],
    ['/-/v1/login', 'ROUTE_UNKNOWN'],
    ['/-/npm/v1/attestations/widget', 'ROUTE_UNKNOWN'],
    ['/-/stage/1/2', 'ROUTE_UNKNOWN'],
    ['/widget/1.0.0/more', 'ROUTE_UNKNOWN'],
    ['/widget/-rev', 'ROUTE_UNKNOWN'],
    ['/widget/-/other-1.0.0.tgz', 'FILE_UNKNOWN'],
    ['/widget/-/widget-1.tgz', 'FILE_UNKNOWN'],
    ['/widget/-/widget-1.0.0.tgz/more', 'ROUTE_UNKNOWN'],
    ['/widget/%2e%2e', 'NAME_INVALID'],
    ['/@acme%2f..', 'NAME_INVALID'],
    [`/${'a'.repeat(301)}`, 'NAME_INVALID'],
  ])('refuses %s', (path, code) => {
    expect(() => parse(path)).toThrow(expect.objectContaining({ code }));
  });
});

describe('names', () => {
  it.each(['widget', '@acme/widget', 'a.b_c-d', '0'])('takes the package %s', name => {
    expect(checkName(name)).toBe(name);
  });
  it.each([
    'Widget',
    '@Acme/widget',
    '.hidden',
    '_x',
    '-',
    '@acme/',
    'a b',
    'a/b',
    'node_modules',
    'ü',
    'a'.repeat(215),
  ])('refuses the package %s', name =>
    expect(() => checkName(name)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' })),
  );
  it.each([
    ['1.0.0', '1.0.0'],
    ['1.0.0-rc.1', '1.0.0-rc.1'],
    ['1.0.0+build.5', '1.0.0'],
  ])('takes the version %s', (text, version) => expect(checkVersion(text)).toBe(version));
  it.each(['1', '1.0', 'v1.0.0', ' 1.0.0', '01.0.0', 'latest', '', `1.0.0-${'a'.repeat(300)}`])(
    'refuses the version %j',
    text => expect(() => checkVersion(text)).toThrow(expect.objectContaining({ code: 'VERSION_INVALID' })),
  );
  it.each(['latest', 'next', 'beta.1', 'release-2'])('takes the tag %s', tag =>
    expect(checkTag(tag)).toBe(tag),
  );
  it.each(['1.0.0', '1', 'x', '*', 'v1', '>=1', '', 'a b', 'a:b', '../a', '__proto__'])(
    'refuses the tag %j',
    tag => expect(() => checkTag(tag)).toThrow(expect.objectContaining({ code: 'TAG_INVALID' })),
  );
  it('finds the version in a file name', () => {
    expect(versionOfFile('@acme/a-1.0', 'a-1.0-2.0.0.tgz')).toBe('2.0.0');
    expect(versionOfFile('a', 'a-1.0.0+x.tgz')).toBeUndefined();
    expect(versionOfFile('a', 'a-1.0.0.zip')).toBeUndefined();
  });
});

describe('which packument is wanted', () => {
  const short = 'application/vnd.npm.install-v1+json';
  it.each([
    [undefined, false],
    ['*/*', false],
    ['application/json', false],
    [short, true],
    [`${short}; q=1.0, application/json; q=0.8, */*`, true],
    [`${short};q=0.5, application/json`, false],
    [`${short};q=0`, false],
  ])('%s', (accept, expected) => expect(prefersAbbreviated(accept)).toBe(expected));
});
