/**
 * Refusals as events, counted per actor, rule, target and minute: the first is appended at once (with the decision it
 * rests on), the rest of the minute as one event when the minute is over. Challenges and malformed requests are none.
 */
import type { Action, Role } from '../domain/values/actions.ts';
import type { JsonObject } from '../domain/values/json.ts';
import type { EventLog } from '../eventlog/port.ts';
import type { RecordedDecision } from '../policies/decision.ts';
import type { At } from './at.ts';
import type { Caller } from './caller.ts';

export interface Denied {
  readonly caller: Caller;
  readonly roles: readonly Role[];
  readonly action: Action;
  readonly at: At;
  readonly target: string;
  readonly codes: readonly string[];
  readonly decision?: RecordedDecision | undefined;
}

export interface DenialRecorder {
  /** Durable when it resolves, if it is the first of its kind in this minute. Never rejects: a refusal stays one. */
  record(denied: Denied): Promise<void>;
  /** Appends what is counted and over (all of it when closing). */
  flush(all?: boolean): Promise<void>;
}

interface Tools {
  readonly log: EventLog;
  readonly now: () => Date;
  readonly newId: () => string;
  readonly meta: (denied: Denied, commandId: string) => JsonObject;
  readonly onError: (error: unknown) => void;
}

/** Bounds memory against an actor that varies its targets; past it, the rest of the minute shares one target. */
const MAX_OPEN = 10_000;

interface Open {
  readonly denied: Denied;
  /** its start, ms */
  readonly minute: number;
  /** counted and not appended yet */
  more: number;
}

export function createDenialRecorder(tools: Tools): DenialRecorder {
  const open = new Map<string, Open>();
  const minuteOf = () => Math.floor(tools.now().getTime() / 60_000) * 60_000;

  async function append(denied: Denied, minute: number, count: number): Promise<void> {
    const { caller, action, codes, target } = denied;
    const at = new Date(minute).toISOString();
    const id = tools.newId();
    const data = { actor: caller.id, action, codes: [...codes].slice(0, 50), target, minute: at, count };
    const event = { id, type: 'RequestsDenied', version: 1, data, meta: tools.meta(denied, id) };
    await tools.log.append(`denials-${at.slice(0, 10)}`, [event], { expected: 'any' });
  }

  /** What could not be appended is counted with the rest of its minute, and appended later. */
  async function appendOrCount(entry: Open, denied: Denied, count: number): Promise<void> {
    try {
      await append(denied, entry.minute, count);
    } catch (error) {
      entry.more += count;
      tools.onError(error);
    }
  }

  const recorder: DenialRecorder = {
    async record(given) {
      try {
        const minute = minuteOf();
        const place = given.at.repository?.repositoryId ?? given.at.project?.id ?? 'instance';
        const named = `${place} ${open.size >= MAX_OPEN ? 'various' : given.target}`.trim();
        // a character that the bound cuts in half is none that a store takes
        const target = named.slice(0, 1000).toWellFormed();
        const denied = { ...given, target };
        const key = [given.caller.id, given.action, given.codes.join(), target, minute].join('\n');
        const known = open.get(key);
        if (known) {
          known.more++;
          return;
        }
        const entry = { denied, minute, more: 0 };
        open.set(key, entry);
        await appendOrCount(entry, denied, 1);
      } catch (error) {
        tools.onError(error);
      }
    },
    async flush(all = false) {
      const current = minuteOf();
      for (const [key, entry] of open) {
        if (!all && entry.minute >= current) continue;
        const count = entry.more;
        entry.more = 0;
        // the decision of the first is not that of the others: they are counted, not explained
        if (count > 0) await appendOrCount(entry, { ...entry.denied, decision: undefined }, count);
        if (entry.more === 0) open.delete(key);
      }
    },
  };
  return recorder;
}
