/** Steps that belong together: one commit where what is remembered holds, one after another where it does not. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type Outcomes, type Run, type Step, step } from '../../src/application/stepping.ts';
import { createStreams, type Streams } from '../../src/application/streams.ts';
import { isRefusal, refuse } from '../../src/domain/errors.ts';
import { type TagState, tag, tagStream } from '../../src/domain/tag/tag.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import type { EventLog } from '../../src/eventlog/port.ts';
import { META } from './support.ts';

const nameOf = (name: string) => ({ repositoryId: 'r1', package: 'app', tag: name });
const streamOf = (name: string) => tagStream(nameOf(name));
const assign = (name: string, version: string, immutable = false) => ({
  kind: 'AssignTag' as const,
  ...nameOf(name),
  version,
  incarnation: `i-${version}`,
  immutable,
});
const assigning = (name: string, version: string, immutable = false) =>
  step(tag, streamOf(name), () => assign(name, version, immutable));
/** names what the other step's tag names */
const following = (name: string, other: Step<TagState>) =>
  step(tag, streamOf(name), earlier => assign(name, earlier.of(other).version!));

let command = 0;
const meta = (commandId = `command-${++command}`) => ({ ...META, commandId });

let log: EventLog;
let streams: Streams;
/** what was asked of the log */
let calls: string[];
const noted =
  <A extends readonly unknown[], R>(name: string, call: (...given: A) => R) =>
  (...given: A): R => {
    calls.push(name);
    return call(...given);
  };

beforeEach(() => {
  const inner = createMemoryLog();
  calls = [];
  log = {
    ...inner,
    append: noted('append', inner.append),
    appendInOrder: noted('appendInOrder', inner.appendInOrder),
    readStream: noted('read', inner.readStream),
  };
  streams = createStreams(log);
});

const all = (steps: readonly Step[], of = streams, commandId?: string): Promise<Outcomes> => {
  const shared = meta(commandId);
  return of.executeAll(steps.map((one): Run => ({ step: one, meta: shared })));
};
const assigned = async () => (await log.readAll()).events.map(({ data }) => `${data.tag}=${data.version}`);
const elsewhere = (name: string, version: string) =>
  createStreams(log).execute(tag, streamOf(name), assign(name, version), meta());

