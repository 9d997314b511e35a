import { describe, expect, it } from 'vitest';
import { createComposer } from '../../../src/application/compose.ts';
import type { Composed, ListedVersion, PackageListing } from '../../../src/application/registry.ts';
import {
  abbreviatedPackument,
  fullPackument,
  holdNotice,
  oneManifest,
  visibleOf,
} from '../../../src/protocols/npm/packument.ts';

const LINKS = { root: 'http://host/pkg/main/npm/npm' };

function version(number: string, more: Partial<ListedVersion> = {}): ListedVersion {
  const canonical = `sha256:${number}`;
  const hashes = { md5: '', sha1: 'aa', sha512: '00ff' };
  const file = {
    name: `widget-${number}.tgz`,
    digest: canonical,
    canonical,
    size: 1,
    mediaType: 'x',
    hashes,
  };
  return {
    version: number,
    stamp: JSON.stringify(more),
    publishedAt: `2026-01-0${number[0]}T00:00:00.000Z`,
    publishedBy: 'p',
    mediaType: 'x',
    purl: undefined,
    files: [{ ...file, addedAt: '', held: more.held }],
    held: undefined,
    deprecated: undefined,
    yanked: undefined,
    description: {
      readme: `sha256:readme-${number}`,
      native: { manifest: { name: 'x', version: 'x', main: 'a.js', dependencies: { b: '1' } } },
    },
    ...more,
  };
}

const listing = (
  versions: readonly ListedVersion[],
  tags: Readonly<Record<string, string>> = {},
): PackageListing => ({
  name: '@acme/widget',
  displayName: '@acme/widget',
  createdAt: '2026-01-01T00:00:00.000Z',
  versions,
  tags: new Map(Object.entries(tags)),
});

const held = { held: 'CVE-1' };

/** Both forms, and whose descriptions were asked for. */
async function packuments(of: PackageListing, before: { full?: Composed; short?: Composed } = {}) {
  const composing = (composed: Composed | undefined) => {
    const asked: string[] = [];
    const describe = async (versions: readonly string[]) => {
      asked.push(...versions);
      return new Map(of.versions.flatMap(one => (one.description ? [[one.version, one.description]] : [])));
    };
    return { outline: of, links: LINKS, composer: createComposer(composed), describe, asked };
  };
  const [long, brief] = [composing(before.full), composing(before.short)];
  const full = await fullPackument(long, async digest => `# ${digest}`);
  const short = await abbreviatedPackument(brief);
  const read = ({ bytes }: Composed) => JSON.parse(Buffer.from(bytes).toString());
  return {
    full: read(full),
    short: read(short),
    composed: { full, short },
    asked: { full: long.asked, short: brief.asked },
  };
}

