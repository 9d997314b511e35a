import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Core } from '../../src/application/core.ts';
import type { DownloadJournal } from '../../src/application/downloads.ts';
import { merkleRoot, sealDownloads } from '../../src/application/seal.ts';
import { toDomainEvent } from '../../src/domain/catalogue.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import { createMemoryEvidence } from '../../src/evidence/memory.ts';
import { clock } from './support.ts';

const MINE = '2026-01-01T10_mine';
const OTHERS = '2026-01-01T10_other';
const line = (repository: string, count: number) => JSON.stringify({ repository, count });

describe('sealing downloads', () => {
  const time = clock('2026-01-01T10:30:00.000Z');
  let segments: Map<string, string[]>;
  let sealedSegments: string[];
  let flushes: number;
  let core: Core;
  const journal: DownloadJournal = {
    append: async () => {},
    segments: async () => [...segments.keys()].sort(),
    read: async segment => segments.get(segment) ?? [],
    remove: async segment => void segments.delete(segment),
  };
  const events = async () =>
    (await core.log.readAll()).events.map(event => {
      const { type, data, stream, meta } = toDomainEvent(event);
      if (type !== 'DownloadSegmentSealed') throw new Error(`unexpected ${type}`);
      return { data, stream, meta };
    });
  const sealAt = (at: string) => {
    time.set(at);
    return sealDownloads(core, journal, 'mine');
  };

  beforeEach(() => {
    segments = new Map([[MINE, [line('r2', 3), line('r1', 1), line('r1', 4)]]]);
    sealedSegments = [];
    flushes = 0;
    core = {
      log: createMemoryLog(),
      evidence: createMemoryEvidence(),
      views: { position: () => '0' },
      downloads: {
        flush: async () => void flushes++,
        sealed: (segment: string) => void sealedSegments.push(segment),
      },
      settings: { producer: 'strongroom test' },
      now: time.now,
      newId: randomUUID,
    } as unknown as Core;
  });

  it('makes an hour one piece of evidence, and its count and root an event', async () => {
    expect(await sealAt('2026-01-01T11:05:00.000Z')).toBe(1);
    const lines = [line('r1', 1), line('r1', 4), line('r2', 3)];
    const [{ data, stream, meta } = expect.fail('no event')] = await events();
    expect(data).toMatchObject({
      segment: MINE,
      from: '2026-01-01T10:00:00.000Z',
      to: '2026-01-01T11:00:00.000Z',
      records: 3,
      root: merkleRoot(lines),
      downloads: [
        { repositoryId: 'r1', count: 5 },
        { repositoryId: 'r2', count: 3 },
      ],
    });
    expect([stream, meta.actor]).toEqual(['downloads-2026', 'system']);
    expect(Buffer.from((await core.evidence.get(data.evidence)) ?? []).toString()).toBe(lines.join('\n'));
    expect([segments.size, sealedSegments, flushes]).toEqual([0, [MINE], 1]);
  });

  it.each([
    ['while it lasts', '2026-01-01T10:59:59.999Z', MINE, 0],
    ['while its last records may be on their way', '2026-01-01T11:00:29.000Z', MINE, 0],
    ['soon after its end', '2026-01-01T11:00:31.000Z', MINE, 1],
    ['of another process in the next hour', '2026-01-01T11:59:00.000Z', OTHERS, 0],
    ['of another process an hour later', '2026-01-01T12:00:00.000Z', OTHERS, 1],
  ])('decides on an hour %s', async (_name, at, segment, sealed) => {
    segments = new Map([[segment, [line('r1', 1)]]]);
    expect(await sealAt(at)).toBe(sealed);
    expect(segments.has(segment)).toBe(sealed === 0);
  });

  it('changes nothing when a crash lets it seal the same lines again', async () => {
    const lines = [...(segments.get(MINE) ?? [])];
    await sealAt('2026-01-01T11:05:00.000Z');
    segments.set(MINE, lines.reverse());
    await sealAt('2026-01-01T11:06:00.000Z');
    expect(await events()).toHaveLength(1);
    expect(segments.size).toBe(0);
  });

  it('removes a segment without records, without an event', async () => {
    segments = new Map([[MINE, []]]);
    await sealAt('2026-01-01T11:05:00.000Z');
    expect([await events(), segments.size]).toEqual([[], 0]);
  });

  it('keeps a segment that could not be sealed', async () => {
    const { append } = core.log;
    core.log.append = () => Promise.reject(new Error('log away'));
    await expect(sealAt('2026-01-01T11:05:00.000Z')).rejects.toThrow('log away');
    expect([segments.size, sealedSegments]).toEqual([1, []]);
    core.log.append = append;
    expect(await sealAt('2026-01-01T11:06:00.000Z')).toBe(1);
  });

  it('spreads very many repositories over events that together count each once', async () => {
    segments = new Map([[MINE, Array.from({ length: 1201 }, (_, n) => line(`r${n}`, 2))]]);
    await sealAt('2026-01-01T11:05:00.000Z');
    const all = (await events()).map(({ data }) => data);
    expect(all.map(({ segment, records }) => [segment, records])).toEqual([
      [MINE, 1201],
      [`${MINE}/1`, 0],
      [`${MINE}/2`, 0],
    ]);
    const counted = all.flatMap(({ downloads }) => downloads);
    expect(new Set(counted.map(({ repositoryId }) => repositoryId)).size).toBe(1201);
    expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(2402);
  });
});
