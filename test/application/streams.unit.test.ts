import { describe, expect, it } from 'vitest';
import { createStreams, derivedId } from '../../src/application/streams.ts';
import { isRefusal, refuse } from '../../src/domain/errors.ts';
import { repository } from '../../src/domain/repository/repository.ts';
import { tag, tagStream } from '../../src/domain/tag/tag.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import type { EventLog } from '../../src/eventlog/port.ts';
import { META } from './support.ts';

const NAME = { repositoryId: 'r1', package: 'app', tag: 'latest' };
const STREAM = tagStream(NAME);
const assign = (version: string, immutable = false) => ({
  kind: 'AssignTag' as const,
  ...NAME,
  version,
  incarnation: `i-${version}`,
  immutable,
});
const remove = { kind: 'RemoveTag' as const, ...NAME, immutable: false };
let command = 0;
const meta = (commandId = `command-${++command}`) => ({ ...META, commandId });

/** Counts what is asked of a log. */
function watched(log: EventLog) {
  const calls = { append: 0, readStream: 0 };
  const counting: EventLog = {
    ...log,
    append: (...given) => {
      calls.append++;
      return log.append(...given);
    },
    readStream: (...given) => {
      calls.readStream++;
      return log.readStream(...given);
    },
  };
  return { log: counting, calls };
}

