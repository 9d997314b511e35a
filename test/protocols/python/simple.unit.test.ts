import { expect, it } from 'vitest';
import { createComposer } from '../../../src/application/compose.ts';
import type { Description, OutlinedVersion, PackageOutline } from '../../../src/application/registry.ts';
import { composeProject, FORMS } from '../../../src/protocols/python/simple.ts';

const FILE = {
  ...{ digest: 'sha256:aa', canonical: 'sha256:aa', size: 3, mediaType: 'application/octet-stream' },
  ...{ addedAt: '2026-01-01T00:00:00.000Z', held: undefined },
};
const version = (name: string, stamp: string, held?: string): OutlinedVersion => ({
  ...{ version: name, stamp, publishedAt: FILE.addedAt, publishedBy: 'ada', mediaType: 'x/y' },
  ...{ purl: undefined, deprecated: undefined, yanked: undefined, held },
  files: [
    { ...FILE, name: `lib-${name}.tar.gz`, held },
    { ...FILE, name: `lib-${name}-py3-none-any.whl`, held },
  ],
});
const outline = (...versions: readonly OutlinedVersion[]): PackageOutline => ({
  ...{ name: 'lib', displayName: 'lib', createdAt: FILE.addedAt, tags: new Map(), versions },
});

const REQUIRES = { native: { requiresPython: '>=3.9' } } as unknown as Description;

async function compose(form: 'json' | 'html', of: PackageOutline, composer = createComposer(undefined)) {
  const asked: string[] = [];
  const composed = await composeProject(FORMS[form], {
    ...{ outline: of, composer, base: 'https://example.com/pkg' },
    describe: async versions => {
      asked.push(...versions);
      return new Map(versions.map(name => [name, REQUIRES]));
    },
  });
  return { composed, asked, text: Buffer.from(composed.bytes).toString() };
}

const FIRST = outline(version('1.0', 'a'), version('1.10', 'b'), version('1.9', 'c'));
const NEXT = outline(version('1.0', 'a'), version('1.9', 'd', 'malware'), version('2.0', 'e'));

it.each(['json', 'html'] as const)(
  '%s: what did not change is taken from before, with the same result',
  async form => {
    const first = await compose(form, FIRST);
    expect(first.asked).toEqual(['1.0', '1.9', '1.10']);
    const again = await compose(form, FIRST, createComposer(first.composed));
    expect([again.text, again.asked]).toEqual([first.text, []]);
    const next = await compose(form, NEXT, createComposer(first.composed));
    expect(next.asked).toEqual(['1.9', '2.0']);
    expect(next.text).toBe((await compose(form, NEXT)).text);
    expect(next.text).toContain('on hold: malware');
    expect(next.text).not.toContain('1.10');
    const back = await compose(form, FIRST, createComposer(next.composed));
    expect(back.text).toBe(first.text);
  },
);

it('JSON is what it says, also of no files and of nothing but sidecars', async () => {
  const { text } = await compose('json', FIRST);
  const index = JSON.parse(text);
  expect(index.files.map((file: { filename: string }) => file.filename)).toEqual(
    ['1.0', '1.9', '1.10'].flatMap(name => [`lib-${name}-py3-none-any.whl`, `lib-${name}.tar.gz`]),
  );
  expect(index).toMatchObject({ name: 'lib', versions: ['1.0', '1.9', '1.10'] });
  expect(index.files[0]['requires-python']).toBe('>=3.9');
  const bare = { ...version('0.1', 'z'), files: [] };
  expect(JSON.parse((await compose('json', outline(bare))).text).files).toEqual([]);
  const beside = JSON.parse((await compose('json', outline(bare, version('0.2', 'y')))).text);
  expect([beside.versions, beside.files.length]).toEqual([['0.1', '0.2'], 2]);
});
