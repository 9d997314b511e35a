import { describe, expect, it } from 'vitest';
import { licenceOf } from '../../../src/protocols/shared/licence.ts';

describe('licences', () => {
  it.each([
    ['MIT', { license: 'MIT' }],
    ['(MIT OR GPL-2.0+)', { license: '(MIT OR GPL-2.0+)' }],
    ['Apache 2.0', { license: 'Apache-2.0', declaredLicense: 'Apache 2.0' }],
    ['SEE LICENSE IN LICENSE.md', { declaredLicense: 'SEE LICENSE IN LICENSE.md' }],
    ['GPL', { declaredLicense: 'GPL' }],
    ['GPLv3', { license: 'GPL-3.0', declaredLicense: 'GPLv3' }],
    ['BSD License', { declaredLicense: 'BSD License' }],
    ['MIT AND Foo', { declaredLicense: 'MIT AND Foo' }],
    ['SEE LICENSE IN MIT-LICENSE', { declaredLicense: 'SEE LICENSE IN MIT-LICENSE' }],
    ['UNLICENSED', { declaredLicense: 'UNLICENSED' }],
    ['  MIT \n', { license: 'MIT' }],
    ['', {}],
    [undefined, {}],
  ])('%s', (declared, expected) => {
    expect(licenceOf(declared)).toEqual(expected);
  });

  it('does not recurse without end', () => {
    const nested = `${'('.repeat(900)}MIT${')'.repeat(900)}`;
    expect(licenceOf(nested)).toEqual({ declaredLicense: nested });
  });
});
