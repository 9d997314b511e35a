import { describe, expect, it } from 'vitest';
import { subjectOf } from '../../../src/domain/values/purl.ts';

describe('the subject that a name stands for', () => {
  it.each([
    ['pkg:nuget/Newtonsoft.Json@13.0.1', 'pkg:nuget/newtonsoft.json@13.0.1'],
    ['pkg:nuget/NEWTONSOFT.JSON@13.0.1-Beta.2', 'pkg:nuget/newtonsoft.json@13.0.1-beta.2'],
    ['pkg:pypi/Zope.Interface@5.0', 'pkg:pypi/zope-interface@5.0'],
    ['pkg:pypi/my__odd-_.name@1.0', 'pkg:pypi/my-odd-name@1.0'],
    ['pkg:pypi/zope-interface@1.0%2Blocal.1', 'pkg:pypi/zope-interface@1.0%2Blocal.1'],
  ])('%s is %s: the ecosystem takes them for one', (purl, subject) => {
    expect(subjectOf(purl)).toBe(subject);
    expect(subjectOf(subject)).toBe(subject);
  });

  it.each([
    'pkg:npm/%40acme/widget@1.0.0-Beta.1',
    'pkg:maven/com.Acme/Lib@1.0-RC1',
    'pkg:golang/github.com/BurntSushi/toml@v1.0.0%2Bincompatible',
    'pkg:helm/My-Chart@1.0.0',
    'pkg:generic/Tool_x.y@1',
    `sha256:${'a'.repeat(64)}`,
    'pkg:nuget',
    '',
  ])('%s stands for itself', name => {
    expect(subjectOf(name)).toBe(name);
  });
});
