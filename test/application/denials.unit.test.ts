import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { createDenialRecorder, type DenialRecorder, type Denied } from '../../src/application/denials.ts';
import { operationEvents } from '../../src/domain/operations/events.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import type { EventLog } from '../../src/eventlog/port.ts';
import { caller, clock, META, repositoryRow } from './support.ts';

const at = { project: { id: 'p1', name: 'team' }, repository: repositoryRow() };
const denied = (of: Partial<Denied> = {}): Denied => ({
  caller: caller('ada'),
  roles: ['viewer'],
  action: 'push',
  at,
  target: 'app:latest',
  codes: ['FORBIDDEN'],
  ...of,
});

describe('denials', () => {
  const time = clock('2026-01-01T23:59:10.000Z');
  let log: EventLog;
  let away: boolean;
  let errors: unknown[];
  let recorder: DenialRecorder;
  const events = async () => (await log.readAll()).events;
  const told = async () =>
    (await events()).map(({ data }) => [data.actor, data.action, data.target, data.minute, data.count]);

  beforeEach(() => {
    time.set('2026-01-01T23:59:10.000Z');
    log = createMemoryLog();
    away = false;
    errors = [];
    recorder = createDenialRecorder({
      log: {
        ...log,
        append: (...given) => (away ? Promise.reject(new Error('log away')) : log.append(...given)),
      },
      now: time.now,
      newId: randomUUID,
      meta: (of, commandId) => ({
        ...META,
        commandId,
        ...(of.decision ? { decision: { outcome: 'deny' } } : {}),
      }),
      onError: error => errors.push(error),
    });
  });

  it('are durable at once when they are the first of their kind in a minute', async () => {
    await recorder.record(denied());
    const [event] = await events();
    expect(event).toMatchObject({ type: 'RequestsDenied', stream: 'denials-2026-01-01' });
    expect(operationEvents.RequestsDenied.schema.parse(event?.data)).toEqual({
      actor: 'ada',
      action: 'push',
      codes: ['FORBIDDEN'],
      target: 'r1 app:latest',
      minute: '2026-01-01T23:59:00.000Z',
      count: 1,
    });
  });

  it('are counted for the rest of the minute, as one event without the decision of the first', async () => {
    const decision = { outcome: 'deny' } as unknown as NonNullable<Denied['decision']>;
    for (let n = 0; n < 5; n++) await recorder.record(denied({ decision }));
    await recorder.flush();
    expect(await events()).toHaveLength(1);
    time.pass(60_000);
    await recorder.flush();
    await recorder.flush();
    const all = await events();
    expect(all.map(({ data }) => data.count)).toEqual([1, 4]);
    expect(all.map(({ data }) => data.minute)).toEqual(Array(2).fill('2026-01-01T23:59:00.000Z'));
    expect(all.map(({ stream }) => stream)).toEqual(Array(2).fill('denials-2026-01-01'));
    expect(all.map(({ meta }) => meta.decision)).toEqual([{ outcome: 'deny' }, undefined]);
  });

  it.each<[string, Partial<Denied>]>([
    ['actor', { caller: caller('bob') }],
    ['action', { action: 'pull' }],
    ['rule', { codes: ['POLICY_DENIED'] }],
    ['target', { target: 'app:other' }],
    ['place', { at: {} }],
  ])('are another kind for another %s', async (_name, other) => {
    await recorder.record(denied());
    await recorder.record(denied(other));
    await recorder.record(denied(other));
    expect(await events()).toHaveLength(2);
  });

  it('begin again with the next minute', async () => {
    await recorder.record(denied());
    await recorder.record(denied());
    time.pass(60_000);
    await recorder.record(denied());
    await recorder.flush();
    expect(await told()).toEqual([
      ['ada', 'push', 'r1 app:latest', '2026-01-01T23:59:00.000Z', 1],
      ['ada', 'push', 'r1 app:latest', '2026-01-02T00:00:00.000Z', 1],
      ['ada', 'push', 'r1 app:latest', '2026-01-01T23:59:00.000Z', 1],
    ]);
  });

  it('are all written at the end', async () => {
    for (let n = 0; n < 3; n++) await recorder.record(denied());
    await recorder.flush(true);
    expect((await events()).map(({ data }) => data.count)).toEqual([1, 2]);
  });

  it('never fail a refusal, and are counted until the log is back', async () => {
    away = true;
    for (let n = 0; n < 3; n++) await recorder.record(denied());
    time.pass(60_000);
    await recorder.flush();
    expect(errors).toHaveLength(2);
    away = false;
    await recorder.flush();
    await recorder.flush();
    expect(await told()).toEqual([['ada', 'push', 'r1 app:latest', '2026-01-01T23:59:00.000Z', 3]]);
  });

  it('keep to their bounds: codes, targets', async () => {
    const codes = Array.from({ length: 80 }, (_, index) => `CODE_${index}`);
    await recorder.record(denied({ codes, target: 'x'.repeat(5000) }));
    const [event] = await events();
    const { codes: kept, target } = operationEvents.RequestsDenied.schema.parse(event?.data);
    expect([kept.length, target.length]).toEqual([50, 1000]);
  });

  it('keep a target whose last character does not fit', async () => {
    await recorder.record(denied({ target: `${'x'.repeat(996)}😀` }));
    expect(errors).toEqual([]);
    expect((await events())[0]?.data.target).toMatch(/^r1 x+\uFFFD$/);
  });

  it('share one target when an actor varies its targets without end', async () => {
    for (let n = 0; n < 10_000; n++) await recorder.record(denied({ target: `app:${n}` }));
    for (let n = 0; n < 5; n++) await recorder.record(denied({ target: `more:${n}` }));
    await recorder.flush(true);
    const { events: last } = await log.readAll({ after: String(10_000).padStart(20, '0') });
    expect(last.map(({ data }) => [data.target, data.count])).toEqual([
      ['r1 various', 1],
      ['r1 various', 4],
    ]);
  });
});
