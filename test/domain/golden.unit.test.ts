/**
 * A sample of every shape that was ever written to a log stays in test/golden/events as `<Type>.v<version>.json`
 * (with all that is optional) and, where something is optional, `<Type>.v<version>.least.json` (with nothing of it).
 * A sample is never changed: when a shape changes, its version is raised, an upcast is written and a sample is added.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EVENTS, type EventType, toDomainEvent } from '../../src/domain/catalogue.ts';
import { type EventMap, event, readEvent, UnknownEventError } from '../../src/domain/kernel/event.ts';
import type { JsonObject } from '../../src/domain/values/json.ts';
import { encodeEvent } from '../../src/eventlog/checks.ts';
import type { RecordedEvent } from '../../src/eventlog/port.ts';
import { recordedDecisionSchema } from '../../src/policies/decision.ts';

const FOLDER = join(import.meta.dirname, '../golden/events');
const types = Object.keys(EVENTS) as EventType[];
const files = readdirSync(FOLDER).sort();
const read = (file: string): RecordedEvent => JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
const sampleOf = (type: EventType) => read(`${type}.v${EVENTS[type].version}.json`);

/** Names of a schema's properties, and of the optional ones among them. */
function propertiesOf(type: EventType): { all: string[]; optional: string[] } {
  const { shape } = EVENTS[type].schema as unknown as { shape: Record<string, z.ZodType> };
  const optional = Object.keys(shape).filter(name => shape[name]?.safeParse(undefined).success);
  return { all: Object.keys(shape).sort(), optional };
}

describe('golden samples', () => {
  it.each(types)('%s has one at its current version, with all that it can have', type => {
    expect(files).toContain(`${type}.v${EVENTS[type].version}.json`);
    expect(Object.keys(sampleOf(type).data).sort()).toEqual(propertiesOf(type).all);
  });

  it.each(types.filter(type => propertiesOf(type).optional.length > 0))('%s has one with the least', type => {
    const least = `${type}.v${EVENTS[type].version}.least.json`;
    expect(files).toContain(least);
    for (const name of propertiesOf(type).optional) expect(read(least).data).not.toHaveProperty(name);
  });

  it.each(types)('%s has one of every version before', type => {
    for (let version = 1; version <= EVENTS[type].version; version++)
      expect(files).toContain(`${type}.v${version}.json`);
  });

  it.each(files)('%s reads', file => {
    const sample = read(file);
    const [, type, version] = /^([A-Z][A-Za-z]+)\.v([0-9]+)(?:\.least)?\.json$/.exec(file) ?? [];
    expect(sample).toMatchObject({ type, version: Number(version) });
    const { position, stream, revision, id, recordedAt, meta } = sample;
    const known = toDomainEvent(sample);
    expect(known).toMatchObject({ type, position, stream, revision, id, recordedAt, meta });
    const current = EVENTS[type as EventType].version;
    // an upcast changes the data; without one, reading changes nothing
    if (sample.version === current) expect(known.data).toEqual(sample.data);
  });

  it.each(files)('%s could be written', file => {
    expect(encodeEvent(read(file)).type).toBe(read(file).type);
  });

  it('show decisions as they are recorded', () => {
    const decisions = files.map(file => read(file).meta.decision).filter(decision => decision !== undefined);
    expect(decisions.length).toBeGreaterThan(1);
    for (const decision of decisions) recordedDecisionSchema.parse(decision);
  });
});

describe('a schema that changes under its samples', () => {
  const sample = sampleOf('TagAssigned');
  const { schema } = EVENTS.TagAssigned;
  const shape = schema.shape;
  const changed: Record<string, z.ZodType> = {
    'takes a property away': z.strictObject((({ version: _, ...rest }) => rest)(shape)),
    'wants one more': z.strictObject({ ...shape, reason: z.string() }),
    'wants what was optional': z.strictObject({ ...shape, previousVersion: z.string() }),
    'wants another type': z.strictObject({ ...shape, version: z.number() }),
    'wants shorter text': z.strictObject({ ...shape, tag: z.string().max(3) }),
  };

  it.each(Object.keys(changed))('and %s is noticed', change => {
    const map: EventMap = { TagAssigned: event(changed[change] as z.ZodType) };
    const least = read('TagAssigned.v1.least.json');
    const noticed = [sample, least].filter(stored => {
      try {
        readEvent(map, stored);
        return false;
      } catch (error) {
        expect(error).toBeInstanceOf(UnknownEventError);
        return true;
      }
    });
    expect(noticed).not.toEqual([]);
  });
});

