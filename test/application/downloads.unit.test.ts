import { beforeEach, describe, expect, it } from 'vitest';
import {
  createDownloadRecorder,
  type DownloadJournal,
  type DownloadRecorder,
  hourOf,
  segmentOf,
} from '../../src/application/downloads.ts';
import { caller, clock, repositoryRow, versionRow } from './support.ts';

const HOUR = '2026-01-01T10';

describe('downloads', () => {
  const time = clock(`${HOUR}:00:00.000Z`);
  let lines: { segment: string; line: Record<string, unknown> }[];
  let broken: boolean;
  let recorder: DownloadRecorder;
  const journal: DownloadJournal = {
    async append(segment, line) {
      if (broken) throw new Error('disk full');
      lines.push({ segment, line: JSON.parse(line) });
    },
    segments: async () => [],
    read: async () => [],
    remove: async () => {},
  };
  const download = (recording: 'each' | 'counted' | 'off', who = 'ada', digest = 'sha256:a') =>
    recorder.record({
      caller: caller(who),
      repository: repositoryRow({ recording }),
      version: versionRow(),
      digest,
    });
  const counts = () => lines.map(({ line }) => line.count);

  beforeEach(() => {
    time.set(`${HOUR}:00:00.000Z`);
    lines = [];
    broken = false;
    recorder = createDownloadRecorder(journal, time.now, 'node-1');
  });

  it('say who took what, from where, by which credential and decision', async () => {
    await recorder.record({
      caller: caller('ada'),
      repository: repositoryRow({ recording: 'each' }),
      version: versionRow(),
      digest: 'sha256:a',
      decision: 'sha256:d',
    });
    expect(lines).toEqual([
      {
        segment: '2026-01-01T10_node-1',
        line: {
          actor: 'ada',
          credential: 'token-of-ada',
          repository: 'r1',
          package: 'app',
          version: '1',
          digest: 'sha256:a',
          decision: 'sha256:d',
          at: '2026-01-01T10:00:00.000Z',
          count: 1,
        },
      },
    ]);
  });

  it('are recorded one by one where each is asked for', async () => {
    for (let n = 0; n < 3; n++) await download('each');
    await recorder.flush();
    expect(counts()).toEqual([1, 1, 1]);
  });

  it('leave nothing where recording is off', async () => {
    await download('off');
    await recorder.flush();
    expect(lines).toEqual([]);
    expect(recorder.unsealed('r1')).toBe(0);
  });

  it('are recorded at first and then counted, for each actor and artifact', async () => {
    for (let n = 0; n < 4; n++) await download('counted');
    await download('counted', 'bob');
    await download('counted', 'ada', 'sha256:b');
    expect(counts()).toEqual([1, 1, 1]);
    await recorder.flush();
    await recorder.flush();
    expect(counts()).toEqual([1, 1, 1, 3]);
    expect(lines.at(-1)?.line).toMatchObject({ actor: 'ada', digest: 'sha256:a' });
  });

  it('begin a new segment with the hour; what was counted goes to its own', async () => {
    for (let n = 0; n < 3; n++) await download('counted');
    time.set('2026-01-01T11:00:00.000Z');
    await download('counted');
    await recorder.flush();
    expect(lines.map(({ segment, line }) => [segment, line.count])).toEqual([
      ['2026-01-01T10_node-1', 1],
      ['2026-01-01T10_node-1', 2],
      ['2026-01-01T11_node-1', 1],
    ]);
  });

  it('fail when the first cannot be recorded, and the next is the first', async () => {
    broken = true;
    await expect(download('counted')).rejects.toThrow('disk full');
    broken = false;
    await download('counted');
    expect(counts()).toEqual([1]);
  });

  it('stay counted while they cannot be written, also over the hour', async () => {
    for (let n = 0; n < 3; n++) await download('counted');
    broken = true;
    await expect(recorder.flush()).rejects.toThrow('disk full');
    broken = false;
    await download('counted');
    time.set('2026-01-01T11:00:00.000Z');
    broken = true;
    await expect(download('counted')).rejects.toThrow('disk full');
    broken = false;
    await recorder.flush();
    expect(lines.map(({ segment, line }) => [segment, line.count])).toEqual([
      ['2026-01-01T10_node-1', 1],
      ['2026-01-01T10_node-1', 3],
    ]);
  });

  it('count what no sealed segment counts yet', async () => {
    for (let n = 0; n < 3; n++) await download('counted');
    time.set('2026-01-01T11:00:00.000Z');
    await download('each');
    expect([recorder.unsealed('r1'), recorder.unsealed('r2')]).toEqual([4, 0]);
    recorder.sealed('2026-01-01T10_node-1');
    expect(recorder.unsealed('r1')).toBe(1);
  });

  it('name hours so that they order as text', () => {
    expect(hourOf(new Date('2026-01-01T10:59:59.999Z'))).toBe(HOUR);
    expect(segmentOf(HOUR, 'a') < segmentOf('2026-01-01T11', 'a')).toBe(true);
  });
});