describe('streams', () => {
  it('append what is decided, with the version of its type, and give the state that follows', async () => {
    const log = createMemoryLog();
    const outcome = await createStreams(log).execute(tag, STREAM, assign('1'), meta());
    expect(outcome).toMatchObject({ changed: true, state: { assigned: true, version: '1' } });
    const [event] = await log.readStream(STREAM);
    expect(event).toMatchObject({ type: 'TagAssigned', version: 1, revision: 0, meta: { actor: 'ada' } });
    expect(outcome.position).toBe(event?.position);
  });

  it('say that nothing changed, and where the views must be to see it', async () => {
    const log = createMemoryLog();
    const streams = createStreams(log);
    await streams.execute(tag, STREAM, assign('1'), meta());
    const again = await streams.execute(tag, STREAM, assign('1'), meta());
    expect(again).toMatchObject({ changed: false, position: await log.head(), state: { version: '1' } });
    expect(await log.readStream(STREAM)).toHaveLength(1);
  });

  it('write A → B → A as three changes', async () => {
    const log = createMemoryLog();
    const streams = createStreams(log);
    for (const version of ['a', 'b', 'a']) await streams.execute(tag, STREAM, assign(version), meta());
    const versions = (await log.readStream(STREAM)).map(({ data }) => data.version);
    expect(versions).toEqual(['a', 'b', 'a']);
  });

  it('do not read again what they remember', async () => {
    const { log, calls } = watched(createMemoryLog());
    const streams = createStreams(log);
    await streams.execute(tag, STREAM, assign('1'), meta());
    const read = calls.readStream;
    await streams.execute(tag, STREAM, assign('2'), meta());
    expect(calls.readStream).toBe(read);
  });

  it('decide a conflict again on what another process wrote', async () => {
    const log = createMemoryLog();
    const [here, there] = [createStreams(log), createStreams(log)];
    await here.execute(tag, STREAM, assign('1'), meta());
    await there.execute(tag, STREAM, assign('2'), meta());
    await here.execute(tag, STREAM, assign('3'), meta());
    const events = await log.readStream(STREAM);
    expect(events.map(({ data }) => [data.version, data.previousVersion])).toEqual([
      ['1', undefined],
      ['2', '1'],
      ['3', '2'],
    ]);
  });

  it('do not take "nothing to do" from a stale state', async () => {
    const log = createMemoryLog();
    const [here, there] = [createStreams(log), createStreams(log)];
    await here.execute(tag, STREAM, assign('1'), meta());
    await there.execute(tag, STREAM, assign('2'), meta());
    const back = await here.execute(tag, STREAM, assign('1'), meta());
    expect(back).toMatchObject({ changed: true, state: { version: '1' } });
  });

  it('do not take a refusal from a stale state', async () => {
    const log = createMemoryLog();
    const [here, there] = [createStreams(log), createStreams(log)];
    await here.execute(tag, STREAM, assign('1'), meta());
    await there.execute(tag, STREAM, assign('2'), meta());
    const kept = await here.execute(tag, STREAM, assign('2', true), meta());
    expect(kept).toMatchObject({ changed: false, state: { version: '2' } });
    const moved = here.execute(tag, STREAM, assign('3', true), meta());
    await expect(moved).rejects.toSatisfy(error => isRefusal(error, 'TAG_IMMUTABLE'));
  });

  it('write a repeated command once, and give the state of today', async () => {
    const log = createMemoryLog();
    const streams = createStreams(log);
    const once = meta('command-x');
    const first = await streams.execute(tag, STREAM, assign('1'), once);
    await streams.execute(tag, STREAM, assign('2'), meta());
    const again = await streams.execute(tag, STREAM, assign('1'), once);
    expect(again).toMatchObject({ changed: false, position: first.position, state: { version: '2' } });
    const restarted = await createStreams(log).execute(tag, STREAM, assign('1'), once);
    expect(restarted).toMatchObject({ changed: false, state: { version: '2' } });
    expect(await log.readStream(STREAM)).toHaveLength(2);
  });

  it('let one command change several streams', async () => {
    const log = createMemoryLog();
    const streams = createStreams(log);
    const once = meta('command-y');
    const set = { kind: 'SetVisibility' as const, repositoryId: 'r1', visibility: 'public' as const };
    await streams.execute(repository, 'repository-r1', set, once);
    const other = await streams.execute(repository, 'repository-r2', { ...set, repositoryId: 'r2' }, once);
    expect(other.changed).toBe(true);
  });

  it('settle many at once on one stream', async () => {
    const log = createMemoryLog();
    const processes = [createStreams(log), createStreams(log), createStreams(log)];
    const versions = Array.from({ length: 12 }, (_, index) => `v${index}`);
    await Promise.all(
      versions.map((version, index) =>
        processes[index % 3]!.execute(tag, STREAM, assign(version), meta(`race-${version}`)),
      ),
    );
    const events = await log.readStream(STREAM);
    expect(events.map(({ data }) => data.version).sort()).toEqual([...versions].sort());
    for (const [index, { data }] of events.entries())
      expect(data.previousVersion).toBe(events[index - 1]?.data.version);
  });

  it('give up on a stream that never rests', async () => {
    const inner = createMemoryLog();
    const other = createStreams(inner);
    let turn = 0;
    const restless: EventLog = {
      ...inner,
      async append(stream, events, options) {
        await other.execute(tag, STREAM, assign(`other-${turn++}`), meta());
        return inner.append(stream, events, options);
      },
    };
    const failing = createStreams(restless).execute(tag, STREAM, assign('mine'), meta());
    await expect(failing).rejects.toSatisfy(error => isRefusal(error, 'CONCURRENT_CHANGE'));
    expect((await inner.readStream(STREAM)).map(({ data }) => data.version)).not.toContain('mine');
  });

  it('pass on that the log is away, and remember nothing that was not written', async () => {
    const inner = createMemoryLog();
    let away = true;
    const log: EventLog = {
      ...inner,
      append: (...given) => (away ? Promise.reject(refuse('LOG_UNAVAILABLE')) : inner.append(...given)),
    };
    const streams = createStreams(log);
    const failing = streams.execute(tag, STREAM, assign('1'), meta());
    await expect(failing).rejects.toSatisfy(error => isRefusal(error, 'LOG_UNAVAILABLE'));
    away = false;
    expect(await streams.load(tag, STREAM)).toEqual({ assigned: false });
    expect(await streams.execute(tag, STREAM, remove, meta())).toMatchObject({ changed: false });
  });

  it('fold a stream that is longer than a page, from where they know it', async () => {
    const log = createMemoryLog();
    const writer = createStreams(log);
    for (let n = 0; n < 1001; n++) await writer.execute(tag, STREAM, assign(`v${n}`), meta());
    const { log: counting, calls } = watched(log);
    const reader = createStreams(counting);
    expect(await reader.load(tag, STREAM)).toMatchObject({ version: 'v1000' });
    expect(calls.readStream).toBe(2);
  });

  it('remember a bounded number of streams', async () => {
    const { log, calls } = watched(createMemoryLog());
    const streams = createStreams(log, { maxCached: 1 });
    await streams.execute(tag, STREAM, assign('1'), meta());
    await streams.execute(tag, 'tag-r1/app:other', { ...assign('1'), tag: 'other' }, meta());
    const read = calls.readStream;
    await streams.execute(tag, STREAM, assign('2'), meta());
    expect(calls.readStream).toBe(read + 1);
  });

  it('halt on an event that they do not know', async () => {
    const log = createMemoryLog();
    const event = { id: derivedId('x'), type: 'TagPainted', version: 1, data: {}, meta: META };
    await log.append(STREAM, [event], { expected: 'none' });
    await expect(createStreams(log).load(tag, STREAM)).rejects.toThrow(/TagPainted/);
  });
});

describe('a derived id', () => {
  it('is a UUID of version 8, the same for the same text', () => {
    const ids = Array.from({ length: 200 }, (_, index) => derivedId(`text ${index}`));
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(200);
    expect(derivedId('text 0')).toBe(ids[0]);
  });

  it('never differs from what was written before', () => {
    expect(derivedId('command-1\ntag-r1/app:latest\nAssignTag\n0')).toMatchInlineSnapshot(
      `"5ba5d105-9ef7-814c-9895-6b1476205d20"`,
    );
  });
});
