import { describe, expect, test } from 'vitest';
import { holds } from '../../src/projections/holds/view.ts';
import { linkAliases, links } from '../../src/projections/links/view.ts';
import { packages } from '../../src/projections/packages/view.ts';
import { tags } from '../../src/projections/tags/view.ts';
import { downloadSegments, downloads } from '../../src/projections/usage/view.ts';
import { versionRefs, versions } from '../../src/projections/versions/view.ts';
import { type Given, rowsOf } from './given.ts';
import { sha, sha512 } from './history.ts';

const place = { repositoryId: 'r', package: 'app', version: sha('m') };
const layer = {
  relation: 'layer' as const,
  digest: sha('l'),
  canonical: sha('l'),
  mediaType: 'layer',
  size: 100,
};
const published = (incarnation: string, references = [layer]): Given => ({
  type: 'VersionPublished',
  data: {
    ...place,
    incarnation,
    format: 'oci',
    mediaType: 'manifest',
    files: [{ name: 'manifest', digest: sha('m'), canonical: sha('m'), size: 7, mediaType: 'manifest' }],
    references,
  },
});
const deleted = (incarnation: string): Given => ({ type: 'VersionDeleted', data: { ...place, incarnation } });
const restored = (incarnation: string): Given => ({
  type: 'VersionRestored',
  data: { ...place, incarnation },
});

describe('versions', () => {
  test('a published version is live, and its size counts each digest once', () => {
    const config = { ...layer, relation: 'config' as const, digest: sha('c'), canonical: sha('c'), size: 20 };
    const child = { ...layer, relation: 'child' as const, digest: sha('x'), canonical: sha('x'), size: 5000 };
    const [row] = rowsOf(versions, [published('one', [layer, layer, config as never, child as never])]);
    expect(row).toMatchObject({ ...place, incarnation: 'one', status: 'live', size: 127, deletedAt: null });
    expect(row).toMatchObject({
      publishedAt: '2026-01-01T00:00:01.000Z',
      publishedBy: 'user-0',
      artifactType: null,
    });
  });

  test('deleted keeps the row with its time, restored takes it back', () => {
    const gone = [published('one'), deleted('one')];
    expect(rowsOf(versions, gone)).toMatchObject([
      { status: 'deleted', deletedAt: '2026-01-01T00:00:02.000Z' },
    ]);
    expect(rowsOf(versions, [...gone, restored('one')])).toMatchObject([{ status: 'live', deletedAt: null }]);
  });

  test('published again is another incarnation; events of the one before say nothing about it', () => {
    const rows = rowsOf(versions, [published('one'), deleted('one'), published('two'), deleted('one')]);
    expect(rows).toMatchObject([{ incarnation: 'two', status: 'live' }]);
  });

  test('events about a version that was never published make no row', () => {
    expect(rowsOf(versions, [deleted('one'), restored('one')])).toEqual([]);
  });
});

describe('version references', () => {
  test('own files first, then what is named, by the sha256 where it is known', () => {
    const away = { relation: 'subject' as const, digest: sha512('s'), mediaType: 'manifest', size: 3 };
    const rows = rowsOf(versionRefs, [published('one', [layer, away as never])]);
    expect(rows).toMatchObject([
      { ordinal: 0, relation: 'file', canonical: sha('m'), digest: sha('m'), size: 7 },
      { ordinal: 1, relation: 'layer', canonical: sha('l') },
      { ordinal: 2, relation: 'subject', canonical: sha512('s'), digest: sha512('s') },
    ]);
  });

  test('publishing again with less leaves rows of the incarnation before, which the join leaves out', () => {
    const rows = rowsOf(versionRefs, [published('one', [layer, layer]), published('two', [layer])]);
    expect(rows).toMatchObject([{ incarnation: 'two' }, { incarnation: 'two' }, { incarnation: 'one' }]);
  });
});

describe('tags', () => {
  const tag = { repositoryId: 'r', package: 'app', tag: 'latest', version: sha('m') };
  const assigned = (incarnation: string): Given => ({ type: 'TagAssigned', data: { ...tag, incarnation } });

  test('the last assignment counts', () => {
    const rows = rowsOf(tags, [assigned('one'), assigned('two')]);
    expect(rows).toEqual([
      { ...tag, incarnation: 'two', assignedAt: '2026-01-01T00:00:02.000Z', assignedBy: 'user-0' },
    ]);
  });

  test('a removed tag is gone', () => {
    expect(
      rowsOf(tags, [assigned('one'), { type: 'TagRemoved', data: { ...tag, incarnation: 'one' } }]),
    ).toEqual([]);
  });
});

