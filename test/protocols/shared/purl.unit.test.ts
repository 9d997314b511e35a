import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type PurlParts, purlOf } from '../../../src/protocols/shared/purl.ts';

const CASES = new URL('../../../../shared/data/purl/', import.meta.url);

interface Case {
  readonly description: string;
  readonly test_type: string;
  readonly input: Record<keyof PurlParts, never>;
  readonly expected_output: string;
  readonly expected_failure: boolean;
}

describe('package URLs', () => {
  it('escapes each part as the specification says', () => {
    expect(purlOf({ type: 'npm', namespace: '@acme', name: 'widget', version: '1.0.0+b' })).toBe(
      'pkg:npm/%40acme/widget@1.0.0%2Bb',
    );
    expect(purlOf({ type: 'pypi', name: 'Django_package', version: '1.0' })).toBe(
      'pkg:pypi/django-package@1.0',
    );
  });

  it.each([
    [{ type: 'npm', namespace: '@Acme', name: 'Widget', version: '1.0.0' }, 'pkg:npm/%40acme/widget@1.0.0'],
    [{ type: 'pypi', name: 'Zope_Interface', version: '2.0' }, 'pkg:pypi/zope-interface@2.0'],
    [{ type: 'maven', namespace: 'com.Acme', name: 'Lib_x', version: '1.0' }, 'pkg:maven/com.Acme/Lib_x@1.0'],
    [{ type: 'nuget', name: 'Newtonsoft.Json', version: '13.0.1' }, 'pkg:nuget/Newtonsoft.Json@13.0.1'],
    [
      { type: 'golang', namespace: 'github.com/BurntSushi', name: 'toml', version: 'v1.0.0+incompatible' },
      'pkg:golang/github.com/BurntSushi/toml@v1.0.0%2Bincompatible',
    ],
    [{ type: 'helm', name: 'my-chart', version: '1.0.0+build' }, 'pkg:helm/my-chart@1.0.0%2Bbuild'],
    [{ type: 'generic', name: 'Tool x', version: '1' }, 'pkg:generic/Tool%20x@1'],
  ])('keeps and folds letters as the type says: %j', (parts, expected) => {
    expect(purlOf(parts)).toBe(expected);
  });

  it('refuses what has none', () => {
    expect(() => purlOf({ type: 'npm', name: '' })).toThrow('no package URL');
  });

  describe.skipIf(!existsSync(CASES))('the cases of the specification (shared/data/purl)', () => {
    const types = ['npm', 'pypi', 'maven', 'golang', 'nuget', 'generic'];
    const all = types.flatMap(type => {
      const file = new URL(`${type}-test.json`, CASES);
      if (!existsSync(file)) return [];
      const { tests } = JSON.parse(readFileSync(file, 'utf8')) as { tests: Case[] };
      return tests.filter(one => one.test_type === 'build').map(one => [type, one.description, one] as const);
    });
    it.each(all)(
      '%s: %s',
      (_type, _description, { input, expected_failure: fails, expected_output: expected }) => {
        const build = () => purlOf(partsOf(input));
        if (fails) expect(build).toThrow();
        else expect(build()).toBe(expected);
      },
    );
  });
});

const partsOf = (input: Case['input']): PurlParts => {
  const given = Object.entries(input).filter(([, value]) => value !== null);
  return Object.fromEntries(given) as unknown as PurlParts;
};
