import { expect, describe as group, it } from 'vitest';
import { describe } from '../../../src/protocols/python/describe.ts';
import { isReliable, parseMetadata } from '../../../src/protocols/python/metadata.ts';

const parse = (...lines: string[]) =>
  parseMetadata(Buffer.from(['Metadata-Version: 2.1', 'Name: Demo', 'Version: 1.0', ...lines].join('\n')));

group('core metadata', () => {
  it('reads fields, folded lines and the body', () => {
    const metadata = parse(
      'Summary: one\n  two',
      'Requires-Dist: a',
      'requires-dist: b',
      '',
      '# Hello',
      '',
      'text',
    );
    expect(metadata).toMatchObject({ metadataVersion: '2.1', name: 'Demo', version: '1.0' });
    expect(metadata.one('summary')).toBe('one\n  two');
    expect(metadata.all('Requires-Dist')).toEqual(['a', 'b']);
    expect(metadata.description).toBe('# Hello\n\ntext');
  });

  it('reads the README of old metadata, and CRLF', () => {
    expect(parse('Description: first', '        |second', '        |  third').description).toBe(
      'first\nsecond\n  third',
    );
    expect(
      parseMetadata(Buffer.from('Metadata-Version: 1.0\r\nName: a\r\nVersion: 1\r\n\r\nbody')).description,
    ).toBe('body');
    expect(parse('Description: UNKNOWN').description).toBeUndefined();
  });

  it.each<[string, readonly string[]]>([
    ['says name twice', ['Name: other']],
    ['says version twice', ['Version: 2.0']],
    ['says requires-python twice', ['Requires-Python: >=3', 'Requires-Python: >=2']],
    ['a line that is no field', ['nonsense']],
    ['a line that only some read', ['Summary: a\rRequires-Dist: evil']],
    ['more than 20000 fields', Array<string>(20_001).fill('Classifier: x')],
  ])('refuses what %s', (message, lines) => expect(() => parse(...lines)).toThrow(message));

  it.each(['', 'Name: a\nVersion: 1\n', 'Metadata-Version: 2.1\nName: a\n', '\n\nbody', '\xff\xfe'])(
    'refuses %j',
    text => expect(() => parseMetadata(Buffer.from(text, 'latin1'))).toThrow(/PACKAGE|package/),
  );

  it('is read in linear time', () => {
    const began = performance.now();
    parse(`Summary: ${'x\n '.repeat(200_000)}`);
    describe(parse(`Author-email: ${'<a,'.repeat(100_000)}`, `Keywords: ${' '.repeat(100_000)}x`));
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  it.each<[string, readonly string[], boolean]>([
    ['2.1', [], false],
    ['2.2', [], true],
    ['2.4', ['Dynamic: License-File'], true],
    ['2.4', ['Dynamic: Requires-Dist'], false],
    ['3.0', ['dynamic: version'], false],
    ['x', [], false],
  ])('of %s with %j is final: %s', (version, lines, final) => {
    const text = [`Metadata-Version: ${version}`, 'Name: a', 'Version: 1', ...lines].join('\n');
    expect(isReliable(parseMetadata(Buffer.from(text)))).toBe(final);
  });
});

group('descriptions', () => {
  it('say in common words what the metadata says', () => {
    const metadata = parse(
      'Summary: a demo',
      'License-Expression: MIT OR Apache-2.0',
      'Author: Ann',
      'Author-email: ann@example.com',
      'Maintainer-email: "Bob" <bob@example.com>, Cy <cy@example.com>',
      'Keywords: one, two words',
      'Project-URL: Source Code, https://example.com/git',
      'Project-URL: Homepage, https://example.com/',
      'Requires-Python: >=3.9',
      'Requires-Dist: Other_Pkg[extra] (>=1,<2)',
      "Requires-Dist: pytest>=7 ; extra == 'test'",
      "Requires-Dist: tomli; python_version < '3.11'",
    );
    expect(describe(metadata)).toEqual({
      summary: 'a demo',
      license: 'MIT OR Apache-2.0',
      authors: [
        { name: 'Ann', email: 'ann@example.com' },
        { name: 'Bob', email: 'bob@example.com' },
        { name: 'Cy', email: 'cy@example.com' },
      ],
      keywords: ['one', 'two words'],
      homepage: 'https://example.com/',
      repository: 'https://example.com/git',
      dependencies: [
        { name: 'other-pkg', requirement: '[extra] (>=1,<2)', kind: 'runtime' },
        { name: 'pytest', requirement: ">=7 ; extra == 'test'", kind: 'optional' },
        { name: 'tomli', requirement: "; python_version < '3.11'", kind: 'runtime' },
      ],
      native: { metadataVersion: '2.1', requiresPython: '>=3.9' },
    });
  });

  it.each<[readonly string[], object]>([
    [['License: MIT'], { license: 'MIT' }],
    [['License: Apache 2.0'], { license: 'Apache-2.0', declaredLicense: 'Apache 2.0' }],
    [['Classifier: License :: OSI Approved :: BSD License'], { declaredLicense: 'BSD License' }],
    [
      ['Classifier: License :: OSI Approved :: MIT License'],
      { license: 'MIT', declaredLicense: 'MIT License' },
    ],
    [['License: see the file', 'Classifier: Topic :: Other'], { declaredLicense: 'see the file' }],
    [[], {}],
  ])('%j', (lines, licence) => {
    const { native: _native, ...rest } = describe(parse(...lines));
    expect(rest).toEqual(licence);
  });

  it('leave out what is too long', () => {
    const long = 'x'.repeat(3000);
    const found = describe(
      parse(`Home-page: https://${long}`, `Requires-Dist: a (==${long})`, `Author: ${long}`),
    );
    expect(found).toEqual({ native: { metadataVersion: '2.1' } });
  });

  it('are made of long lines in no time', () => {
    const started = performance.now();
    const metadata = parse(`Classifier: License :: ${'a :: '.repeat(60_000)}`, ' b');
    expect(describe(metadata)).toEqual({ native: { metadataVersion: '2.1' } });
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
