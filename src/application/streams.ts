/**
 * Loads, decides and appends: one command on one stream. Folded states are kept in memory; the log's expected revision
 * catches a stale one, and the command is decided again on the true state.
 */
import { isRefusal, refuse } from '../domain/errors.ts';
import type { Aggregate } from '../domain/kernel/decider.ts';
import type { EventMap } from '../domain/kernel/event.ts';
import {
  type AppendedInOrder,
  type AppendResult,
  ConflictError,
  type EventLog,
  type Position,
} from '../eventlog/port.ts';
import { type Asked, type Draft, draftOn, start } from './drafts.ts';
import { createRemembered, type RememberedOptions } from './remembered.ts';
import { erased, known, type Meta, type Outcome, type Outcomes, type Run, type Step } from './stepping.ts';

export { derivedId } from './drafts.ts';
export type { Outcome } from './stepping.ts';

export interface Streams {
  load<C, S, M extends EventMap>(aggregate: Aggregate<C, S, M>, stream: string): Promise<S>;
  /** @throws StrongroomError from the decider, CONCURRENT_CHANGE, LOG_UNAVAILABLE */
  execute<C, S, M extends EventMap>(
    aggregate: Aggregate<C, S, M>,
    stream: string,
    command: C & { readonly kind: string },
    meta: Meta,
  ): Promise<Outcome<S>>;
  /**
   * Several steps in order, each a command on one stream. They are decided on what is remembered and appended together;
   * from the first where that was stale they are taken one after another. It ends at the first that is refused: what
   * came before stays. @throws as `execute`
   */
  executeAll(runs: readonly Run[]): Promise<Outcomes>;
}

const ATTEMPTS = 20;
/** How often steps are tried together: the second time on what the log says. */
const ROUNDS = 2;

export function createStreams(log: EventLog, options: RememberedOptions = {}): Streams {
  const { get, catchUp, conclude } = createRemembered(log, options);

  /**
   * What follows from the remembered state; undefined where that is a refusal or nothing: the state may be stale. A
   * stream that is not remembered is most often new: presuming so saves a read, and the append finds out.
   */
  function presume(asked: Asked): Draft | undefined {
    try {
      const draft = draftOn(asked, get(asked.stream) ?? start(asked.aggregate));
      return draft.events.length > 0 ? draft : undefined;
    } catch {
      return undefined;
    }
  }

  const decideOnLog = async (asked: Asked) => draftOn(asked, await catchUp(asked.aggregate, asked.stream));

  async function execute(asked: Asked): Promise<Outcome<unknown>> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // only the first attempt may rest on a remembered or presumed state
      const draft = (attempt === 0 && presume(asked)) || (await decideOnLog(asked));
      // whoever else brought this state about may be ahead of the views: the caller waits for them all the same
      if (draft.events.length === 0) return unchanged(draft, await log.head());
      const result = await appendUnlessConflict(draft);
      if (result) return conclude(draft, result);
    }
    throw refuse('CONCURRENT_CHANGE', { retryAfter: 1 });
  }

  async function appendUnlessConflict({
    stream,
    events,
    expected,
  }: Draft): Promise<AppendResult | undefined> {
    try {
      return await log.append(stream, events, { expected });
    } catch (error) {
      if (error instanceof ConflictError) return undefined;
      throw error;
    }
  }

  async function executeAll(runs: readonly Run[]): Promise<Outcomes> {
    const outcomes = new Map<Step, Outcome<unknown>>();
    const of = <S>(step: Step<S>) => known(outcomes, step) as Outcome<S>;
    for (let round = 0; round < ROUNDS && outcomes.size < runs.length; round++)
      await executeTogether(runs.slice(outcomes.size), outcomes);
    for (const { step, meta } of runs.slice(outcomes.size)) {
      const command = step.command({ of: earlier => of(earlier).state });
      outcomes.set(step, await execute({ ...step, command, meta }));
    }
    return { of };
  }

  /** Takes as many of the first steps as can be taken together; where the log was ahead, it is caught up with. */
  async function executeTogether(runs: readonly Run[], outcomes: Map<Step, Outcome<unknown>>): Promise<void> {
    const drafts = await draftTogether(runs, outcomes);
    const writing = drafts.filter(({ draft }) => draft.events.length > 0);
    const { results, conflict } = await appendAll(writing.map(({ draft }) => draft));
    const last = results.at(-1);
    const stopped = writing[results.length]?.draft;
    if (conflict && stopped) await catchUp(stopped.aggregate, stopped.stream);
    // A repetition leads to the state of today, which is not what the steps after it were drafted on
    const asDrafted = !stopped && !last?.repeated;
    const taken = asDrafted ? drafts.length : drafts.indexOf(writing[results.length - 1]!) + 1;
    const position = last?.position ?? (await log.head());
    for (const { step, draft } of drafts.slice(0, taken)) {
      const result = results[writing.findIndex(one => one.step === step)];
      outcomes.set(step, result ? await conclude(draft, result) : unchanged(draft, position));
    }
  }

  async function appendAll(drafts: readonly Draft[]): Promise<AppendedInOrder> {
    return drafts.length > 0 ? log.appendInOrder(drafts) : { results: [] };
  }

  /** Up to a step that is refused, or whose stream an earlier one writes to: from there it goes one by one. */
  async function draftTogether(
    runs: readonly Run[],
    outcomes: ReadonlyMap<Step, { readonly state: unknown }>,
  ): Promise<readonly Drafted[]> {
    const drafts: Drafted[] = [];
    const states = new Map(outcomes);
    const earlier = { of: <S>(step: Step<S>) => known(states, step).state as S };
    for (const { step, meta } of runs) {
      if (drafts.some(({ draft }) => draft.stream === step.stream)) break;
      const asked = { ...step, command: step.command(earlier), meta };
      const draft = presume(asked) ?? (await decideOnLog(asked).catch(ifRefused));
      if (!draft) break;
      drafts.push({ step, draft });
      states.set(step, draft);
    }
    return drafts;
  }

  return {
    async load<C, S, M extends EventMap>(aggregate: Aggregate<C, S, M>, stream: string) {
      return (await catchUp(erased(aggregate), stream)).state as S;
    },
    async execute<C, S, M extends EventMap>(
      aggregate: Aggregate<C, S, M>,
      stream: string,
      command: C & { readonly kind: string },
      meta: Meta,
    ) {
      return (await execute({ aggregate: erased(aggregate), stream, command, meta })) as Outcome<S>;
    },
    executeAll,
  };
}

interface Drafted {
  readonly step: Step;
  readonly draft: Draft;
}

const unchanged = ({ state }: Draft, position: Position): Outcome<unknown> => ({
  state,
  position,
  changed: false,
});

/** A refused step is refused in its turn. */
function ifRefused(error: unknown): undefined {
  if (!isRefusal(error)) throw error;
}
