import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readChart } from '../../../src/protocols/helm/chart.ts';
import { describe as describeChart } from '../../../src/protocols/helm/describe.ts';
import { readProvenance } from '../../../src/protocols/helm/provenance.ts';
import { fakeProvenance, makeChart } from '../../support/charts.ts';
import { makeTar } from '../../support/tar.ts';

const read = (bytes: Uint8Array) => readChart({ open: async () => Readable.from([bytes]) });
const archive = (files: Record<string, string>) => gzipSync(makeTar(files));
const NAMED = 'apiVersion: v2\nname: app\nversion: 1.2.3\n';
const withYaml = (more: string) => archive({ 'app/Chart.yaml': NAMED + more });

describe('a chart', () => {
  it('is what its Chart.yaml says, with plain values as text', async () => {
    const more = [
      'appVersion: 1.16',
      'kubeVersion: ">=1.25"',
      'description: Says something',
      'type: application',
      'keywords: [web, 7]',
      'home: https://example.com',
      'sources: [https://example.com/src]',
      'maintainers: [{name: Ann, email: ann@example.com}, ~]',
      'dependencies: [{name: part, version: ~1.0, condition: part.enabled, import-values: [{child: a, parent: b}]}]',
      'annotations: {artifacthub.io/license: Apache 2.0, answer: 42}',
      'unheard: of',
    ].join('\n');
    const chart = await read(
      makeChart({ name: 'app', version: 'v1.2.3', more, files: { 'README.md': '# App' } }),
    );
    expect(chart).toEqual({
      ...{ name: 'app', version: 'v1.2.3', readme: '# App' },
      metadata: {
        ...{ apiVersion: 'v2', name: 'app', version: 'v1.2.3', appVersion: '1.16', kubeVersion: '>=1.25' },
        ...{ description: 'Says something', type: 'application', keywords: ['web', '7'] },
        ...{ home: 'https://example.com', sources: ['https://example.com/src'] },
        maintainers: [{ name: 'Ann', email: 'ann@example.com' }],
        dependencies: [
          {
            ...{ name: 'part', version: '~1.0', condition: 'part.enabled' },
            'import-values': [{ child: 'a', parent: 'b' }],
          },
        ],
        annotations: { 'artifacthub.io/license': 'Apache 2.0', answer: '42' },
      },
    });
    expect(describeChart(chart.metadata)).toEqual({
      ...{ summary: 'Says something', license: 'Apache-2.0', declaredLicense: 'Apache 2.0' },
      authors: [{ name: 'Ann', email: 'ann@example.com' }],
      keywords: ['web', '7'],
      ...{ homepage: 'https://example.com', repository: 'https://example.com/src' },
      dependencies: [{ name: 'part', requirement: '~1.0', kind: 'optional' }],
      native: chart.metadata,
    });
  });

  it('of the first API version has its requirements in a file', async () => {
    const chart = await read(
      archive({
        'app/Chart.yaml': NAMED.replace('v2', 'v1'),
        'app/requirements.yaml': 'dependencies: [{name: part, version: 1.0.0, repository: "@here"}]',
      }),
    );
    expect(chart.metadata.dependencies).toEqual([{ name: 'part', version: '1.0.0', repository: '@here' }]);
  });

  it('leaves out what would not fit into a description, and cuts no URL', async () => {
    const long = `https://example.com/${'x'.repeat(3000)}`;
    const { metadata } = await read(withYaml(`home: ${long}\nmaintainers: [{name: Ann, url: "${long}"}]`));
    expect(describeChart(metadata)).toEqual({ authors: [{ name: 'Ann' }], native: metadata });
  });

  it.each([
    ['without a Chart.yaml', archive({ 'app/values.yaml': 'a: 1' }), 'no Chart.yaml'],
    ['with its Chart.yaml deeper', archive({ 'app/templates/Chart.yaml': NAMED }), 'no Chart.yaml'],
    ['without a folder', archive({ 'Chart.yaml': NAMED }), 'no Chart.yaml'],
    [
      'of two folders, which helm would merge',
      archive({ 'app/Chart.yaml': NAMED, 'x/values.yaml': '' }),
      'one folder',
    ],
    [
      'with a backslash, which helm takes for a slash',
      archive({ 'app/Chart.yaml': NAMED, 'app\\Chart.yaml': NAMED }),
      'backslash',
    ],
    [
      'with two Chart.yaml',
      gzipSync(
        Buffer.concat([
          makeTar({ 'app/Chart.yaml': NAMED }).subarray(0, -1024),
          makeTar({ 'app/./Chart.yaml': NAMED.replace('app', 'other') }),
        ]),
      ),
      'twice',
    ],
    ['that leads out', archive({ 'app/Chart.yaml': NAMED, 'app/../../x': '' }), 'leads out'],
    ['that is not gzip', makeTar({ 'app/Chart.yaml': NAMED }), 'damaged'],
    ['that is cut short', makeChart({ name: 'app', version: '1.0.0' }).subarray(0, 120), 'damaged'],
    ['of nothing', Buffer.alloc(0), 'The package is not valid'],
    [
      'that unpacks to more than helm takes',
      gzipSync(makeTar({ 'app/Chart.yaml': NAMED, 'app/zeros': Buffer.alloc(101 * 1024 * 1024) as never })),
      'unpacks to',
    ],
    ['without a name', archive({ 'app/Chart.yaml': 'apiVersion: v2\nversion: 1.0.0\n' }), 'name is missing'],
    ['of an unknown API version', archive({ 'app/Chart.yaml': NAMED.replace('v2', 'v3') }), 'apiVersion'],
    ['whose keywords are no list', withYaml('keywords: web'), 'keywords is'],
    ['whose annotations are a list', withYaml('annotations: [a]'), 'annotations is'],
    ['with a dependency without a name', withYaml('dependencies: [{version: 1.0.0}]'), 'dependencies.0.name'],
    ['whose Chart.yaml is too long', withYaml(`description: ${'x'.repeat(300_000)}`), 'Chart.yaml'],
    ['that says too much', withYaml(`description: ${'x'.repeat(120_000)}`), 'says more than'],
    ['whose Chart.yaml is a list', archive({ 'app/Chart.yaml': '- a' }), 'Chart.yaml: it is'],
    ['with broken YAML', withYaml('a: "'), 'Chart.yaml: it is not YAML'],
  ])('%s is refused', async (_what, bytes, why) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'PACKAGE_INVALID',
      message: expect.stringContaining(why),
    });
  });

  it.each([
    ['../app', '1.0.0', 'NAME_INVALID'],
    ['app-1.0.0', '1.0.0', 'NAME_INVALID'],
    ['"a\\nb"', '1.0.0', 'NAME_INVALID'],
    ['app', '1.0', 'VERSION_INVALID'],
    ['app', 'latest', 'VERSION_INVALID'],
    ['app', '1.0.0/../2', 'VERSION_INVALID'],
  ])('named %s %s is refused', async (name, version, code) => {
    const yaml = `apiVersion: v2\nname: ${name}\nversion: ${version}\n`;
    await expect(read(archive({ 'app/Chart.yaml': yaml }))).rejects.toMatchObject({ code });
  });
});

