/**
 * How an event type is defined: a zod schema per version, and pure upcasters from older versions.
 * Stored events are never rewritten; they are validated and upcast when they are read.
 */
import type { z } from 'zod';
import type { JsonObject } from '../values/json.ts';
import { own } from '../values/own.ts';

export interface EventDefinition<T extends z.ZodType = z.ZodType> {
  /** the version written today */
  readonly version: number;
  readonly schema: T;
  /** `upcasts[n]` turns data of version n into version n + 1 */
  readonly upcasts: Readonly<Record<number, (data: JsonObject) => JsonObject>>;
}

export type EventMap = Readonly<Record<string, EventDefinition>>;

/** The tagged union `{type, data}` of all events in a map. */
export type EventsOf<M extends EventMap> = {
  [K in keyof M & string]: { readonly type: K; readonly data: z.output<M[K]['schema']> };
}[keyof M & string];

/** Defines an event type. */
export function event<T extends z.ZodType>(
  schema: T,
  version = 1,
  upcasts: EventDefinition['upcasts'] = {},
): EventDefinition<T> {
  return { version, schema, upcasts };
}

/** A stored event that this program cannot understand: a reader halts on it, it never skips. */
export class UnknownEventError extends Error {
  constructor(type: string, version: number, reason: string) {
    super(`event ${type} v${version}: ${reason}; a newer Strongroom may have written it`);
    this.name = 'UnknownEventError';
  }
}

/** Validates stored data and brings it to today's version. @throws UnknownEventError */
export function readEvent(
  map: EventMap,
  stored: { type: string; version: number; data: JsonObject },
): { type: string; data: unknown } {
  const definition = own(map, stored.type);
  if (!definition) throw new UnknownEventError(stored.type, stored.version, 'the type is unknown');
  if (stored.version > definition.version)
    throw new UnknownEventError(stored.type, stored.version, 'the version is newer than this program');
  let data = stored.data;
  for (let version = stored.version; version < definition.version; version++) {
    const upcast = definition.upcasts[version];
    if (!upcast) throw new UnknownEventError(stored.type, version, 'there is no upcast');
    data = upcast(data);
  }
  const parsed = definition.schema.safeParse(data);
  if (!parsed.success) throw new UnknownEventError(stored.type, stored.version, parsed.error.message);
  return { type: stored.type, data: parsed.data };
}
