import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { editedOf, newVersionOf } from '../../../src/protocols/npm/document.ts';
import { descriptionOf, manifestOf } from '../../../src/protocols/npm/manifest.ts';
import { attestationsOf, readBundle } from '../../../src/protocols/npm/provenance.ts';
import { inspectTarball } from '../../../src/protocols/npm/tarball.ts';
import { npmBundle } from '../../conformance/npm-fixture.ts';
import { makeTar } from '../../support/tar.ts';

const NAMED = { name: '@acme/widget', version: '1.0.0' };

const inspect = (files: Readonly<Record<string, string>>, of = NAMED) =>
  inspectTarball(Readable.from([gzipSync(makeTar(files))]), of);
const packageJson = (more: object = {}) => ({
  'package/package.json': JSON.stringify({ ...NAMED, ...more }),
});

describe('what a tarball says', () => {
  it('is its package.json, its README and its size, whatever the folder is called', async () => {
    const inspected = await inspect({
      'x/package.json': JSON.stringify(NAMED),
      'x/readme.md': '# hi',
      'x/npm-shrinkwrap.json': '{}',
    });
    expect(inspected).toMatchObject({
      packageJson: NAMED,
      readme: '# hi',
      fileCount: 3,
      hasShrinkwrap: true,
      hasGyp: false,
    });
    expect(inspected.unpackedSize).toBe(JSON.stringify(NAMED).length + 4 + 2);
  });

  it('takes a byte order mark and build metadata', async () => {
    const text = `\uFEFF${JSON.stringify({ ...NAMED, version: '1.0.0+5' })}`;
    await expect(inspect({ 'package/package.json': text })).resolves.toMatchObject({ fileCount: 1 });
  });

  it.each([
    ['no package.json', { 'package/index.js': '' }],
    ['one too deep', { 'package/a/package.json': '{}' }],
    ['several', { ...packageJson(), 'other/package.json': '{}' }],
    ['another name', { 'package/package.json': '{"name":"other","version":"1.0.0"}' }],
    ['another version', packageJson({ version: '2.0.0' })],
    ['no version', packageJson({ version: 1 })],
    ['no JSON', { 'package/package.json': 'x' }],
    ['nested JSON', { 'package/package.json': `{"a":${'['.repeat(100)}${']'.repeat(100)}}` }],
    ['a huge package.json', packageJson({ a: 'x'.repeat(1024 * 1024) })],
  ])('is refused with %s', async (_, files) => {
    await expect(inspect(files)).rejects.toMatchObject({ kind: 'invalid' });
  });
});

describe('a tarball with a second package.json', () => {
  const files = packageJson();
  const evil = JSON.stringify({ ...NAMED, scripts: { install: 'evil' } });

  it.each([
    ['beside its folder, which clients leave out', './package.json'],
    ['in other letters', 'package/PACKAGE.json'],
    ['in letters that are the same to a disk', 'package/pac\u212aage.json'],
    ['by a backslash', 'x\\package.json'],
    ['with dots at its end', 'package/package.json. .'],
    ['as a stream of the file', 'package/package.json::$DATA'],
    ['in another folder', 'other/./package.json'],
  ])('is refused: %s', async (_, path) => {
    await expect(inspect({ ...files, [path]: evil })).rejects.toThrow('several');
    await expect(inspect({ [path]: evil, ...files })).rejects.toThrow('several');
  });

  it('has others deeper down', async () => {
    const deep = { 'package/deep/package.json': '{}', 'package/package.json.md': '' };
    await expect(inspect({ ...files, ...deep })).resolves.toMatchObject({ fileCount: 3 });
  });
});

describe('the manifest', () => {
  const build = async (said: object, files: Readonly<Record<string, string>>) =>
    manifestOf({ ...NAMED, manifest: { ...NAMED, ...said } }, await inspect(files));

  it('takes from the tarball what decides over an installation', async () => {
    const said = {
      dependencies: { evil: '1' },
      scripts: { install: 'evil' },
      description: 'said',
      _npmUser: 'me',
      readme: '#',
    };
    const manifest = await build(said, packageJson({ dependencies: { good: '^1' }, license: 'MIT' }));
    expect(manifest).toEqual({ ...NAMED, description: 'said', dependencies: { good: '^1' }, license: 'MIT' });
  });

  it('normalises programs, bundled dependencies and compiled packages', async () => {
    const files = {
      ...packageJson({ bin: 'cli.js', bundledDependencies: true, dependencies: { a: '1' } }),
      'package/binding.gyp': '',
    };
    expect(await build({}, files)).toEqual({
      ...NAMED,
      bin: { widget: 'cli.js' },
      dependencies: { a: '1' },
      bundleDependencies: ['a'],
      scripts: { install: 'node-gyp rebuild' },
      gypfile: true,
      hasInstallScript: true,
    });
  });

  it('believes the client about a folder of programs only', async () => {
    const bin = { a: 'bin/a.js' };
    expect((await build({ bin }, packageJson({ directories: { bin: 'bin' } }))).bin).toEqual(bin);
    expect((await build({ bin }, packageJson())).bin).toBeUndefined();
  });

  it('drops what is not needed of a large one, and refuses what is too large all the same', async () => {
    const large = { padding: 'x'.repeat(300_000) };
    expect(await build(large, packageJson({ main: 'a.js' }))).toEqual({ ...NAMED, main: 'a.js' });
  });
});