describe('a field that helm takes for another', () => {
  it.each([
    ['Version: 9.9.9', 'version'],
    ['ver\u017fion: 9.9.9', 'version'],
    ['\u212aubeVersion: ">=1"', 'kubeVersion'],
    ['dependencie\u017f: [{name: evil}]', 'dependencies'],
    ['dependencies: [{name: part, Repository: "https://evil.example"}]', 'repository'],
    ['maintainers: [{Name: Ann}]', 'name'],
  ])('is refused: %s', async (more, field) => {
    await expect(read(withYaml(more))).rejects.toThrow(`write ${field} so`);
  });

  it('is refused in requirements of old charts', async () => {
    const old = { 'app/Chart.yaml': NAMED.replace('v2', 'v1') };
    const requirements = 'Dependencies: [{name: evil, version: 1.0.0}]';
    await expect(read(archive({ ...old, 'app/requirements.yaml': requirements }))).rejects.toThrow('write');
  });

  it('is one of its own among annotations and what nobody knows', async () => {
    const chart = await read(withYaml('annotations: {Version: "9"}\nunheard: {Name: x}'));
    expect(chart.metadata.annotations).toEqual({ Version: '9' });
  });
});

describe('a provenance file', () => {
  const chart = makeChart({ name: 'app', version: '1.2.3' });
  const prov = fakeProvenance({ name: 'app', version: '1.2.3' }, chart).toString();

  it('names a chart and its digest, with either line ending', () => {
    const expected = { name: 'app', version: '1.2.3', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) };
    expect(readProvenance(Buffer.from(prov))).toEqual(expected);
    expect(readProvenance(Buffer.from(prov.replaceAll('\n', '\r\n')))).toEqual(expected);
  });

  it.each([
    ['another text', 'hello'],
    ['an unsigned one', prov.replace('-----BEGIN PGP SIGNATURE-----', '')],
    ['one without files', prov.replace('files:', 'other:')],
    ['one without a second part', prov.replace('\n...\n', '\n')],
    ['one of two files', prov.replace('files:\n', `files:\n  b-1.0.0.tgz: sha256:${'0'.repeat(64)}\n`)],
    ['one of another kind of file', prov.replace('app-1.2.3.tgz', 'app.zip')],
    ['one with a path', prov.replace('app-1.2.3.tgz', '../app-1.2.3.tgz')],
    ['one with another digest', prov.replace('sha256:', 'md5:')],
    ['one of YAML that expands', prov.replace('files:\n', `x: &x [${'1,'.repeat(20_000)}]\nfiles:\n`)],
  ])('%s is refused', (_what, text) => {
    expect(() => readProvenance(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'PACKAGE_INVALID' }),
    );
  });
});
