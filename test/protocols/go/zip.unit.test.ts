/** Module zips by the rules of golang.org/x/mod/zip. */
import { describe, expect, it } from 'vitest';
import type { ReceivedFile } from '../../../src/application/registry.ts';
import { readModuleZip, requirementsIn } from '../../../src/protocols/go/zip.ts';
import { makeZip, type ZipPart } from '../../support/zip-maker.ts';

const received = (zip: Buffer) =>
  ({
    size: zip.length,
    read: async ({ start, end }: { start: number; end: number } = { start: 0, end: zip.length - 1 }) =>
      zip.subarray(start, end + 1),
  }) as unknown as ReceivedFile;
const read = (parts: readonly ZipPart[]) => readModuleZip(received(makeZip(parts)));

const P = 'example.com/acme/lib@v1.0.0';
const MOD = { path: `${P}/go.mod`, content: 'module example.com/acme/lib\n' };

describe('module zips', () => {
  it('are named by their files', async () => {
    const module = await read([
      MOD,
      { path: `${P}/README.md`, content: '# Lib' },
      { path: `${P}/.github/a.yml`, content: 'x' },
    ]);
    expect(module).toMatchObject({ path: 'example.com/acme/lib', version: 'v1.0.0', readme: '# Lib' });
    expect(module.mod.toString()).toBe(MOD.content);
  });

  it('show their licence and the documentation of the package in their root', async () => {
    const doc = '// Package lib is small.\npackage lib\n';
    const parts = [
      MOD,
      { path: `${P}/lib.go`, content: doc },
      { path: `${P}/other.go`, content: 'package lib' },
      { path: `${P}/sub/LICENSE`, content: 'of something else' },
      { path: `${P}/LICENSE.md`, content: 'MIT License' },
    ];
    expect(await read(parts)).toMatchObject({ licence: 'MIT License', doc });
    const more = { path: `${P}/doc.go`, content: '// Package lib has a page.\npackage lib\n' };
    expect(await read([...parts, more])).toMatchObject({ doc: more.content });
    expect(await read([MOD])).toMatchObject({ licence: undefined, doc: undefined });
  });

  it('may have entries for folders, as zip -r writes them, and names that Windows would shorten', async () => {
    const parts = [{ path: `${P}/` }, MOD, { path: `${P}/sub/` }, { path: `${P}/sub/a~1.go` }];
    expect(await read(parts)).toMatchObject({ version: 'v1.0.0' });
  });

  it('need no go.mod', async () => {
    const module = await read([{ path: `${P}/a.go`, content: 'package a' }]);
    expect(module.mod.toString()).toBe('module example.com/acme/lib\n');
  });

  it.each<[string, ZipPart[]]>([
    ['a file elsewhere', [MOD, { path: 'other@v1.0.0/a.go' }]],
    ['a file beside', [MOD, { path: 'example.com/acme/lib@v1.0.1/a.go' }]],
    ['no version', [{ path: 'example.com/acme/lib/a.go' }]],
    ['go.mod below the root', [MOD, { path: `${P}/sub/go.mod`, content: 'module x' }]],
    ['go.mod in capitals', [{ path: `${P}/GO.MOD`, content: 'module x' }]],
    ['another module in go.mod, later', [{ path: `${P}/go.mod`, content: '// x\n module\t"a.b/c" // x' }]],
    ['another module in go.mod', [{ path: `${P}/go.mod`, content: 'module example.com/other' }]],
    ['names that differ in case only', [MOD, { path: `${P}/A.go` }, { path: `${P}/a.go` }]],
    ['folders that differ in case only', [MOD, { path: `${P}/A/x.go` }, { path: `${P}/a/y.go` }]],
    ['letters that some disks take for one', [MOD, { path: `${P}/k` }, { path: `${P}/\u212a` }]],
    [
      'folders that differ in case only, far apart',
      [MOD, { path: `${P}/b/A/x` }, { path: `${P}/b-` }, { path: `${P}/b/a.go` }, { path: `${P}/b/a/z` }],
    ],
    [
      'a file that is a folder, with a name between',
      ['a', 'a.go', 'a/b'].map(path => ({ path: `${P}/${path}` })),
    ],
    ['a file that is a folder', [MOD, { path: `${P}/a` }, { path: `${P}/a/b.go` }]],
    ['a folder that is a file', [MOD, { path: `${P}/a/b.go` }, { path: `${P}/a` }]],
    ['an empty element', [MOD, { path: `${P}/a//b.go` }]],
    ['a dot', [MOD, { path: `${P}/./a.go` }]],
    ['a backslash', [MOD, { path: `${P}/a\\b.go` }]],
    ['an entry for go.mod as a folder in capitals', [MOD, { path: `${P}/GO.MOD/` }]],
    ['a device name', [MOD, { path: `${P}/aux.go` }]],
    ['a colon', [MOD, { path: `${P}/a:b.go` }]],
    ['a link', [MOD, { path: `${P}/link`, content: '/etc/passwd', mode: 0o120777 }]],
    ['traversal', [MOD, { path: `${P}/../../x` }]],
  ])('refuse %s', async (_what, parts) => {
    await expect(read(parts)).rejects.toMatchObject({ code: 'PACKAGE_INVALID' });
  });

  it('refuse what is no zip', async () => {
    await expect(readModuleZip(received(Buffer.from('not a zip')))).rejects.toMatchObject({
      code: 'PACKAGE_INVALID',
    });
  });

  it('are read in no time, whatever is in go.mod', async () => {
    const started = performance.now();
    const content = `${'\n'.repeat(80_000)}x`;
    await expect(read([{ path: `${P}/go.mod`, content }])).resolves.toMatchObject({ version: 'v1.0.0' });
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('are read, however deep their folders are: a table of all folders would not fit in memory', async () => {
    const deep = Array.from({ length: 2000 }, (_, index) => ({
      path: `${P}/x${index}/${'a/'.repeat(1900)}f`,
    }));
    await expect(read(deep)).resolves.toMatchObject({ version: 'v1.0.0' });
  });

  it('say what they require', () => {
    const mod = 'module a.b/c\nrequire x.y/z v1.0.0\nrequire (\n\tq.r/s v2.0.0+incompatible // indirect\n)\n';
    expect(requirementsIn(mod)).toEqual([
      { name: 'x.y/z', requirement: 'v1.0.0', indirect: false },
      { name: 'q.r/s', requirement: 'v2.0.0+incompatible', indirect: true },
    ]);
  });
});
