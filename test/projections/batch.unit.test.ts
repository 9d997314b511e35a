import { describe, expect, test } from 'vitest';
import { type DomainEvent, type EventType, toDomainEvent } from '../../src/domain/catalogue.ts';
import { createMemoryLog } from '../../src/eventlog/memory.ts';
import { createPlanner, foldWork, keysToLoad, keyText, type Work } from '../../src/projections/batch.ts';
import { shapeOf, VIEWS } from '../../src/projections/catalogue.ts';
import { storable } from '../../src/projections/table.ts';
import type { AnyView } from '../../src/projections/view.ts';
import { History, write } from './history.ts';

async function eventsOf(seed: number, count: number): Promise<DomainEvent[]> {
  const log = createMemoryLog();
  await write(log, new History(seed).run(count).appends);
  const { events } = await log.readAll({ limit: 10 * count });
  return events.map(toDomainEvent);
}

type Rows = Map<string, object>;

/** Rows of all views after folding in batches of a size, by table and key. */
function foldAll(events: readonly DomainEvent[], size: number): Rows {
  const planner = createPlanner(VIEWS);
  const tables = new Map<string, Rows>(VIEWS.map(view => [view.table.name, new Map()]));
  for (let at = 0; at < events.length; at += size)
    for (const work of planner(events.slice(at, at + size))) apply(work, tables.get(work.view.table.name)!);
  return new Map(
    [...tables].flatMap(([name, rows]) => [...rows].map(([key, row]) => [`${name} ${key}`, row])),
  );
}

function apply(work: Work, rows: Rows): void {
  const { primaryKey } = work.view.table;
  const names = keysToLoad(work).map(keyText);
  const known = names.filter(name => rows.has(name)).map(name => [name, rows.get(name)!] as const);
  const { upserts, deletes } = foldWork(work, new Map(known));
  for (const key of deletes) rows.delete(keyText(key));
  for (const row of upserts as Record<string, string | number>[])
    rows.set(keyText(primaryKey.map(column => row[column]!)), row);
}

describe('batches', () => {
  test('rows do not depend on how events are cut into batches', async () => {
    const events = await eventsOf(5, 1500);
    const whole = foldAll(events, events.length);
    expect(whole.size).toBeGreaterThan(events.length);
    expect(foldAll(events, 7)).toEqual(whole);
    expect(foldAll(events, 1)).toEqual(whole);
  });

  test('what a view calls overwriting does not look at the row before', async () => {
    const events = await eventsOf(6, 1500);
    const overwriting = new Map<string, object | undefined>();
    const overwrites = (view: AnyView, type: EventType) =>
      view.overwrites === 'all' || view.overwrites?.includes(type);
    for (const view of VIEWS)
      for (const event of events.filter(({ type }) => overwrites(view, type)))
        for (const key of view.keysOf(event)) {
          const name = `${view.table.name} ${keyText(key)}`;
          const fresh = view.evolve(undefined, event, key);
          expect(view.evolve(overwriting.get(name), event, key)).toEqual(fresh);
          overwriting.set(name, fresh);
        }
    expect(overwriting.size).toBeGreaterThan(1000);
  });

  test('only keys whose row matters are loaded', async () => {
    const works = createPlanner(VIEWS)(await eventsOf(7, 2000));
    const loads = Object.fromEntries(works.map(work => [work.view.table.name, keysToLoad(work).length]));
    expect(loads.activity).toBe(0);
    expect(loads.links).toBe(0);
    expect(loads.denials).toBeGreaterThan(0);
  });

  test('text that a database cannot keep is replaced, in keys too', () => {
    expect(storable('a\0b\uD800')).toBe('a\uFFFDb\uFFFD');
    expect(storable('plain')).toBe('plain');
  });
});

describe('the shape', () => {
  test('is the same for the same views and another for another version or table', () => {
    const [first, ...others] = VIEWS;
    const changed = (change: object) => shapeOf([{ ...first!, ...change }, ...others]);
    expect(changed({})).toBe(shapeOf(VIEWS));
    expect(changed({ version: 99 })).not.toBe(shapeOf(VIEWS));
    expect(changed({ table: { ...first!.table, indexes: [] } })).not.toBe(shapeOf(VIEWS));
  });
});
