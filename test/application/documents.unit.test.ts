/** Composed documents: built once per change, dropped when what they were made from changes, bounded in memory. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createDocuments } from '../../src/application/documents.ts';
import { createStamps } from '../../src/application/stamps.ts';
import type { DomainEvent } from '../../src/domain/catalogue.ts';

const event = (type: string, data: object) => ({ type, data }) as unknown as DomainEvent;
const changed = (repositoryId: string, name: string) =>
  event('VersionPublished', { repositoryId, package: name, version: '1.0.0' });

function setup(maxBytes?: number) {
  const stamps = createStamps();
  const documents = createDocuments(stamps, maxBytes);
  let builds = 0;
  const get = (name: string | undefined, size = 10) =>
    documents.get({ repositoryId: 'r1', package: name, kind: 'index' }, async () => {
      builds++;
      return `${builds}`.padEnd(size, '.');
    });
  return { stamps, get, builds: () => builds };
}

describe('composed documents', () => {
  it('are built once, also for many who ask at the same time', async () => {
    const { get, builds } = setup();
    const all = await Promise.all([get('a'), get('a'), get('a')]);
    expect(new Set(all).size).toBe(1);
    await get('a');
    expect(builds()).toBe(1);
  });

  it.each<[string, DomainEvent, boolean]>([
    ['a change of the package', changed('r1', 'a'), true],
    ['a change of another package', changed('r1', 'b'), false],
    ['a change in another repository', changed('r2', 'a'), false],
    ['a change of the repository', event('RepositoryVisibilitySet', { repositoryId: 'r1' }), true],
    ['a hold on bytes somewhere', event('SubjectHeld', { subject: 'sha256:x' }), true],
    ['the end of such a hold', event('SubjectHoldLifted', { subject: 'sha256:x' }), true],
    ['a log-in', event('TokenIssued', { principalId: 'p' }), false],
    ['a link', event('BlobLinked', { repositoryId: 'r1' }), false],
  ])('after %s', async (_what, happened, again) => {
    const { get, stamps, builds } = setup();
    await get('a');
    stamps.invalidate([happened]);
    await get('a');
    expect(builds()).toBe(again ? 2 : 1);
  });

  it('of a whole repository change with any package of it', async () => {
    const { get, stamps, builds } = setup();
    await get(undefined);
    stamps.invalidate([changed('r1', 'whatever')]);
    await get(undefined);
    expect(builds()).toBe(2);
  });

  it('that changed while they were built are built again for the next', async () => {
    const stamps = createStamps();
    const documents = createDocuments(stamps);
    const key = { repositoryId: 'r1', package: 'a', kind: 'index' };
    const first = await documents.get(key, async () => {
      stamps.invalidate([changed('r1', 'a')]);
      return 'old';
    });
    expect(Buffer.from(first.bytes).toString()).toBe('old');
    expect(Buffer.from((await documents.get(key, async () => 'new')).bytes).toString()).toBe('new');
  });

  it('are made from fragments of the one before, but not of one that changed while it was built', async () => {
    const stamps = createStamps();
    const documents = createDocuments(stamps);
    const key = { repositoryId: 'r1', package: 'a', kind: 'index' };
    const lacking: boolean[] = [];
    const get = (during = () => {}) =>
      documents.get(key, async composer => {
        const of = { key: '1.0.0', stamp: 'x' };
        lacking.push(composer.lacks(of));
        during();
        composer.fragment(of, () => 'it');
        return composer.finish();
      });
    const change = () => stamps.invalidate([changed('r1', 'a')]);
    await get();
    change();
    await get(change);
    await get();
    change();
    await get();
    stamps.clear();
    const last = await get();
    expect(lacking).toEqual([true, false, true, false, true]);
    expect(Buffer.from(last.bytes).toString()).toBe('it');
  });

  it('that failed are not kept', async () => {
    const documents = createDocuments(createStamps());
    const key = { repositoryId: 'r1', kind: 'index' };
    await expect(documents.get(key, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(Buffer.from((await documents.get(key, async () => 'yes')).bytes).toString()).toBe('yes');
  });

  it('stay within their budget, and the least recently used go first', async () => {
    const { get, builds } = setup(100_000);
    await get('a', 40_000);
    await get('b', 40_000);
    await get('a', 40_000);
    await get('c', 40_000);
    await get('a', 40_000);
    expect(builds()).toBe(3);
    await get('b', 40_000);
    expect(builds()).toBe(4);
  });

  it('are compressed once, and have a tag of their bytes', async () => {
    const { get } = setup();
    const document = await get('a', 5000);
    expect(gunzipSync(await document.gzip())).toEqual(Buffer.from(document.bytes));
    expect(await document.gzip()).toBe(await document.gzip());
    expect(document.etag).toMatch(/^"[0-9a-f]{32}"$/);
  });

  it('of more packages than are remembered count as changed', () => {
    const stamps = createStamps(2);
    const before = stamps.of('r1', 'z');
    stamps.invalidate([changed('r1', 'a'), changed('r1', 'b'), changed('r1', 'c')]);
    expect(stamps.of('r1', 'z')).not.toBe(before);
  });
});