describe('packuments', () => {
  it('are full, or what installing needs; both with times', async () => {
    const both = listing([version('1.0.0'), version('2.0.0', { deprecated: 'old' })], { latest: '2.0.0' });
    const { full, short } = await packuments(both);
    expect(full).toMatchObject({
      _id: '@acme/widget',
      'dist-tags': { latest: '2.0.0' },
      readme: '# sha256:readme-2.0.0',
      time: {
        created: '2026-01-01T00:00:00.000Z',
        modified: '2026-01-02T00:00:00.000Z',
        '1.0.0': '2026-01-01T00:00:00.000Z',
      },
      versions: {
        '2.0.0': {
          name: '@acme/widget',
          version: '2.0.0',
          main: 'a.js',
          deprecated: 'old',
          dist: {
            tarball: 'http://host/pkg/main/npm/npm/@acme/widget/-/widget-2.0.0.tgz',
            shasum: 'aa',
            integrity: 'sha512-AP8=',
          },
        },
      },
    });
    expect(Object.keys(short)).toEqual(['name', 'modified', 'dist-tags', 'versions', 'time']);
    expect(Object.keys(short.versions['2.0.0'] ?? {})).toEqual([
      'name',
      'version',
      'dependencies',
      'deprecated',
      'dist',
    ]);
  });

  it('take what did not change from the packument before: a new version among a thousand is one fragment', async () => {
    const all = Array.from({ length: 1000 }, (_, at) => version(`1.${at}.0`));
    const first = await packuments(listing(all, { latest: '1.999.0' }));
    expect(first.asked.short).toHaveLength(1000);
    const more = listing([...all, version('2.0.0')], { latest: '2.0.0' });
    const next = await packuments(more, first.composed);
    expect(next.asked).toEqual({ full: ['2.0.0', '2.0.0'], short: ['2.0.0'] });
    const anew = await packuments(more);
    expect([next.full, next.short]).toEqual([anew.full, anew.short]);
    const changed = listing(
      more.versions.map(one =>
        one.version === '1.5.0'
          ? version('1.5.0', { deprecated: 'old' })
          : one.version === '1.6.0'
            ? version('1.6.0', held)
            : one,
      ),
      { latest: '2.0.0' },
    );
    const third = await packuments(changed, next.composed);
    expect(third.asked.short).toEqual(['1.5.0']);
    expect(third.full.versions['1.5.0'].deprecated).toBe('old');
    expect(third.full).toEqual((await packuments(changed)).full);
    expect(third.full.versions).not.toHaveProperty('1.6.0');
  });

  it('sort versions as semver does', () => {
    const mixed = listing(['1.0.0', '1.0.0-rc.1', '10.0.0', '9.0.0'].map(one => version(one)));
    expect(visibleOf(mixed).versions.map(one => one.version)).toEqual([
      '1.0.0-rc.1',
      '1.0.0',
      '9.0.0',
      '10.0.0',
    ]);
  });

  it.each([
    { is: 'the tag, when its version is there', all: '1.0.0 2.0.0', latest: '1.0.0', expected: '1.0.0' },
    {
      is: 'the next lower release when it is held',
      all: '1.0.0 1.1.0 2.0.0! 3.0.0',
      latest: '2.0.0',
      expected: '1.1.0',
    },
    { is: 'no prerelease below it', all: '1.0.0 2.0.0-rc.1 2.0.0!', latest: '2.0.0', expected: '1.0.0' },
    { is: 'a higher release when none is lower', all: '1.0.0! 2.0.0', latest: '1.0.0', expected: '2.0.0' },
    { is: 'the highest release without a tag', all: '1.0.0 2.0.0 3.0.0-rc.1', expected: '2.0.0' },
    { is: 'a prerelease when there is nothing else', all: '1.0.0-rc.1 1.0.0-rc.2', expected: '1.0.0-rc.2' },
  ])('latest is $is', ({ all, latest, expected }) => {
    const versions = all.split(' ').map(one => version(one.replace('!', ''), one.endsWith('!') ? held : {}));
    const tags = latest === undefined ? {} : { latest };
    expect(visibleOf(listing(versions, tags)).tags.latest).toBe(expected);
  });

  it('leave out what is held, its tags and times, and say why when nothing is left', async () => {
    const some = listing([version('1.0.0'), version('2.0.0', held)], { latest: '2.0.0', next: '2.0.0' });
    expect(JSON.stringify(await packuments(some))).not.toContain('2.0.0');
    expect(holdNotice(some)).toBe('@acme/widget@2.0.0 is on hold: CVE-1');
    expect(() => oneManifest(some, LINKS, '2.0.0')).toThrow('CVE-1');
    const none = listing([version('1.0.0', held)]);
    await expect(packuments(none)).rejects.toMatchObject({ code: 'ARTIFACT_HELD' });
  });

  it('show withdrawn versions with the reason, and never as the latest', () => {
    const some = listing([version('1.0.0'), version('2.0.0', { yanked: 'broken' })], { latest: '2.0.0' });
    expect(oneManifest(some, LINKS, '2.0.0').deprecated).toBe('withdrawn: broken');
    expect(visibleOf(some).tags.latest).toBe('1.0.0');
  });

  it('find one version by number or tag', () => {
    const some = listing([version('1.0.0'), version('2.0.0')], { latest: '2.0.0', old: '1.0.0' });
    expect(oneManifest(some, LINKS, 'old').version).toBe('1.0.0');
    expect(oneManifest(some, LINKS, 'v2.0.0').version).toBe('2.0.0');
    for (const absent of ['3.0.0', 'constructor', '__proto__'])
      expect(() => oneManifest(some, LINKS, absent)).toThrow(
        expect.objectContaining({ code: 'VERSION_UNKNOWN' }),
      );
  });

  it('change their revision with everything that clients see, and with nothing else', () => {
    const of = (versions: readonly ListedVersion[], tags = {}) => visibleOf(listing(versions, tags)).revision;
    const seen = [
      of([version('1.0.0')]),
      of([version('1.0.0')], { next: '1.0.0' }),
      of([version('1.0.0', { deprecated: 'x' })]),
      of([version('1.0.0'), version('2.0.0')]),
    ];
    expect(new Set(seen).size).toBe(seen.length);
    expect(of([version('1.0.0')])).toBe(seen[0]);
    expect(of([version('1.0.0'), version('2.0.0', held)])).toBe(seen[0]);
  });
});
