import { describe, expect, it } from 'vitest';
import { normalizeId, versionNames } from '../../../src/protocols/nuget/names.ts';
import { parseNuGetPath } from '../../../src/protocols/nuget/parse.ts';

const parsed = (rest: string) => {
  const { name: _name, rest: _rest, base: _base, ...route } = parseNuGetPath(`/pkg/main/nuget/nuget/${rest}`);
  return route;
};

const WIDGET = { package: 'acme.widget', version: '1.0.0' };

describe('requests of NuGet clients', () => {
  it.each([
    ['index.json', { kind: 'service' }],
    ['package', { kind: 'push' }],
    ['package/', { kind: 'push' }],
    ['symbols/', { kind: 'symbols' }],
    ['package/Acme.Widget/1.0', { kind: 'listing', ...WIDGET }],
    ['query', { kind: 'search' }],
    ['autocomplete', { kind: 'autocomplete' }],
    ['flatcontainer/acme.widget/index.json', { kind: 'versions', package: 'acme.widget' }],
    [
      'flatcontainer/acme.widget/1.0.0/acme.widget.1.0.0.nupkg',
      { kind: 'content', ...WIDGET, file: 'acme.widget.1.0.0.nupkg' },
    ],
    [
      'flatcontainer/Acme.Widget/1.0.0-RC.1/Acme.Widget.1.0.0-RC.1.snupkg',
      {
        kind: 'content',
        package: 'acme.widget',
        version: '1.0.0-rc.1',
        file: 'acme.widget.1.0.0-rc.1.snupkg',
      },
    ],
    [
      'flatcontainer/acme.widget/1.0.0/acme.widget.nuspec',
      { kind: 'content', ...WIDGET, file: 'acme.widget.nuspec' },
    ],
    ['flatcontainer/acme.widget/1.0.0/readme', { kind: 'content', ...WIDGET, file: 'readme' }],
    [
      'registration/acme.widget/index.json',
      { kind: 'registration', hive: 'registration', package: 'acme.widget' },
    ],
    [
      'registration-semver2/acme.widget/1.0.0.json',
      { kind: 'leaf', hive: 'registration-semver2', ...WIDGET },
    ],
    [
      'registration-semver2/acme.widget/page/1.0.0/2.0.0-beta.json',
      {
        kind: 'page',
        hive: 'registration-semver2',
        package: 'acme.widget',
        lower: '1.0.0',
        upper: '2.0.0-beta',
      },
    ],
  ])('%s', (rest, route) => {
    expect(parsed(rest)).toEqual(route);
  });

  it.each([
    ['', 'ROUTE_UNKNOWN'],
    ['constructor', 'ROUTE_UNKNOWN'],
    ['package/Acme.Widget', 'ROUTE_UNKNOWN'],
    ['package/Acme.Widget/nonsense', 'VERSION_INVALID'],
    ['flatcontainer/acme.widget/1.0.0/other.1.0.0.nupkg', 'ROUTE_UNKNOWN'],
    ['flatcontainer/acme.widget/1.0.0/acme.widget.1.0.1.nupkg', 'ROUTE_UNKNOWN'],
    ['flatcontainer/acme.widget/1.0.0/x/readme', 'ROUTE_UNKNOWN'],
    ['flatcontainer/%2e%2e/index.json', 'NAME_INVALID'],
    ['flatcontainer/a%2fb/index.json', 'NAME_INVALID'],
    ['flatcontainer/a b/index.json', 'NAME_INVALID'],
    ['registration/acme.widget/page/1.0.0/2.0.0', 'ROUTE_UNKNOWN'],
    ['registration/acme.widget/1.0.0', 'ROUTE_UNKNOWN'],
  ])('refuses %s', (rest, code) => {
    expect(() => parsed(rest)).toThrow(expect.objectContaining({ code }));
  });
});

describe('names', () => {
  it.each([
    ['Newtonsoft.Json', 'newtonsoft.json'],
    ['A', 'a'],
    ['a_b-c.d', 'a_b-c.d'],
  ])('%s is %s', (id, name) => expect(normalizeId(id)).toBe(name));

  it.each(['', '.a', 'a.', 'a..b', 'a b', 'a/b', 'ünïcode', 'a'.repeat(101), 'a\u212a'])('%s is no id', id =>
    expect(() => normalizeId(id)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' })),
  );

  it('of versions are normalised, and kept as written beside it', () => {
    expect(versionNames('01.2.0.0-Beta.3+Build.7')).toEqual({
      version: '1.2.0-beta.3',
      shown: '1.2.0-Beta.3+Build.7',
      prerelease: true,
      semVer2: true,
    });
  });

  it.each(['', '1.2.3.4.5', '2147483648.0.0', `1.0.0-${'a'.repeat(80)}`])('%s is no version', text =>
    expect(() => versionNames(text)).toThrow(expect.objectContaining({ code: 'VERSION_INVALID' })),
  );
});
