import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../../src/domain/errors.ts';
import { mediaTypeOf, parseFileName } from '../../../src/protocols/maven/layout.ts';
import { parseMaven } from '../../../src/protocols/maven/parse.ts';

const BASE = '/pkg/main/maven/maven';
const parse = (path: string) => {
  const { name, ...route } = parseMaven(`${BASE}/${path}`);
  expect(name).toEqual({ project: 'main', repository: 'maven' });
  return route;
};

const lib = { group: 'com.acme', artifact: 'lib', package: 'com.acme:lib' };

describe('what a request asks for', () => {
  it.each([
    ['com/acme/lib/1.0/lib-1.0.jar', { kind: 'file', ...lib, version: '1.0', file: 'lib-1.0.jar' }],
    ['com/acme/lib/1.0%2Bb1/lib-1.0%2Bb1.pom', { kind: 'file', version: '1.0+b1', file: 'lib-1.0+b1.pom' }],
    ['com/acme/lib/1.0/lib-1.0.jar.sha256', { kind: 'checksum', algorithm: 'sha256', of: { kind: 'file' } }],
    [
      'com/acme/lib/1.0/lib-1.0.jar.asc.md5',
      { kind: 'checksum', of: { file: 'lib-1.0.jar.asc', named: { signs: 'lib-1.0.jar' } } },
    ],
    ['com/acme/lib/1.0/lib-1.0.zip.sha512.sha1', { kind: 'checksum', algorithm: 'sha1', of: undefined }],
    ['com/acme/lib/maven-metadata.xml', { kind: 'metadata', package: 'com.acme:lib', group: 'com.acme.lib' }],
    ['com/maven-metadata.xml', { kind: 'metadata', package: undefined, group: 'com' }],
    [
      'com/acme/lib_2.13/maven-metadata.xml',
      { kind: 'metadata', package: 'com.acme:lib_2.13', group: undefined },
    ],
    [
      'com/acme/lib/1.0-SNAPSHOT/maven-metadata.xml',
      { kind: 'snapshot-metadata', ...lib, version: '1.0-SNAPSHOT' },
    ],
    ['com/acme/lib/maven-metadata.xml.md5', { kind: 'checksum', of: { kind: 'metadata' } }],
    ['com/acme/lib/1.0/', { kind: 'folder', ...lib, version: '1.0' }],
    ['archetype-catalog.xml', { kind: 'unknown' }],
    ['.meta/prefixes.txt', { kind: 'unknown' }],
    ['.index/nexus-maven-repository-index.properties', { kind: 'unknown' }],
    ['com/acme/lib/1.0/other-1.0.jar', { kind: 'unknown' }],
    ['com/acme/lib/1.0/lib-1.1.jar', { kind: 'unknown' }],
    ['com/acme/lib/1.0/lib-1.0', { kind: 'unknown' }],
    // one group, one address
    ['com.acme/lib/1.0/lib-1.0.jar', { kind: 'unknown' }],
    ['com/acme/lib/-1/lib--1.jar', { kind: 'unknown' }],
    ['com/ac%20me/lib/1.0/lib-1.0.jar', { kind: 'unknown' }],
    [`com/acme/lib/${'1'.repeat(200)}/lib-${'1'.repeat(200)}.jar`, { kind: 'unknown' }],
    ['', { kind: 'unknown' }],
  ])('%s', (path, expected) => {
    expect(parse(path)).toMatchObject(expected);
  });

  it('is the same under the alias', () => {
    const path = 'com/acme/lib/1.0/lib-1.0.jar';
    expect(parseMaven(`/maven/main/maven/${path}`)).toEqual(parseMaven(`${BASE}/${path}`));
  });

  it.each([
    'com//acme/lib/1.0/lib-1.0.jar',
    'com/acme/../lib/1.0/lib-1.0.jar',
    'com/acme/%2e%2e/lib/1.0/lib-1.0.jar',
    'com%2Facme/lib/1.0/lib-1.0.jar',
    'com/acme/lib/1.0/lib-1.0%00.jar',
    'com/acme/lib/1.0/lib-1.0%ff.jar',
    'com/acme/lib/1.0\\/lib-1.0.jar',
  ])('refuses %s', path => {
    let refused: unknown;
    try {
      parse(path);
    } catch (error) {
      refused = error;
    }
    expect(isRefusal(refused, 'NAME_INVALID')).toBe(true);
  });
});

describe('names of files', () => {
  const at = (version: string) => ({ artifact: 'lib', version });
  const build = { timestamp: '20260131.120000', number: 7 };
  it.each([
    ['1.0', 'lib-1.0.jar', { value: '1.0', classifier: undefined, extension: 'jar' }],
    ['1.0', 'lib-1.0-sources.jar', { classifier: 'sources', extension: 'jar' }],
    ['1.0', 'lib-1.0-bin.tar.gz', { classifier: 'bin', extension: 'tar.gz' }],
    ['1.0', 'lib-1.0.tar.gz', { classifier: undefined, extension: 'tar.gz' }],
    ['1.0', 'lib-1.0-jdk1.5.jar', { classifier: 'jdk1.5', extension: 'jar' }],
    ['1.0', 'lib-1.0.pom.asc', { extension: 'pom.asc', signs: 'lib-1.0.pom' }],
    [
      '1.0',
      'lib-1.0-sources.jar.asc',
      { classifier: 'sources', extension: 'jar.asc', signs: 'lib-1.0-sources.jar' },
    ],
    ['1.0', 'lib-1.0.jar.sigstore.json', { extension: 'jar.sigstore.json', signs: 'lib-1.0.jar' }],
    ['1.0-SNAPSHOT', 'lib-1.0-20260131.120000-7.jar', { build, value: '1.0-20260131.120000-7' }],
    ['1.0-SNAPSHOT', 'lib-1.0-20260131.120000-7-tests.jar', { build, classifier: 'tests' }],
    ['1.0-SNAPSHOT', 'lib-1.0-SNAPSHOT.jar', { build: undefined, value: '1.0-SNAPSHOT' }],
    ['SNAPSHOT', 'lib-20260131.120000-7.jar', { build, value: '20260131.120000-7' }],
  ])('in %s: %s', (version, file, expected) => {
    expect(parseFileName(at(version), file)).toMatchObject(expected);
  });

  it.each([
    ['1.0', 'lib-1.0-.jar'],
    ['1.0', 'lib-1.0-sources'],
    ['1.0', 'lib-1.0sources.jar'],
    ['1.0', 'lib-1.0.'],
    ['1.0-SNAPSHOT', 'lib-1.0-20260131-7.jar'],
    ['1.0-SNAPSHOT', 'lib-2.0-20260131.120000-7.jar'],
  ])('not in %s: %s', (version, file) => {
    expect(parseFileName(at(version), file)).toBeUndefined();
  });

  it('has a type for what is served', () => {
    const typeOf = (file: string) => {
      const named = parseFileName(at('1.0'), file);
      return named && mediaTypeOf(named);
    };
    expect(typeOf('lib-1.0.jar')).toBe('application/java-archive');
    expect(typeOf('lib-1.0.jar.asc')).toBe('application/pgp-signature');
    expect(typeOf('lib-1.0.html')).toBe('application/octet-stream');
    expect(typeOf('lib-1.0.constructor')).toBe('application/octet-stream');
  });
});
