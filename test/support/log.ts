/** Help for tests that put something between the registry and its event log. */
import { type AppendResult, ConflictError, type EventLog } from '../../src/eventlog/port.ts';

/** `appendInOrder` by single appends, as a log without group commits makes them: a cut between two leaves the first. */
export function oneByOne(append: EventLog['append']): EventLog['appendInOrder'] {
  return async appends => {
    const results: AppendResult[] = [];
    for (const { stream, events, expected } of appends) {
      try {
        const result = await append(stream, events, { expected });
        results.push(result);
        if (result.repeated) break;
      } catch (error) {
        if (error instanceof ConflictError) return { results, conflict: error };
        throw error;
      }
    }
    return { results };
  };
}
