import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSnapshots } from '../../src/application/snapshots.ts';
import { createStreams } from '../../src/application/streams.ts';
import { isRefusal } from '../../src/domain/errors.ts';
import { tag, tagStream } from '../../src/domain/tag/tag.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import type { EventLog } from '../../src/eventlog/port.ts';
import type { SnapshotStore } from '../../src/snapshots/port.ts';
import { type Case, cases } from '../domain/commands.ts';
import { META } from './support.ts';

const NAME = { repositoryId: 'r1', package: 'app', tag: 'latest' };
const STREAM = tagStream(NAME);
const assign = (version: string) => ({
  kind: 'AssignTag' as const,
  ...NAME,
  version,
  incarnation: `i-${version}`,
  immutable: false,
});
let command = 0;
const meta = () => ({ ...META, commandId: `command-${++command}` });

function memoryStore(): SnapshotStore & { readonly kept: Map<string, Uint8Array> } {
  const kept = new Map<string, Uint8Array>();
  return {
    kept,
    load: async stream => kept.get(stream),
    save: async (stream, bytes) => void kept.set(stream, bytes),
  };
}

/** Streams of a process that has just started. */
function started(log: EventLog, store: SnapshotStore, { code = 'code-1', every = 4 } = {}) {
  return createStreams(log, { snapshots: createSnapshots({ log, store, code, every }) });
}

/** Which revisions are read from now on. */
function reading(log: EventLog): { log: EventLog; revisions: number[] } {
  const revisions: number[] = [];
  const readStream: EventLog['readStream'] = async (...given) => {
    const events = await log.readStream(...given);
    revisions.push(...events.map(({ revision }) => revision));
    return events;
  };
  return { log: { ...log, readStream }, revisions };
}

async function moved(log: EventLog, store: SnapshotStore, times: number) {
  const streams = started(log, store);
  for (let n = 0; n < times; n++) await streams.execute(tag, STREAM, assign(`v${n}`), meta());
}

const revisionKept = (store: ReturnType<typeof memoryStore>) =>
  JSON.parse(Buffer.from(store.kept.get(STREAM) ?? Buffer.from('{}')).toString()).revision;