describe('steps that belong together', () => {
  it('are appended in one go, without a read, and lead on to each other', async () => {
    const first = assigning('a', '1');
    const second = following('b', first);
    const third = following('c', second);
    const outcomes = await all([first, second, third]);
    expect(calls).toEqual(['appendInOrder']);
    expect(await assigned()).toEqual(['a=1', 'b=1', 'c=1']);
    const positions = (await log.readAll()).events.map(({ position }) => position);
    expect([first, second, third].map(one => outcomes.of(one).position)).toEqual(positions);
    expect(outcomes.of(third)).toMatchObject({ changed: true, state: { version: '1' } });
  });

  it('are remembered: the next ones are decided on them', async () => {
    await all([assigning('a', '1'), assigning('b', '1')]);
    await all([assigning('a', '2'), assigning('b', '2')]);
    expect(calls).toEqual(['appendInOrder', 'appendInOrder']);
    expect((await log.readAll()).events.map(({ data }) => data.previousVersion)).toEqual([
      ...[undefined, undefined, '1', '1'],
    ]);
  });

  it('carry each its own metadata', async () => {
    const runs = [
      { step: assigning('a', '1'), meta: { ...meta(), actor: 'ada' } },
      { step: assigning('b', '1'), meta: { ...meta(), actor: 'bob' } },
    ];
    await streams.executeAll(runs);
    expect((await log.readAll()).events.map(event => event.meta.actor)).toEqual(['ada', 'bob']);
  });

  it('go together also when one of them has nothing to do', async () => {
    await all([assigning('a', '1')]);
    calls.length = 0;
    const [first, second] = [assigning('a', '1'), assigning('b', '1')];
    const outcomes = await all([first, second]);
    // remembered to hold already, and looked up, since that may be stale
    expect(calls).toEqual(['read', 'appendInOrder']);
    expect([first, second].map(one => outcomes.of(one).changed)).toEqual([false, true]);
    expect(outcomes.of(first).position).toBe(await log.head());
  });

  it('say that nothing changed, and where the views must be to see it', async () => {
    await elsewhere('a', '1');
    const one = assigning('a', '1');
    expect((await all([one])).of(one)).toEqual({
      ...{ changed: false, position: await log.head() },
      state: expect.objectContaining({ version: '1' }),
    });
  });

  it('are decided again from the first where another process was before', async () => {
    await all([assigning('a', '1'), assigning('b', '1'), assigning('c', '1')]);
    await elsewhere('b', 'x');
    const [first, second] = [assigning('a', '2'), assigning('b', '2')];
    const outcomes = await all([first, second, following('c', second)]);
    expect((await assigned()).slice(4)).toEqual(['a=2', 'b=2', 'c=2']);
    expect((await log.readStream(streamOf('b'))).at(-1)?.data.previousVersion).toBe('x');
    expect(outcomes.of(first).changed).toBe(true);
  });

  it('end at the first that is refused: what came before stays, what follows is not tried', async () => {
    await elsewhere('b', 'x');
    const failing = all([assigning('a', '1'), assigning('b', '2', true), assigning('c', '1')]);
    await expect(failing).rejects.toSatisfy(error => isRefusal(error, 'TAG_IMMUTABLE'));
    expect(await assigned()).toEqual(['b=x', 'a=1']);
  });

  it('do not take a refusal from a stale state', async () => {
    await all([assigning('a', '1')]);
    await elsewhere('a', '2');
    await all([assigning('a', '2', true), assigning('b', '1')]);
    expect(await assigned()).toEqual(['a=1', 'a=2', 'b=1']);
  });

  it('are written once when the command is repeated, wherever it was cut', async () => {
    const steps = () => {
      const first = assigning('a', '1');
      return [first, following('b', first), following('c', first)];
    };
    for (const reached of [1, 2, 3]) {
      const id = `cut-${reached}`;
      const before = (await assigned()).length;
      await all(steps().slice(0, reached), createStreams(log), id);
      await all(steps(), createStreams(log), id);
      await all(steps(), createStreams(log), id);
      // the tags hold already from the second round on, but are moved back between
      expect((await assigned()).slice(before)).toEqual(['a=1', 'b=1', 'c=1']);
      for (const name of ['a', 'b', 'c']) await elsewhere(name, `moved-${reached}`);
    }
  });

  it('that follow a repetition rest on what holds today, not on what was meant then', async () => {
    const first = assigning('a', '1');
    await all([first], streams, 'once');
    await elsewhere('a', '2');
    const second = following('b', first);
    const outcomes = await all([first, second], createStreams(log), 'once');
    expect(outcomes.of(first)).toMatchObject({ changed: false, state: { version: '2' } });
    expect(await assigned()).toEqual(['a=1', 'a=2', 'b=2']);
  });

  it('may come to the same stream twice', async () => {
    await all([
      assigning('a', '1'),
      assigning('b', '1'),
      step(tag, streamOf('a'), () => ({
        ...nameOf('a'),
        kind: 'RemoveTag' as const,
        immutable: false,
      })),
    ]);
    expect((await log.readAll()).events.map(({ type }) => type)).toEqual([
      'TagAssigned',
      'TagAssigned',
      'TagRemoved',
    ]);
  });

  it('leave nothing remembered that was not written', async () => {
    let away = true;
    const failing: EventLog = {
      ...log,
      appendInOrder: (...given) =>
        away ? Promise.reject(refuse('LOG_UNAVAILABLE')) : log.appendInOrder(...given),
    };
    const cut = createStreams(failing);
    await expect(all([assigning('a', '1'), assigning('b', '1')], cut)).rejects.toSatisfy(error =>
      isRefusal(error, 'LOG_UNAVAILABLE'),
    );
    away = false;
    expect(await cut.load(tag, streamOf('a'))).toEqual({ assigned: false });
  });

  it('cannot ask what has not come yet', async () => {
    const later = assigning('b', '1');
    await expect(all([following('a', later), later])).rejects.toThrow(/has not been taken yet/);
    expect(await assigned()).toEqual([]);
  });
});
