import { describe, expect, it } from 'vitest';
import type { ListedFile, ListedVersion, PackageListing } from '../../../src/application/registry.ts';
import { fileOfLiteral } from '../../../src/protocols/maven/listing.ts';
import {
  artifactMetadata,
  groupMetadata,
  pluginOf,
  snapshotMetadata,
  withPlugins,
} from '../../../src/protocols/maven/metadata.ts';
import { parseXml } from '../../../src/protocols/shared/xml.ts';

const instant = (minute: number) => `2026-01-31T12:${String(minute).padStart(2, '0')}:00.000Z`;

/** `name@minute`, `!` in front: held. */
function file(text: string): ListedFile {
  const [, held, name = '', minute = '0'] = /^(!?)([^@]+)(?:@(\d+))?$/.exec(text) ?? [];
  const canonical = `sha256:${'0'.repeat(64)}`;
  return {
    ...{ name, digest: canonical, canonical, size: 1, mediaType: 'x/y', addedAt: instant(Number(minute)) },
    ...(/\.asc$/.test(name) ? { of: name.replace(/\.asc$/, '') } : {}),
    held: held ? 'why' : undefined,
  };
}

function version(name: string, files: string[], more: Partial<ListedVersion> = {}): ListedVersion {
  const listed = files.map(file);
  const principal = listed.filter(({ of }) => of === undefined);
  return {
    ...{ version: name, stamp: '', publishedAt: instant(0), publishedBy: 'p', mediaType: 'x/y' },
    purl: undefined,
    files: listed,
    held: principal.every(({ held }) => held !== undefined) ? 'why' : undefined,
    ...{ deprecated: undefined, yanked: undefined, description: undefined },
    ...more,
  };
}

const release = (name: string, more: Partial<ListedVersion> = {}) =>
  version(name, [`lib-${name}.jar`, `lib-${name}.pom`], more);

const listing = (...versions: ListedVersion[]): PackageListing => ({
  ...{ name: 'com.acme:lib', displayName: 'com.acme:lib', createdAt: instant(0), versions },
  tags: new Map(),
});

const native = (fields: Record<string, string | boolean>) => ({ description: { native: fields } });

function read(metadata: string | undefined) {
  const root = parseXml(Buffer.from(metadata ?? '<none/>'));
  const versioning = root.child('versioning');
  return {
    latest: versioning?.textOf('latest'),
    release: versioning?.textOf('release'),
    updated: versioning?.textOf('lastUpdated'),
    versions: versioning?.child('versions')?.children.map(({ text }) => text),
    build: versioning?.child('snapshot')?.textOf('buildNumber'),
    values: versioning
      ?.child('snapshotVersions')
      ?.children.map(one => [one.textOf('classifier'), one.textOf('extension'), one.textOf('value')]),
  };
}

describe('metadata of an artifact', () => {
  it('lists versions in their order; latest may be a snapshot, release may not', () => {
    const snapshot = version('2.0-SNAPSHOT', [
      'lib-2.0-20260131.120000-1.jar@7',
      'lib-2.0-20260131.120000-1.pom@8',
    ]);
    const metadata = artifactMetadata(listing(release('1.10'), release('1.9'), snapshot, release('1.0-rc1')));
    expect(read(metadata)).toMatchObject({
      latest: '2.0-SNAPSHOT',
      release: '1.10',
      versions: ['1.0-rc1', '1.9', '1.10', '2.0-SNAPSHOT'],
      updated: '20260131120800',
    });
  });

  it('has no release among snapshots, and is absent when nothing is on offer', () => {
    const snapshot = version('1-SNAPSHOT', ['lib-1-SNAPSHOT.jar', 'lib-1-SNAPSHOT.pom']);
    expect(read(artifactMetadata(listing(snapshot))).release).toBeUndefined();
    expect(artifactMetadata(listing())).toBeUndefined();
    expect(artifactMetadata(listing(release('1', { held: 'why' })))).toBeUndefined();
  });

  it.each([
    ['is held', release('2', { held: 'why' })],
    ['is yanked', release('2', { yanked: '' })],
    ['has a held artifact', version('2', ['!lib-2.jar', 'lib-2.pom'])],
    ['has a held pom', version('2', ['lib-2.jar', '!lib-2.pom'])],
    ['has no pom yet', version('2', ['lib-2.jar'])],
    ['has only its pom yet', version('2', ['lib-2.pom', 'lib-2.pom.asc'])],
    [
      'has only held builds',
      version('2-SNAPSHOT', ['!lib-2-20260131.120000-1.jar', 'lib-2-20260131.120000-1.pom']),
    ],
  ])('leaves out a version that %s', (_why, left) => {
    expect(read(artifactMetadata(listing(release('1'), left))).versions).toEqual(['1']);
  });

  it.each([
    ['a held javadoc', version('2', ['lib-2.jar', 'lib-2.pom', '!lib-2-javadoc.jar'])],
    ['a pom alone that says it is one', version('2', ['lib-2.pom'], native({ packaging: 'pom' }))],
    [
      'a pom that points elsewhere',
      version('2', ['lib-2.pom'], native({ packaging: 'jar', relocated: true })),
    ],
    ['advice against it', release('2', { deprecated: 'old' })],
  ])('keeps a version with %s', (_why, kept) => {
    expect(read(artifactMetadata(listing(release('1'), kept))).versions).toEqual(['1', '2']);
  });

  it('lists versions without poms where no version has one', () => {
    const metadata = artifactMetadata(listing(version('1', ['lib-1.zip']), version('2', ['lib-2.zip'])));
    expect(read(metadata).versions).toEqual(['1', '2']);
  });
});

