import { describe, expect, it } from 'vitest';
import { describe as descriptionOf } from '../../../src/protocols/nuget/describe.ts';
import { parseNuspec } from '../../../src/protocols/nuget/nuspec.ts';
import { readPackage, readSymbols } from '../../../src/protocols/nuget/package.ts';
import { makeFullNupkg, makeNupkg, makeSnupkg, nuspecOf, PNG } from '../../support/nupkgs.ts';
import { makeZip, type ZipPart, zipSource } from '../../support/zip-maker.ts';

const ID = { id: 'Acme.Widget', version: '1.0.0' };
const invalid = expect.objectContaining({ code: 'PACKAGE_INVALID' });
const nuspec = (metadata: string, more = {}) =>
  parseNuspec(Buffer.from(nuspecOf({ ...ID, ...more, metadata })));

describe('a .nuspec', () => {
  it('says what the package is', () => {
    const metadata = `
      <title>Widgets</title><tags>ui, gadget  wheel</tags><projectUrl>https://example.org/w</projectUrl>
      <license type="expression">MIT OR Apache-2.0</license><repository type="git" url="https://example.org/w.git" />
      <dependencies>
        <group targetFramework=".NETStandard2.0"><dependency id="Acme.Core" version="[1.0,2.0)" /></group>
        <group targetFramework="net6.0" />
      </dependencies>
      <packageTypes><packageType name="DotnetTool" /></packageTypes>`;
    const parsed = nuspec(metadata, { version: '1.0.0.0-Beta.1+abc' });
    expect(parsed).toMatchObject({ name: 'acme.widget', version: '1.0.0-beta.1', shown: '1.0.0-Beta.1+abc' });
    expect(descriptionOf(parsed)).toMatchObject({
      summary: 'A package of a test',
      license: 'MIT OR Apache-2.0',
      authors: [{ name: 'Ada' }, { name: 'Grace' }],
      keywords: ['ui', 'gadget', 'wheel'],
      homepage: 'https://example.org/w',
      repository: 'https://example.org/w.git',
      dependencies: [{ name: 'Acme.Core', requirement: '[1.0,2.0)', kind: 'runtime' }],
      native: {
        title: 'Widgets',
        packageTypes: [{ name: 'DotnetTool' }],
        semVer2: true,
        groups: [
          { targetFramework: '.NETStandard2.0', dependencies: [{ id: 'Acme.Core', range: '[1.0,2.0)' }] },
          { targetFramework: 'net6.0', dependencies: [] },
        ],
      },
    });
  });

  it('may list dependencies without frameworks', () => {
    const { groups } = nuspec(
      '<dependencies><dependency id="A" /><dependency id="B" version="1.0" /></dependencies>',
    );
    expect(groups).toEqual([
      {
        targetFramework: undefined,
        dependencies: [
          { id: 'A', range: undefined },
          { id: 'B', range: '1.0' },
        ],
      },
    ]);
  });

  it('needs SemVer 2.0.0 for what it depends on', () => {
    const on = (range: string) =>
      descriptionOf(nuspec(`<dependencies><dependency id="A" version="${range}" /></dependencies>`)).native
        ?.semVer2;
    expect(['1.0.0-beta.1', '[1.0.0-beta.1,2.0)', '1.0.0-beta', '[1.0,2.0)', '*'].map(on)).toEqual([
      ...[true, true, false, false, false],
    ]);
  });

  it('gives no links but of the web, and no client version that clients choke on', () => {
    const link = 'javascript:alert(1)';
    const parsed = nuspec(`<projectUrl>${link}</projectUrl><iconUrl>file:///etc/passwd</iconUrl>`);
    expect([parsed.projectUrl, parsed.iconUrl, parsed.minClientVersion]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['no metadata', '<package />'],
    ['another document', '<project><metadata><id>A</id><version>1.0</version></metadata></project>'],
    ['a document type', '<!DOCTYPE p [<!ENTITY a "b">]><package><metadata><id>&a;</id></metadata></package>'],
    ['broken XML', '<package><metadata>'],
    [
      'a range that is none',
      nuspecOf({ ...ID, metadata: '<dependencies><dependency id="A" version="]1,2[" /></dependencies>' }),
    ],
    [
      'a framework that is none',
      nuspecOf({ ...ID, metadata: '<dependencies><group targetFramework="&lt;x>" /></dependencies>' }),
    ],
  ])('is refused with %s', (_what, text) => {
    expect(() => parseNuspec(Buffer.from(text))).toThrow(invalid);
  });

  it('is refused when it depends on more than indexes can show', () => {
    const many = Array.from({ length: 1001 }, (_, n) => `<dependency id="D${n}" version="1.0" />`).join('');
    expect(() => nuspec(`<dependencies>${many}</dependencies>`)).toThrow(invalid);
    const id = 'D'.repeat(90);
    const long = Array.from(
      { length: 900 },
      (_, n) => `<dependency id="${id}${n}" version="${'1'.repeat(100)}" />`,
    );
    expect(() => descriptionOf(nuspec(`<dependencies>${long.join('')}</dependencies>`))).toThrow(invalid);
  });
});

const reading = (parts: readonly ZipPart[]) => readPackage(zipSource(makeZip(parts)));
const NUSPEC = { path: 'Acme.Widget.nuspec', content: nuspecOf(ID) };
const naming = (metadata: string) => ({ ...NUSPEC, content: nuspecOf({ ...ID, metadata }) });

describe('a package', () => {
  it('gives its .nuspec as it is, and what is embedded', async () => {
    const { bytes, nuspec: source } = makeFullNupkg(ID);
    const archive = await readPackage(zipSource(bytes));
    expect(archive.source.toString()).toBe(source);
    expect(archive.embedded.map(({ name, mediaType }) => [name, mediaType])).toEqual([
      ['readme', 'text/markdown; charset=utf-8'],
      ['icon', 'image/png'],
      ['license', 'text/plain; charset=utf-8'],
    ]);
    expect(archive.embedded[1]?.bytes.equals(PNG)).toBe(true);
  });

  it('names embedded files as clients do, with backslashes and escapes', async () => {
    const { embedded } = await reading([
      naming('<readme>docs\\read me.md</readme>'),
      { path: 'docs/read%20me.md', content: 'hello' },
    ]);
    expect(embedded[0]?.bytes.toString()).toBe('hello');
  });

  it.each<[string, ZipPart[]]>([
    ['no .nuspec', [{ path: 'lib/a.dll' }]],
    ['a .nuspec that is not in the root', [{ ...NUSPEC, path: 'sub/Acme.Widget.nuspec' }]],
    ['two of them', [NUSPEC, { ...NUSPEC, path: 'Other.nuspec' }]],
    ['traversal', [NUSPEC, { path: '../evil.dll' }]],
    ['traversal in escapes', [NUSPEC, { path: 'lib/%2e%2e/%2e%2e/evil.dll' }]],
    ['traversal in escaped backslashes', [NUSPEC, { path: 'lib%5c..%5c..%5cevil.dll' }]],
    ['two files that unpack to one', [NUSPEC, { path: 'lib/a b.dll' }, { path: 'lib/a%20b.dll' }]],
    ['names that differ in case only', [NUSPEC, { path: 'lib/A.dll' }, { path: 'lib/a.dll' }]],
    ['a link', [NUSPEC, { path: 'lib/a.dll', content: '/etc/passwd', mode: 0o120777 }]],
    ['a bomb', [NUSPEC, { path: 'lib/a.dll', content: Buffer.alloc(16 * 1024 * 1024) }]],
    ['a readme that is not there', [naming('<readme>README.md</readme>')]],
    ['an icon that is none', [naming('<icon>icon.png</icon>'), { path: 'icon.png', content: '<svg/>' }]],
    [
      'a readme that is too large',
      [
        naming('<readme>R.md</readme>'),
        { path: 'R.md', content: Buffer.alloc(1024 * 1024 + 1), stored: true },
      ],
    ],
  ])('is refused with %s', async (_what, parts) => {
    await expect(reading(parts)).rejects.toThrow(invalid);
  });

  it('is refused when it is no archive, or one of symbols', async () => {
    await expect(readPackage(zipSource(Buffer.from('no archive')))).rejects.toThrow(invalid);
    await expect(readPackage(zipSource(makeSnupkg(ID)))).rejects.toThrow(invalid);
  });
});

describe('a package of symbols', () => {
  it('says of which package', async () => {
    const { name, version } = await readSymbols(zipSource(makeSnupkg(ID)));
    expect([name, version]).toEqual(['acme.widget', '1.0.0']);
  });

  it('has the type of these, and no programs', async () => {
    await expect(readSymbols(zipSource(makeNupkg(ID).bytes))).rejects.toThrow(invalid);
    const program = makeSnupkg({ ...ID, extra: [{ path: 'lib/net45/a.dll', content: 'x' }] });
    await expect(readSymbols(zipSource(program))).rejects.toThrow(invalid);
  });
});
