/** The pure middle of the runner: which rows a batch of events touches, and what becomes of them. */
import type { DomainEvent } from '../domain/catalogue.ts';
import { storable } from './table.ts';
import type { AnyView, Key } from './view.ts';

interface Entry {
  readonly key: Key;
  /** the first event on this key needs the row before */
  readonly load: boolean;
  readonly events: DomainEvent[];
}

/** What a batch has to do with one view's table. */
export interface Work {
  readonly view: AnyView;
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface Changes {
  readonly upserts: readonly object[];
  readonly deletes: readonly Key[];
}

export type Planner = (events: readonly DomainEvent[]) => Work[];

/** A key as one string, for maps. Keys hold no NUL (see `storable`). */
export const keyText = (key: Key): string => (key.length === 1 ? String(key[0]) : key.join('\0'));

const listed = (types: readonly string[] | 'all' | undefined, type: string) =>
  types === 'all' || (types?.includes(type) ?? false);

const clean = (key: Key): Key =>
  key.every(part => typeof part === 'number' || storable(part) === part)
    ? key
    : key.map(part => (typeof part === 'number' ? part : storable(part)));

/** Prepares the routing of event types to views, once. */
export function createPlanner(views: readonly AnyView[]): Planner {
  const routes = new Map<string, { index: number; view: AnyView; overwrites: boolean }[]>();
  const routeOf = (type: string) => {
    let route = routes.get(type);
    if (!route) {
      route = views
        .map((view, index) => ({ index, view, overwrites: listed(view.overwrites, type) }))
        .filter(({ view }) => listed(view.types, type));
      routes.set(type, route);
    }
    return route;
  };
  return events => {
    const works = views.map(view => ({ view, entries: new Map<string, Entry>() }));
    for (const event of events)
      for (const { index, view, overwrites } of routeOf(event.type))
        for (const key of view.keysOf(event)) enter(works[index]!.entries, clean(key), event, !overwrites);
    return works.filter(({ entries }) => entries.size > 0);
  };
}

function enter(entries: Map<string, Entry>, key: Key, event: DomainEvent, load: boolean): void {
  const name = keyText(key);
  const known = entries.get(name);
  if (known) known.events.push(event);
  else entries.set(name, { key, load, events: [event] });
}

/** The keys whose rows must be read before `foldWork`. */
export function keysToLoad({ entries }: Work): Key[] {
  const keys: Key[] = [];
  for (const { key, load } of entries.values()) if (load) keys.push(key);
  return keys;
}

/** Folds each key's events over its row. `rows`: the loaded rows by `keyText`. */
export function foldWork({ view, entries }: Work, rows: ReadonlyMap<string, object>): Changes {
  const upserts: object[] = [];
  const deletes: Key[] = [];
  for (const [name, { key, load, events }] of entries) {
    const before = rows.get(name);
    let row = before;
    for (const event of events) row = view.evolve(row, event, key);
    if (row === undefined) {
      // an overwriting event may delete a row that was never read
      if (before !== undefined || !load) deletes.push(key);
    } else if (row !== before) upserts.push(row);
  }
  return { upserts, deletes };
}