describe('links', () => {
  const blob = { repositoryId: 'r', canonical: sha('b') };
  const linked = (leaseUntil: string, alias?: string): Given => ({
    type: 'BlobLinked',
    data: { ...blob, size: 5, via: 'upload', leaseUntil, ...(alias !== undefined && { alias }) },
  });
  const unlinked: Given = { type: 'BlobUnlinked', data: { ...blob, cause: 'collection' } };

  test('the last lease counts, and an unlink ends it', () => {
    const twice = [linked('2026-01-02T00:00:00.000Z'), linked('2026-01-03T00:00:00.000Z')];
    expect(rowsOf(links, twice)).toMatchObject([{ ...blob, leaseUntil: '2026-01-03T00:00:00.000Z' }]);
    expect(rowsOf(links, [...twice, unlinked])).toEqual([]);
  });

  test('an alias is kept, also when the blob is linked again without it', () => {
    const events = [linked('2026-01-02T00:00:00.000Z', sha512('b')), linked('2026-01-03T00:00:00.000Z')];
    expect(rowsOf(linkAliases, events)).toEqual([
      { repositoryId: 'r', alias: sha512('b'), canonical: sha('b') },
    ]);
  });
});

describe('holds', () => {
  const held: Given = {
    type: 'VersionHeld',
    data: { ...place, incarnation: 'one', holdId: 'h1', kind: 'manual', reason: 'sealed' },
  };
  const subjectHeld: Given = {
    type: 'SubjectHeld',
    data: { subject: sha('l'), holdId: 'h2', kind: 'scan', reason: 'sealed' },
  };

  test('of places and of subjects', () => {
    expect(rowsOf(holds, [held, subjectHeld])).toMatchObject([
      { targetKind: 'place', ...place, subject: null, holdId: 'h1', kind: 'manual', position: '01' },
      { targetKind: 'subject', repositoryId: null, subject: sha('l'), holdId: 'h2', placedBy: 'user-0' },
    ]);
  });

  test('each is lifted by itself', () => {
    const lifted: Given = {
      type: 'SubjectHoldLifted',
      data: { subject: sha('l'), holdId: 'h2', kind: 'scan' },
    };
    expect(rowsOf(holds, [held, subjectHeld, lifted])).toMatchObject([{ holdId: 'h1' }]);
    const other: Given = {
      type: 'VersionHoldLifted',
      data: { ...place, incarnation: 'one', holdId: 'h9', kind: 'scan' },
    };
    expect(rowsOf(holds, [held, other])).toMatchObject([{ holdId: 'h1' }]);
  });
});

test('packages', () => {
  const data = { repositoryId: 'r', format: 'oci', name: 'app', displayName: 'App' };
  expect(rowsOf(packages, [{ type: 'PackageRegistered', data }])).toMatchObject([
    { repositoryId: 'r', package: 'app', displayName: 'App', createdBy: 'user-0' },
  ]);
});

describe('usage', () => {
  const sealed = (segment: string, hour: number, counts: [string, number][]): Given => ({
    type: 'DownloadSegmentSealed',
    data: {
      segment,
      from: `2026-01-01T0${hour}:00:00.000Z`,
      to: `2026-01-01T0${hour + 1}:00:00.000Z`,
      records: 3,
      root: 'ab',
      evidence: sha(segment),
      downloads: counts.map(([repositoryId, count]) => ({ repositoryId, count })),
    },
  });

  test('downloads add up, also when a segment names a repository twice', () => {
    const rows = rowsOf(downloads, [
      sealed('b', 2, [
        ['r', 2],
        ['r', 3],
        ['s', 1],
      ]),
      sealed('a', 1, [['r', 10]]),
    ]);
    expect(rows).toEqual([
      { repositoryId: 'r', count: 15, countedTo: '2026-01-01T03:00:00.000Z' },
      { repositoryId: 's', count: 1, countedTo: '2026-01-01T03:00:00.000Z' },
    ]);
  });

  test('a segment that expired stays as a tombstone', () => {
    const expired: Given = { type: 'DownloadSegmentExpired', data: { segment: 'a' } };
    expect(rowsOf(downloadSegments, [sealed('a', 1, []), expired])).toMatchObject([
      { segment: 'a', sealedAt: '2026-01-01T00:00:01.000Z', expiredAt: '2026-01-01T00:00:02.000Z' },
    ]);
  });
});