describe('metadata of a snapshot', () => {
  const at = (number: number) => `1-20260131.12000${number}-${number}`;
  const build = (number: number, held = '') => [
    `${held}lib-${at(number)}.jar@${number}`,
    `lib-${at(number)}.pom@${number}`,
  ];
  const of = (...files: string[]) => {
    const one = version('1-SNAPSHOT', files);
    return read(snapshotMetadata(listing(one), one));
  };

  it('names the newest build, and the newest of each of its files', () => {
    const found = of(...build(1), `lib-${at(1)}-sources.jar@1`, ...build(2));
    expect(found.build).toBe('2');
    expect(found.values).toEqual([
      [undefined, 'jar', at(2)],
      [undefined, 'pom', at(2)],
      ['sources', 'jar', at(1)],
    ]);
  });

  it('compares builds as they came, and those that came at once by their names: 10 after 9', () => {
    expect(of(...build(2), ...build(1)).build).toBe('2');
    const nine = ['lib-1-20260131.120000-9.jar', 'lib-1-20260131.120000-9.pom'];
    const ten = ['lib-1-20260131.120000-10.jar', 'lib-1-20260131.120000-10.pom'];
    expect(of(...ten, ...nine).build).toBe('10');
  });

  it('steps back from a held build, and from one that is still coming', () => {
    expect(of(...build(1), ...build(2, '!')).build).toBe('1');
    expect(of(...build(1), `lib-${at(2)}.jar@2`).build).toBe('1');
    expect(of(...build(1), `lib-${at(2)}.pom@2`).build).toBe('1');
    expect(of(...build(1, '!')).build).toBeUndefined();
  });

  it('knows snapshots under their literal names', () => {
    const found = of('lib-1-SNAPSHOT.jar', 'lib-1-SNAPSHOT.pom');
    expect(found.build).toBeUndefined();
    expect(found.values?.[0]).toEqual([undefined, 'jar', '1-SNAPSHOT']);
  });

  it('gives the newest build for a literal name; a held one only when there is no other', () => {
    const jar = { classifier: undefined, extension: 'jar' };
    const literal = (...files: string[]) => fileOfLiteral('com.acme:lib', version('1-SNAPSHOT', files), jar);
    expect(literal(...build(1), ...build(2))).toBe(`lib-${at(2)}.jar`);
    expect(literal(...build(1), ...build(2, '!'))).toBe(`lib-${at(1)}.jar`);
    expect(literal(...build(1, '!'))).toBe(`lib-${at(1)}.jar`);
    expect(literal(`lib-${at(1)}.pom`)).toBeUndefined();
    expect(fileOfLiteral('com.acme:lib', release('1'), jar)).toBeUndefined();
  });
});

describe('plugins of a group', () => {
  const plugin = (name: string, fields: Record<string, string>) =>
    pluginOf({
      ...listing(
        version('1', [`${name}-1.jar`, `${name}-1.pom`], native({ packaging: 'maven-plugin', ...fields })),
      ),
      name: `com.acme:${name}`,
    });

  it.each([
    ['x-maven-plugin', 'x'],
    ['maven-x-plugin', 'x'],
    ['maven-plugin-plugin', 'plugin'],
    ['my-tool', 'my-tool'],
  ])('%s is called %s', (artifact, prefix) => {
    expect(plugin(artifact, {})).toEqual({ artifact, prefix, name: artifact });
  });

  it('are called what their poms say', () => {
    expect(plugin('x-maven-plugin', { goalPrefix: 'greet', name: 'Greetings' })).toEqual({
      ...{ artifact: 'x-maven-plugin', prefix: 'greet', name: 'Greetings' },
    });
    expect(pluginOf(listing(release('1')))).toBeUndefined();
  });

  it('are listed for themselves, and beside the versions of an artifact of the same folder', () => {
    const all = [{ artifact: 'x-maven-plugin', prefix: 'x', name: "<X> & $`co$& $'" }];
    const alone = parseXml(Buffer.from(groupMetadata(all)));
    expect(alone.child('plugins')?.child('plugin')?.textOf('name')).toBe(all[0]?.name);
    const both = withPlugins(artifactMetadata(listing(release('1'))) ?? '', all);
    expect(read(both).versions).toEqual(['1']);
    const shown = parseXml(Buffer.from(both)).child('plugins')?.child('plugin');
    expect([shown?.textOf('prefix'), shown?.textOf('name')]).toEqual(['x', all[0]?.name]);
  });
});
