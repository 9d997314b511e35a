import { compare } from '@renovatebot/pep440';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  normalizeName,
  normalizeVersion,
  parseDistributionName,
  sortByVersion,
} from '../../../src/protocols/python/names.ts';

describe('names of projects', () => {
  it.each([
    ['Django', 'django'],
    ['My_Project.x', 'my-project-x'],
    ['a--_.b', 'a-b'],
    ['0', '0'],
  ])('%s is %s', (name, normal) => expect(normalizeName(name)).toBe(normal));

  it.each(['', '-a', 'a-', 'a b', 'ä', 'a/b', '..', 'x'.repeat(129), 'a\n'])('refuses %j', name =>
    expect(() => normalizeName(name)).toThrow(/name is not valid/),
  );
});

describe('versions', () => {
  it.each([
    ['1.0', '1.0'],
    ['1.0.0', '1.0.0'],
    ['v1.0-RC.1', '1.0rc1'],
    ['1.0-1', '1.0.post1'],
    ['1.0.dev', '1.0.dev0'],
    ['01.2', '1.2'],
    ['1!2.0a1.post2.dev3', '1!2.0a1.post2.dev3'],
    ['1.0+Ubuntu_1.2', '1.0+ubuntu.1.2'],
    ['1.0c1', '1.0rc1'],
  ])('%s is %s', (version, normal) => expect(normalizeVersion(version)).toBe(normal));

  it.each([
    '',
    '1..0',
    '1.0+a..b',
    'latest',
    ' 1.0',
    '1.0\n',
    '99999999999999999999',
    `1.${'0'.repeat(200)}`,
  ])('refuses %j', version => expect(() => normalizeVersion(version)).toThrow(/version is not valid/));

  it('stays what it is once normalised', () => {
    const part = fc.nat(50);
    const version = fc
      .tuple(fc.array(part, { minLength: 1, maxLength: 4 }), fc.constantFrom('', 'a', '-beta', '.rc'), part)
      .map(([release, pre, number]) => release.join('.') + (pre && `${pre}${number}`));
    fc.assert(
      fc.property(version, text => {
        const once = normalizeVersion(text);
        expect(normalizeVersion(once)).toBe(once);
      }),
    );
  });
});

describe('names of files', () => {
  it.each([
    ['demo-1.0-py3-none-any.whl', 'wheel', 'demo', '1.0', 'demo-1.0-py3-none-any.whl'],
    ['Py_YAML-6.0-1a-cp311-cp311-manylinux_2_17_x86_64.whl', 'wheel', 'py-yaml', '6.0', undefined],
    ['demo-1.0_1-py2.py3-none-any.whl', 'wheel', 'demo', '1.0.post1', 'demo-1.0.post1-py2.py3-none-any.whl'],
    ['demo-1!2.0+local.1-py3-none-any.whl', 'wheel', 'demo', '1!2.0+local.1', undefined],
    ['zope.interface-5.0.tar.gz', 'sdist', 'zope-interface', '5.0', 'zope_interface-5.0.tar.gz'],
    ['my-pkg-1.0.zip', 'sdist', 'my-pkg', '1.0', 'my_pkg-1.0.zip'],
  ])('%s', (...[filename, kind, project, version, canonical = filename.toLowerCase()]) =>
    expect(parseDistributionName(filename)).toMatchObject({ filename, kind, project, version, canonical }),
  );

  it.each([
    'demo-1.0.egg',
    'demo-1.0.tar.bz2',
    'demo-1.0.exe',
    'demo.tar.gz',
    'demo-1.0-any.whl',
    'demo-1.0-py3-none-any-more-parts.whl',
    '../demo-1.0.tar.gz',
    'a/demo-1.0.tar.gz',
    'demo-1.0.tar.gz\0',
    `demo-1.0${'.0'.repeat(200)}.tar.gz`,
    '',
  ])('refuses %j', filename => expect(() => parseDistributionName(filename)).toThrow(/not valid/));
});

describe('versions', () => {
  const order = (names: readonly string[]) =>
    sortByVersion(names.map(version => ({ version }))).map(({ version }) => version);

  it('are sorted as PEP 440 says, final ones among others', () => {
    const part = fc.integer({ min: 0, max: 11 });
    const release = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('.'));
    const suffix = fc.constantFrom('', '', '', '', 'a1', 'rc2', '.post3', '.dev4', '+local.5', '1!');
    const name = fc
      .tuple(release, suffix)
      .map(([numbers, more]) => (more === '1!' ? more + numbers : numbers + more));
    fc.assert(
      fc.property(fc.array(name), names => {
        expect(order(names)).toEqual([...names].sort(compare));
      }),
    );
  });

  it('of one value keep the order that they had', () =>
    expect(order(['1.1', '1.0.0', '1', '1.0', '0.9'])).toEqual(['0.9', '1.0.0', '1', '1.0', '1.1']));
});
