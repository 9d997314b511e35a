import { describe, expect, it } from 'vitest';
import type { StrongroomError } from '../../../src/domain/errors.ts';
import { byVersion, checkName, checkVersion, parseArchiveName } from '../../../src/protocols/helm/names.ts';
import { parseHelm } from '../../../src/protocols/helm/parse.ts';

const BASE = '/pkg/main/charts/helm';

/** What follows the repository → what it asks for. */
const READ: Readonly<Record<string, object>> = {
  'index.yaml': { kind: 'index' },
  'charts/app-1.2.3.tgz': { kind: 'file', chart: 'app', version: '1.2.3', file: 'app-1.2.3.tgz' },
  'charts/app-1.2.3.tgz.prov': { kind: 'file', chart: 'app', version: '1.2.3', file: 'app-1.2.3.tgz.prov' },
  'charts/my-app-2-v1.2.3-rc.1+b.7.tgz': {
    ...{ kind: 'file', chart: 'my-app-2', version: 'v1.2.3-rc.1+b.7' },
    file: 'my-app-2-v1.2.3-rc.1+b.7.tgz',
  },
  'charts/app-1.2.3-rc.1%2Bb.tgz': { kind: 'file', version: '1.2.3-rc.1+b' },
  'charts/app-1.0.0-1.0.0.tgz': { kind: 'file', chart: 'app', version: '1.0.0-1.0.0' },
  'api/charts': { kind: 'charts' },
  'api/charts/': { kind: 'charts' },
  'api/charts/app': { kind: 'chart', chart: 'app' },
  'api/charts/app/': { kind: 'chart', chart: 'app' },
  'api/charts/app/1.2.3': { kind: 'version', chart: 'app', version: '1.2.3' },
  'api/charts/app/latest': { kind: 'version', chart: 'app', version: 'latest' },
  'api/prov': { kind: 'prov' },
  info: { kind: 'info' },
  health: { kind: 'health' },
};

const REFUSED: Readonly<Record<string, string>> = {
  '': 'ROUTE_UNKNOWN',
  'index.yml': 'ROUTE_UNKNOWN',
  'index.yaml/': 'ROUTE_UNKNOWN',
  charts: 'ROUTE_UNKNOWN',
  'charts/app-1.2.3.tgz/': 'ROUTE_UNKNOWN',
  'charts/app.tgz': 'NAME_INVALID',
  'charts/app-1.2.tgz': 'NAME_INVALID',
  'charts/-1.2.3.tgz': 'NAME_INVALID',
  'charts/app-01.2.3.tgz': 'NAME_INVALID',
  'charts/app-1.2.3.tar.gz': 'NAME_INVALID',
  'charts/..%2fapp-1.2.3.tgz': 'NAME_INVALID',
  'charts/../app-1.2.3.tgz': 'NAME_INVALID',
  'charts/a/b-1.2.3.tgz': 'ROUTE_UNKNOWN',
  'api/charts/a%00b': 'NAME_INVALID',
  'api/charts/app-1.2.3': 'NAME_INVALID',
  'api/charts/app/1.2': 'VERSION_INVALID',
  'api/charts/app/1.2.3/values': 'ROUTE_UNKNOWN',
  'api/prov/x': 'ROUTE_UNKNOWN',
  api: 'ROUTE_UNKNOWN',
};

const codeOf = (run: () => unknown) => {
  try {
    run();
    return 'nothing was refused';
  } catch (error) {
    return (error as StrongroomError).code;
  }
};

describe('requests of chart repositories', () => {
  it.each(Object.entries(READ))('%s', (rest, route) => {
    expect(parseHelm(`${BASE}/${rest}`)).toMatchObject({
      ...{ name: { project: 'main', repository: 'charts' }, base: BASE },
      ...route,
    });
  });

  it('gives a repository one path, however it is spelled: an index is composed for each', () => {
    expect(parseHelm('/pkg/%6dain/%63harts/helm/index.yaml').base).toBe(BASE);
  });

  it.each(Object.entries(REFUSED))('refuses %s as %s', (rest, code) => {
    expect(codeOf(() => parseHelm(`${BASE}/${rest}`))).toBe(code);
  });
});

describe('names and versions of charts', () => {
  it.each(['app', 'a', 'My_app.v2', 'app-1', 'app-1.2', '7zip', 'x'.repeat(250)])(
    'takes the name %s',
    name => {
      expect(checkName(name)).toBe(name);
    },
  );
  it.each(['', '-a', 'a-', '.a', 'a/b', 'a b', 'ä', 'app-1.2.3', 'app-v1.2.3-x', 'x'.repeat(251)])(
    'refuses the name %s',
    name => expect(codeOf(() => checkName(name))).toBe('NAME_INVALID'),
  );
  it.each(['1.2.3', 'v1.2.3', '0.0.0', '1.2.3-rc.1', '1.2.3+build', '1.2.3-a.0-b+c.d'])(
    'takes the version %s',
    version => expect(checkVersion(version)).toBe(version),
  );
  it.each([
    '',
    '1',
    '1.2',
    'latest',
    'vv1.2.3',
    '=1.2.3',
    ' 1.2.3',
    '01.2.3',
    '1.2.3-01',
    '1.2.3+',
    '1.2.3/..',
  ])('refuses the version "%s"', version =>
    expect(codeOf(() => checkVersion(version))).toBe('VERSION_INVALID'),
  );
  it('reads the name and version back from every file name that they make', () => {
    for (const name of ['app', 'app-1', 'app-1.2', 'a-v1', 'x-2.0'])
      for (const version of ['1.2.3', 'v1.2.3', '1.2.3-4.5.6', '0.0.0-a-1.0.0'])
        expect(parseArchiveName(`${name}-${version}.tgz`)).toEqual({ name, version });
  });
  it('orders versions, the highest first', () => {
    const versions = ['1.0.0-rc.1', 'v2.0.0', '1.10.0', '1.9.0', '1.0.0+b', '1.0.0+a', '1.0.0-rc.2'];
    expect(versions.sort(byVersion)).toEqual([
      'v2.0.0',
      '1.10.0',
      '1.9.0',
      '1.0.0+b',
      '1.0.0+a',
      '1.0.0-rc.2',
      '1.0.0-rc.1',
    ]);
  });
});
