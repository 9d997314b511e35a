import { describe, expect, it } from 'vitest';
import { createHotCache } from '../../src/application/cache.ts';
import type { AnyEvent } from '../../src/domain/catalogue.ts';
import { recorded } from './support.ts';

const deleted = (repositoryId: string): AnyEvent => ({
  type: 'VersionDeleted',
  data: { repositoryId, package: 'app', version: '1', incarnation: 'i-1' },
});
const linked: AnyEvent = {
  type: 'BlobLinked',
  data: {
    repositoryId: 'r1',
    canonical: `sha256:${'a'.repeat(64)}`,
    size: 1,
    via: 'upload',
    leaseUntil: '2026-01-01T00:00:00.000Z',
  },
};

/** A query that counts how often it was asked. */
function query<T>(answer: (asked: number) => T | Promise<T>) {
  let asked = 0;
  return { load: async () => answer(++asked), asked: () => asked };
}

describe('the hot cache', () => {
  it('asks once for callers that wait and for those that come later', async () => {
    const cache = createHotCache();
    const { load, asked } = query(count => count);
    const answers = await Promise.all([cache.get('r1', 'k', load), cache.get('r1', 'k', load)]);
    expect([...answers, await cache.get('r1', 'k', load)]).toEqual([1, 1, 1]);
    expect(asked()).toBe(1);
  });

  it('keeps groups and keys apart', async () => {
    const cache = createHotCache();
    const get = (group: string, key: string) => cache.get(group, key, async () => `${group} ${key}`);
    expect(await get('r1', 'a')).toBe('r1 a');
    expect(await get('r1', 'b')).toBe('r1 b');
    expect(await get('r2', 'a')).toBe('r2 a');
  });

  it('keeps no failure', async () => {
    const cache = createHotCache();
    const { load } = query(count => {
      if (count === 1) throw new Error('no database');
      return count;
    });
    await expect(cache.get('r1', 'k', load)).rejects.toThrow('no database');
    expect(await cache.get('r1', 'k', load)).toBe(2);
  });

  it('does not keep a load that began before an invalidation', async () => {
    const cache = createHotCache();
    const { promise, resolve } = Promise.withResolvers<string>();
    const before = cache.get('r1', 'k', () => promise);
    cache.invalidate([recorded(deleted('r1'))]);
    const after = cache.get('r1', 'k', async () => 'new');
    resolve('old');
    expect(await before).toBe('old');
    expect(await after).toBe('new');
    expect(await cache.get('r1', 'k', async () => 'asked again')).toBe('new');
  });

  it('does not let a failed old load drop what was loaded after the invalidation', async () => {
    const cache = createHotCache();
    const { promise, reject } = Promise.withResolvers<string>();
    const before = cache.get('r1', 'k', () => promise);
    cache.invalidate([recorded(deleted('r1'))]);
    await cache.get('r1', 'k', async () => 'new');
    reject(new Error('too old'));
    await expect(before).rejects.toThrow('too old');
    expect(await cache.get('r1', 'k', async () => 'asked again')).toBe('new');
  });

  it.each<[string, AnyEvent, readonly string[]]>([
    ['an event of a repository drops that repository', deleted('r1'), ['r1']],
    ['a link drops nothing', linked, []],
    [
      'a changed setting drops the repository and what is everywhere',
      { type: 'RepositoryVisibilitySet', data: { repositoryId: 'r1', visibility: 'public' } },
      ['r1', 'global'],
    ],
    [
      'a role drops what is everywhere',
      {
        type: 'RoleRevoked',
        data: { scope: { kind: 'repository', id: 'r1' }, principalId: 'ada', role: 'viewer' },
      },
      ['global'],
    ],
    [
      'a hold on bytes drops what is everywhere',
      {
        type: 'SubjectHeld',
        data: { subject: `sha256:${'a'.repeat(64)}`, holdId: 'h1', kind: 'scan', reason: 'sealed' },
      },
      ['global'],
    ],
  ])('%s', async (_name, event, dropped) => {
    const cache = createHotCache();
    const groups = ['r1', 'r2', 'global'];
    for (const group of groups) await cache.get(group, 'k', async () => 'old');
    cache.invalidate([recorded(event)]);
    const fresh: string[] = [];
    for (const group of groups)
      if ((await cache.get(group, 'k', async () => 'new')) === 'new') fresh.push(group);
    expect(fresh.sort()).toEqual([...dropped].sort());
  });

  it('forgets everything when it is cleared', async () => {
    const cache = createHotCache();
    await cache.get('r1', 'k', async () => 'old');
    cache.clear();
    expect(await cache.get('r1', 'k', async () => 'new')).toBe('new');
  });

  it('lets the group go that was used least recently', async () => {
    const cache = createHotCache(2);
    const get = (group: string, value: string) => cache.get(group, 'k', async () => value);
    await get('r1', 'old');
    await get('r2', 'old');
    await get('r1', 'used again');
    await get('r3', 'old');
    expect(await get('r1', 'new')).toBe('old');
    expect(await get('r2', 'new')).toBe('new');
  });

  it('bounds the entries of a group', async () => {
    const cache = createHotCache(2, 2);
    for (const key of ['a', 'b', 'c']) await cache.get('r1', key, async () => 'old');
    expect(await cache.get('r1', 'c', async () => 'new')).toBe('old');
    expect(await cache.get('r1', 'a', async () => 'new')).toBe('new');
  });
});
