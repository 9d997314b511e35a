/** A view is a keyed fold: which keys an event touches, and how each key's row follows from the row before. Pure. */
import type { DomainEvent, EventType } from '../domain/catalogue.ts';
import type { Columns, RowOf, Table } from './table.ts';

/** Values of the primary key's columns, in their order. */
export type Key = readonly (string | number)[];

export interface View<C extends Columns = Columns, E extends EventType = EventType> {
  readonly table: Table<C>;
  /** raise it when the fold changes but the table does not: the views are rebuilt then */
  readonly version: number;
  readonly types: readonly E[] | 'all';
  /** types after which the row does not depend on the row before: the runner need not load it */
  readonly overwrites?: readonly E[] | 'all';
  keysOf(event: EventOf<E>): readonly Key[];
  /** `undefined` deletes the row; returning `row` itself changes nothing */
  evolve(row: RowOf<C> | undefined, event: EventOf<E>, key: Key): RowOf<C> | undefined;
}

export type EventOf<E extends EventType> = Extract<DomainEvent, { readonly type: E }>;

/** A view whose row and event types were forgotten, as the runner handles them. */
export interface AnyView {
  readonly table: Table;
  readonly version: number;
  readonly types: readonly EventType[] | 'all';
  readonly overwrites?: readonly EventType[] | 'all';
  keysOf(event: DomainEvent): readonly Key[];
  evolve(row: object | undefined, event: DomainEvent, key: Key): object | undefined;
}

/** Declares a view; exists for its type inference. */
export function view<C extends Columns, const E extends EventType>(definition: View<C, E>): View<C, E> {
  return definition;
}