describe('snapshots', () => {
  it('let a cold stream be read from the last of them on', async () => {
    const [log, store] = [createMemoryLog(), memoryStore()];
    await moved(log, store, 10);
    expect(revisionKept(store)).toBe(7);
    const watched = reading(log);
    expect(await started(watched.log, store).load(tag, STREAM)).toMatchObject({ version: 'v9' });
    expect(watched.revisions).toEqual([7, 8, 9]);
  });

  it('are not made of short streams', async () => {
    const [log, store] = [createMemoryLog(), memoryStore()];
    await moved(log, store, 3);
    await started(log, store).load(tag, STREAM);
    expect(store.kept.size).toBe(0);
  });

  it('are made when a long stream was folded without', async () => {
    const [log, store] = [createMemoryLog(), memoryStore()];
    await moved(log, memoryStore(), 6);
    await started(log, store).load(tag, STREAM);
    expect(revisionKept(store)).toBe(5);
  });

  it('may be deleted: the same is folded', async () => {
    const [log, store] = [createMemoryLog(), memoryStore()];
    await moved(log, store, 10);
    const before = await started(log, store).load(tag, STREAM);
    store.kept.clear();
    expect(await started(log, store).load(tag, STREAM)).toEqual(before);
  });

  it('hold a command that was decided on one to the true revision', async () => {
    const [log, store] = [createMemoryLog(), memoryStore()];
    await moved(log, store, 9);
    const done = await started(log, store).execute(tag, STREAM, assign('next'), meta());
    expect(done).toMatchObject({ changed: true, state: { version: 'next' } });
    expect((await log.readStream(STREAM)).at(-1)).toMatchObject({
      revision: 9,
      data: { version: 'next', previousVersion: 'v8' },
    });
  });

  /** A log with the same stream, of another id, epoch, or length. */
  async function fromBeginning(log: EventLog, store: SnapshotStore, code?: string): Promise<number[]> {
    const watched = reading(log);
    await started(watched.log, store, code === undefined ? {} : { code }).load(tag, STREAM);
    return watched.revisions;
  }
  const ALL = [0, 1, 2, 3, 4, 5];

  it('of another log, epoch or program are ignored', async () => {
    const [log, store] = [createMemoryLog(), memoryStore()];
    await moved(log, store, 6);
    const [kept = new Uint8Array()] = store.kept.values();
    for (const other of [
      { ...log, logId: 'another' },
      { ...log, epoch: log.epoch + 1 },
    ]) {
      store.kept.set(STREAM, kept);
      expect(await fromBeginning(other, store)).toEqual(ALL);
    }
    store.kept.set(STREAM, kept);
    expect(await fromBeginning(log, store, 'code-2')).toEqual(ALL);
    store.kept.set(STREAM, kept);
    expect(await fromBeginning(log, store)).toEqual([3, 4, 5]);
  });

  it('of another stream are ignored', async () => {
    const [log, store] = [createMemoryLog(), memoryStore()];
    await moved(log, store, 6);
    const [kept = new Uint8Array()] = store.kept.values();
    store.kept.set('tag-r1/app:other', kept);
    expect(await started(log, store).load(tag, 'tag-r1/app:other')).toEqual({ assigned: false });
  });

  it('that are ahead of the log are ignored', async () => {
    const [log, store] = [createMemoryLog(), memoryStore()];
    await moved(log, store, 8);
    const short: EventLog = {
      ...log,
      readStream: async (stream, options) =>
        (await log.readStream(stream, options)).filter(({ revision }) => revision < 6),
    };
    const watched = reading(short);
    expect(await started(watched.log, store).load(tag, STREAM)).toMatchObject({ version: 'v5' });
    expect(watched.revisions).toEqual(ALL);
  });

  it('of a stream that went on another way are ignored', async () => {
    const store = memoryStore();
    await moved(createMemoryLog(), store, 8);
    const [kept = new Uint8Array()] = store.kept.values();
    const other = createMemoryLog();
    const streams = createStreams(other);
    for (let n = 0; n < 8; n++) await streams.execute(tag, STREAM, assign(`w${n}`), meta());
    const { logId, epoch } = JSON.parse(Buffer.from(kept).toString());
    const disguised = { ...other, logId, epoch };
    expect(await started(disguised, store).load(tag, STREAM)).toMatchObject({ version: 'w7' });
  });
});

describe.each(cases)('a stream of $name', ({ aggregate, commands }: Case) => {
  it('folds from a snapshot to what it folds to from its beginning, and is decided on alike', async () => {
    const sequence = fc.array(commands, { minLength: 4, maxLength: 25, size: 'max' });
    await fc.assert(
      fc.asyncProperty(sequence, fc.integer({ min: 1, max: 5 }), commands, async (given, every, next) => {
        const [log, store] = [createMemoryLog(), memoryStore()];
        const writer = started(log, store, { every });
        for (const one of given) await writer.execute(aggregate, 'stream-1', one, meta()).catch(refusal);
        const [warm, cold] = [started(log, store, { every }), createStreams(log)];
        const [fromSnapshot, fromBeginning] = [
          await warm.load(aggregate, 'stream-1'),
          await cold.load(aggregate, 'stream-1'),
        ];
        expect(fromSnapshot).toEqual(fromBeginning);
        const decide = (state: unknown) => {
          try {
            return aggregate.decide(next, state);
          } catch (error) {
            return refusal(error);
          }
        };
        expect(decide(fromSnapshot)).toEqual(decide(fromBeginning));
      }),
      { numRuns: 60 },
    );
  });
});

function refusal(error: unknown): string {
  if (isRefusal(error)) return error.code;
  throw error;
}