describe('a reader halts', () => {
  const sample = sampleOf('ProjectCreated');

  it.each(['ProjectPainted', 'constructor', '__proto__', ''])('at the unknown type %j', type => {
    expect(() => toDomainEvent({ ...sample, type })).toThrow(UnknownEventError);
    expect(() => toDomainEvent({ ...sample, type })).toThrow('the type is unknown');
  });

  it('at a version that is newer than this program', () => {
    expect(() => toDomainEvent({ ...sample, version: 2 })).toThrow(UnknownEventError);
    expect(() => toDomainEvent({ ...sample, version: 2 })).toThrow(/ProjectCreated v2: .*newer/);
  });

  it.each<[string, JsonObject]>([
    ['something is missing', { projectId: 'p1' }],
    ['something is more than known', { projectId: 'p1', name: 'main', color: 'red' }],
    ['something is not as it must be', { projectId: 'p1', name: 'Main' }],
  ])('at data in which %s', (_what, data) => {
    expect(() => toDomainEvent({ ...sample, data })).toThrow(UnknownEventError);
  });

  it('at metadata of another shape', () => {
    const { actor: _, ...without } = sample.meta;
    const wrong = [
      without,
      { ...sample.meta, mood: 'good' },
      { ...sample.meta, decision: { outcome: 'maybe' } },
    ];
    for (const meta of wrong) expect(() => toDomainEvent({ ...sample, meta })).toThrow(UnknownEventError);
  });
});

describe('upcasts', () => {
  // three shapes of one fact: a text, then its parts, then its parts with a kind
  const schema = z.strictObject({
    given: z.string(),
    family: z.string(),
    kind: z.enum(['person', 'unknown']),
  });
  const upcasts = {
    1: ({ name }: JsonObject) => ({
      given: String(name).split(' ')[0]!,
      family: String(name).split(' ')[1]!,
    }),
    2: (data: JsonObject) => ({ ...data, kind: 'unknown' }),
  };
  const map = { NameGiven: event(schema, 3, upcasts) };
  const stored = (version: number, data: JsonObject) => ({ type: 'NameGiven', version, data });

  it('bring every older version to today, one step after the other', () => {
    const ada = { given: 'Ada', family: 'Lovelace' };
    const today = { type: 'NameGiven', data: { ...ada, kind: 'unknown' } };
    expect(readEvent(map, stored(1, { name: 'Ada Lovelace' }))).toEqual(today);
    expect(readEvent(map, stored(2, ada))).toEqual(today);
    expect(readEvent(map, stored(3, { ...ada, kind: 'unknown' }))).toEqual(today);
  });

  it('leave what was stored as it is', () => {
    const data = Object.freeze({ name: 'Ada Lovelace' });
    readEvent(map, stored(1, data));
    expect(data).toEqual({ name: 'Ada Lovelace' });
  });

  it('that are missing halt the reader', () => {
    const gap = { NameGiven: event(schema, 3, { 1: upcasts[1] }) };
    expect(() => readEvent(gap, stored(1, { name: 'Ada Lovelace' }))).toThrow(/v2: there is no upcast/);
    expect(() => readEvent(map, stored(0, {}))).toThrow(UnknownEventError);
  });

  it('whose result is no event of today halt the reader', () => {
    const wrong = { NameGiven: event(schema, 2, { 1: data => data }) };
    expect(() => readEvent(wrong, stored(1, { name: 'Ada Lovelace' }))).toThrow(UnknownEventError);
  });
});
