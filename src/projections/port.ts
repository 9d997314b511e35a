/**
 * Where views are kept. A store holds generations: one serves, another may be built beside it, and then takes its
 * place. Each generation keeps its rows and its checkpoint, and moves both in one transaction.
 */
import type { Kysely } from 'kysely';
import type { DomainEvent } from '../domain/catalogue.ts';
import type { ViewTables } from './catalogue.ts';
import type { AnyView } from './view.ts';

/** What views were folded from, and how: views of another identity do not serve. */
export interface Identity {
  readonly shape: string;
  readonly logId: string;
  readonly epoch: number;
}

/** The queries' side: the tables of the generation that serves. */
export interface ViewsDb {
  readonly kysely: Kysely<ViewTables>;
}

export interface Generation {
  readonly number: number;
  /** the position up to which its rows are folded */
  checkpoint(): Promise<string>;
  /**
   * Folds what comes after the checkpoint and moves it to `to`, all or nothing, however many do it at the same time.
   * `events` are all events after `from` up to `to`; what is folded already is skipped.
   * @throws ReplacedError when this generation no longer serves, or is not as far as `from`
   */
  apply(events: readonly DomainEvent[], range: { readonly from: string; readonly to: string }): Promise<void>;
}

/** Another generation has taken over, or this one is gone: open the store again. */
export class ReplacedError extends Error {
  constructor() {
    super('this generation of the views was replaced');
    this.name = 'ReplacedError';
  }
}

export interface Opened {
  /** absent: there is none that can serve */
  readonly generation?: Generation;
  /** why there is none, for the operator */
  readonly reason?: string;
}

export interface Views {
  /** @throws VIEWS_BEHIND while no generation serves */
  current(): ViewsDb;
  readonly definitions: readonly AnyView[];
  /** Finds the generation of this identity and lets it serve. A damaged one is removed. */
  open(identity: Identity): Promise<Opened>;
  /** Nothing serves from now on, because what there is cannot be trusted. */
  discard(): Promise<void>;
  /**
   * An empty generation that does not serve yet; what a builder before left behind is removed.
   * undefined: another node builds one now.
   */
  build(identity: Identity, start: string): Promise<Generation | undefined>;
  /** Indexes, after most of the rows are there. */
  finish(built: Generation): Promise<void>;
  /**
   * Makes the built generation serve and drops the one before. `catchUp` is called while the old one cannot move, and
   * must bring the new one at least as far. Returns the generation to go on with; `built` itself may be closed.
   */
  flip(built: Generation, catchUp: () => Promise<void>): Promise<Generation>;
  /** Forgets a generation that was not finished. */
  abandon(built: Generation): Promise<void>;
  /**
   * Called every second or so: tells other nodes that this one lives, and removes what nobody uses.
   * @throws ReplacedError when the generation no longer serves; the error of a damage that a query met
   */
  tend(generation: Generation): Promise<void>;
  failure(error: unknown): 'damaged' | 'transient' | undefined;
  close(): Promise<void>;
}

export interface ViewsOptions {
  /** `sqlite:<path>` or `postgres://…` */
  readonly url: string;
  /** the views to keep; default: all */
  readonly definitions?: readonly AnyView[];
  /** PostgreSQL: the schema of the administration; generations are `<schema>_<number>`. Default `strongroom_views` */
  readonly schema?: string;
  /** PostgreSQL: milliseconds after which a replaced generation that nobody uses is dropped; default 15,000 */
  readonly graceMs?: number;
  /** for tests: called before each commit, may throw */
  readonly beforeCommit?: () => void;
}
