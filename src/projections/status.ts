/** What the runner knows of itself, for health checks, metrics and operators. */

export interface RunnerStatus {
  readonly state: 'starting' | 'following' | 'retrying' | 'halted' | 'closed';
  /** the last position whose events are in the views and were announced here */
  readonly position: string;
  /** the log's head as it was last seen */
  readonly head: string;
  readonly lag: {
    /** events between position and head; absent when positions do not tell */
    readonly events?: number;
    /** for how long events have waited, 0 when none does */
    readonly seconds: number;
  };
  /** 0: none serves */
  readonly generation: number;
  /** a generation answers queries */
  readonly serving: boolean;
  /** a new generation is being built */
  readonly rebuilding: boolean;
  /** how far the new generation is */
  readonly rebuiltTo?: string;
  /** the views answer, and follow */
  readonly ready: boolean;
  /** why it halted or tries again; else why the views were built last */
  readonly reason?: string;
}

type Phase = RunnerStatus['state'];
export type Status = ReturnType<typeof createStatus>;

export function createStatus(start: string, distance?: (from: string, to: string) => number) {
  let phase: Phase = 'starting';
  let position = '';
  let head = start;
  let behindSince: number | undefined;
  let generation = 0;
  let rebuiltTo: string | undefined;
  let reason: string | undefined;
  let buildReason: string | undefined;

  const judge = () => {
    if (position >= head) behindSince = undefined;
    else behindSince ??= performance.now();
  };

  return {
    position: () => position,
    reached(to: string) {
      position = to;
      if (to > head) head = to;
      judge();
    },
    /** also to an earlier position; '' when nothing is known */
    back(to: string) {
      position = to;
      judge();
    },
    noteHead(seen: string) {
      if (seen > head) head = seen;
      judge();
    },
    phase(now: Phase, why?: string) {
      phase = now;
      reason = why;
    },
    serving(number: number | undefined) {
      generation = number ?? 0;
    },
    /** undefined: no longer */
    building(to: string | undefined) {
      rebuiltTo = to;
    },
    because(why: string) {
      buildReason = why;
    },
    status(): RunnerStatus {
      const shown = reason ?? buildReason;
      const seconds = behindSince === undefined ? 0 : (performance.now() - behindSince) / 1000;
      const at = position || start;
      return {
        state: phase,
        position: at,
        head,
        lag: { seconds, ...(distance && { events: at < head ? distance(at, head) : 0 }) },
        generation,
        serving: generation > 0,
        rebuilding: rebuiltTo !== undefined,
        ...(rebuiltTo !== undefined && { rebuiltTo }),
        ready: phase === 'following' && generation > 0,
        ...(shown !== undefined && { reason: shown }),
      };
    },
  };
}
