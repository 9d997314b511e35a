import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Core } from '../../src/application/core.ts';
import { expireDownloads } from '../../src/application/expire.ts';
import { createLocalFence } from '../../src/application/fence.ts';
import { toDomainEvent } from '../../src/domain/catalogue.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import { createMemoryEvidence } from '../../src/evidence/memory.ts';
import type { SegmentRow } from '../../src/projections/queries.ts';
import { clock } from './support.ts';

const DAY = 24 * 3_600_000;
const keep = (days: number) => ({ retentionMs: days * DAY });

describe('expiry of download records', () => {
  const time = clock('2026-02-01T00:00:00.000Z');
  let core: Core;
  let rows: SegmentRow[];
  let steps: string[];

  async function sealed(segment: string, text = segment): Promise<string> {
    const evidence = await core.evidence.put(Buffer.from(text));
    const from = `${segment.slice(0, 13)}:00:00.000Z`;
    const to = new Date(Date.parse(from) + 3_600_000).toISOString();
    rows.push({ segment, from, to, records: 1, root: '', evidence, sealedAt: to, expiredAt: null });
    rows.sort((a, b) => (a.segment < b.segment ? -1 : 1));
    return evidence;
  }
  const is = (digest: string) => core.evidence.get(digest).then(bytes => bytes !== undefined);
  const tombstones = async () =>
    (await core.log.readAll()).events.map(event => {
      const { type, data } = toDomainEvent(event);
      if (type !== 'DownloadSegmentExpired') throw new Error(`unexpected ${type}`);
      return data.segment;
    });

  beforeEach(() => {
    rows = [];
    steps = [];
    const log = createMemoryLog();
    const evidence = createMemoryEvidence();
    time.set('2026-02-01T00:00:00.000Z');
    core = {
      log: {
        ...log,
        append: async (...given: Parameters<typeof log.append>) => {
          const done = await log.append(...given);
          steps.push('tombstone');
          const data = given[1][0]?.data;
          rows = rows.map(row => (row.segment === data?.segment ? { ...row, expiredAt: 'now' } : row));
          return done;
        },
      },
      evidence: {
        ...evidence,
        remove: async (digests: readonly string[]) => {
          steps.push('remove');
          await evidence.remove(digests);
        },
      },
      queries: {
        listDownloadSegments: async ({ after = '', limit = 100 } = {}) =>
          rows.filter(({ segment }) => segment > after).slice(0, limit),
      },
      views: { position: () => '0', reached: async () => void steps.push('views') },
      collection: createLocalFence(),
      settings: { producer: 'strongroom test', viewWaitMs: 1 },
      now: time.now,
      newId: randomUUID,
    } as unknown as Core;
  });

  it('removes what ended longer ago than it is kept, and says so in the log first', async () => {
    const old = await sealed('2026-01-01T09_n');
    const young = await sealed('2026-01-02T00_n');
    expect(await expireDownloads(core, keep(30))).toEqual({ expired: 1, gone: 1 });
    expect([await is(old), await is(young)]).toEqual([false, true]);
    expect(await tombstones()).toEqual(['2026-01-01T09_n']);
    expect(steps).toEqual(['views', 'tombstone', 'remove']);
  });

  it.each([
    ['2026-01-02T00:59:59.999Z', 0],
    ['2026-01-02T01:00:00.000Z', 0],
    ['2026-01-02T01:00:00.001Z', 1],
  ])('an hour is kept until its end is a day ago: at %s %i', async (at, expired) => {
    await sealed('2026-01-01T00_n');
    time.set(at);
    expect(await expireDownloads(core, keep(1))).toMatchObject({ expired });
  });

  it('does nothing the second time', async () => {
    await sealed('2026-01-01T09_n');
    await expireDownloads(core, keep(30));
    expect(await expireDownloads(core, keep(30))).toEqual({ expired: 0, gone: 1 });
    expect(await tombstones()).toHaveLength(1);
  });

  it('writes one tombstone, also when the views have not seen it', async () => {
    await sealed('2026-01-01T09_n');
    const before = rows;
    await expireDownloads(core, keep(30));
    rows = before;
    await expireDownloads(core, keep(30));
    expect(await tombstones()).toHaveLength(1);
  });

  it('goes on where a crash ended it: after some tombstones, before the removal', async () => {
    const digests = [await sealed('2026-01-01T08_n'), await sealed('2026-01-01T09_n')];
    const { append } = core.log;
    let appended = 0;
    core.log.append = (...given) =>
      appended++ === 1 ? Promise.reject(new Error('killed')) : append(...given);
    await expect(expireDownloads(core, keep(30))).rejects.toThrow('killed');
    expect(await Promise.all(digests.map(is))).toEqual([true, true]);
    core.log.append = append;
    const { remove } = core.evidence;
    core.evidence.remove = () => Promise.reject(new Error('killed again'));
    await expect(expireDownloads(core, keep(30))).rejects.toThrow('killed again');
    core.evidence.remove = remove;
    expect(await expireDownloads(core, keep(30))).toEqual({ expired: 0, gone: 2 });
    expect(await Promise.all(digests.map(is))).toEqual([false, false]);
    expect(await tombstones()).toHaveLength(2);
  });

  it('keeps what a segment that has not expired names too', async () => {
    const shared = await sealed('2026-01-01T09_n', 'the same');
    await sealed('2026-01-31T09_n', 'the same');
    expect(await expireDownloads(core, keep(30))).toEqual({ expired: 1, gone: 0 });
    expect(await is(shared)).toBe(true);
    time.set('2026-06-01T00:00:00.000Z');
    expect(await expireDownloads(core, keep(30))).toEqual({ expired: 1, gone: 1 });
    expect(await is(shared)).toBe(false);
  });

  it('goes through more than a page', async () => {
    const many = Array.from({ length: 1201 }, (_, n) => `2026-01-01T09_${String(n).padStart(4, '0')}`);
    for (const segment of many) await sealed(segment);
    expect(await expireDownloads(core, keep(30))).toEqual({ expired: 1201, gone: 1201 });
    expect(await core.evidence.list()).toEqual([]);
  });

  it('ends when the process stops, and removes nothing then', async () => {
    const old = await sealed('2026-01-01T09_n');
    await expect(expireDownloads(core, { ...keep(30), signal: AbortSignal.abort() })).rejects.toThrow();
    expect([await is(old), await tombstones()]).toEqual([true, []]);
  });

  it('waits for a backup', async () => {
    await sealed('2026-01-01T09_n');
    let during = -1;
    let expiring: Promise<unknown> = Promise.resolve();
    await core.collection.shared(async () => {
      expiring = expireDownloads(core, keep(30));
      await new Promise(done => setImmediate(done));
      during = steps.length;
    });
    await expiring;
    expect([during, steps.length]).toEqual([0, 3]);
  });
});
