/**
 * Loads, decides and appends: one command on one stream. Folded states are kept in memory; the log's expected revision
 * catches a stale one, and the command is decided again on the true state.
 */
import { isRefusal, refuse } from '../domain/errors.ts';
import type { Aggregate } from '../domain/kernel/decider.ts';
import type { EventMap } from '../domain/kernel/event.ts';
import { type AppendResult, ConflictError, type EventLog, type Position } from '../eventlog/port.ts';
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
    const outcomes = await executeTogether(runs);
    const of = <S>(step: Step<S>) => known(outcomes, step) as Outcome<S>;
    for (const run of runs.slice(outcomes.size)) {
      const asked = {
        ...run.step,
        command: run.step.command({ of: step => of(step).state }),
        meta: run.meta,
      };
      outcomes.set(run.step, await execute(asked));
    }
    return { of };
  }

  /** Takes as many of the first steps as can be taken together. */
  async function executeTogether(runs: readonly Run[]): Promise<Map<Step, Outcome<unknown>>> {
    const drafts = [...(await draftTogether(runs))];
    const writing = drafts.flatMap(([, draft]) => (draft.events.length > 0 ? [draft] : []));
    const { results } = writing.length > 0 ? await log.appendInOrder(writing) : { results: [] };
    const last = results.at(-1);
    // A repetition leads to the state of today, which is not what the steps after it were drafted on
    const asDrafted = results.length === writing.length && !last?.repeated;
    const taken = drafts.findIndex(([, draft]) => draft === writing[results.length - 1]) + 1;
    const position = last?.position ?? (await log.head());
    const outcomes = new Map<Step, Outcome<unknown>>();
    for (const [step, draft] of asDrafted ? drafts : drafts.slice(0, taken)) {
      const result = results[writing.indexOf(draft)];
      outcomes.set(step, result ? await conclude(draft, result) : unchanged(draft, position));
    }
    return outcomes;
  }

  /** Up to a step that is refused, or whose stream an earlier one writes to: from there it goes one by one. */
  async function draftTogether(runs: readonly Run[]): Promise<ReadonlyMap<Step, Draft>> {
    const drafts = new Map<Step, Draft>();
    const earlier = { of: <S>(step: Step<S>) => known(drafts, step).state as S };
    for (const { step, meta } of runs) {
      if ([...drafts.keys()].some(({ stream }) => stream === step.stream)) break;
      const asked = { ...step, command: step.command(earlier), meta };
      const draft = presume(asked) ?? (await decideOnLog(asked).catch(ifRefused));
      if (!draft) break;
      drafts.set(step, draft);
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

const unchanged = ({ state }: Draft, position: Position): Outcome<unknown> => ({
  state,
  position,
  changed: false,
});

/** A refused step is refused in its turn. */
function ifRefused(error: unknown): undefined {
  if (!isRefusal(error)) throw error;
}