describe('the description', () => {
  it('reads persons, licences, repositories and dependencies as they are written', () => {
    const described = descriptionOf(
      {
        description: 'a widget',
        licenses: [{ type: 'MIT' }, { type: 'Apache-2.0' }],
        author: 'Ann Other <ann@example.com> (https://example.com)',
        contributors: [{ name: 'Bob' }, 7],
        keywords: 'one, two',
        repository: { type: 'git', url: 'git+https://example.com/a.git' },
        dependencies: { a: '^1' },
        peerDependencies: { b: '*' },
      },
      {},
    );
    expect(described).toEqual({
      summary: 'a widget',
      license: '(MIT OR Apache-2.0)',
      authors: [{ name: 'Ann Other', email: 'ann@example.com', url: 'https://example.com' }, { name: 'Bob' }],
      keywords: ['one', 'two'],
      repository: 'https://example.com/a.git',
      dependencies: [
        { name: 'a', kind: 'runtime', requirement: '^1' },
        { name: 'b', kind: 'peer', requirement: '*' },
      ],
      native: {},
    });
  });

  it('passes over what has another shape', () => {
    const odd = {
      description: 5,
      license: ['x'],
      author: null,
      keywords: { a: 1 },
      repository: 7,
      dependencies: 'x',
    };
    expect(descriptionOf(odd, {})).toEqual({ authors: [], keywords: [], dependencies: [], native: {} });
  });
});

describe('the document', () => {
  const good = {
    name: NAMED.name,
    'dist-tags': { latest: '1.0.0' },
    versions: { '1.0.0': { ...NAMED, dist: { shasum: 'abc' } } },
    _attachments: { '@acme/widget-1.0.0.tgz': { data: '' } },
  };
  const read = (more: object) => newVersionOf(JSON.parse(JSON.stringify({ ...good, ...more })), NAMED.name);

  it('names one version, its tags and its tarball', () => {
    expect(read({})).toMatchObject({
      ...NAMED,
      tags: ['latest'],
      attachment: '@acme/widget-1.0.0.tgz',
      shasum: 'abc',
    });
  });

  it.each([
    ['of another package', { name: 'other' }],
    ['without versions', { versions: {} }],
    ['of two versions', { versions: { ...good.versions, '2.0.0': { ...NAMED, version: '2.0.0' } } }],
    ['whose version is another', { versions: { '2.0.0': NAMED } }],
    ['with a tag on another version', { 'dist-tags': { latest: '2.0.0' } }],
    ['with a tag that is a range', { 'dist-tags': { '^1': '1.0.0' } }],
    ['without a tarball', { _attachments: { 'a.txt': { data: '' } } }],
    ['that is a list', { versions: [] }],
  ])('is refused %s', (_, more) => {
    expect(() => read(more)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  it('that comes back changed says no more than advice and what is left', () => {
    const edited = editedOf({
      _rev: '1-a',
      versions: { '1.0.0': { deprecated: 'old' }, '1.1.0': {} },
      maintainers: [],
    });
    expect(edited.revision).toBe('1-a');
    expect([...edited.deprecations]).toEqual([
      ['1.0.0', 'old'],
      ['1.1.0', ''],
    ]);
    expect(() => editedOf({ maintainers: [{ name: 'me' }] })).toThrow('owners are managed by roles');
  });
});

describe('provenance', () => {
  const tarball = Buffer.from('tarball');
  const text = npmBundle(NAMED, tarball);
  const { createHash } = process.getBuiltinModule('node:crypto');
  const subject = {
    purl: 'pkg:npm/%40acme/widget@1.0.0',
    sha512: createHash('sha512').update(tarball).digest('hex'),
  };

  it('is taken when it is about this tarball, and shown as npm expects', () => {
    expect(readBundle(text, subject)).toMatchObject({ predicateType: 'https://slsa.dev/provenance/v1' });
    expect(attestationsOf(Buffer.from(text))).toEqual({
      attestations: [{ predicateType: 'https://slsa.dev/provenance/v1', bundle: JSON.parse(text) }],
    });
  });

  it.each([
    ['another version', text, { ...subject, purl: 'pkg:npm/%40acme/widget@2.0.0' }],
    ['another tarball', text, { ...subject, sha512: '0'.repeat(128) }],
    ['no bundle', '{"mediaType":"text/html"}', subject],
    ['no JSON', 'x', subject],
    ['nothing signed', '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}', subject],
  ])('is refused about %s', (_, bundle, about) => {
    expect(() => readBundle(bundle, about)).toThrow(expect.objectContaining({ code: 'PACKAGE_INVALID' }));
  });
});
