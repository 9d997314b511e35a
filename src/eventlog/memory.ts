/** The event log in memory: for unit tests and demonstrations; it dies with the process. */
import { randomUUID } from 'node:crypto';
import { refuse } from '../domain/errors.ts';
import { type EncodedAppend, encodeAppend, encodeAppends } from './checks.ts';
import { FOLLOW_PAGE, type Followable, follow, HeadWaiters } from './follow.ts';
import { type AppendOutcome, decideInOrder, type Place, planAppend, resultOf, resultsOf } from './plan.ts';
import { type EventLog, type Page, passes, type ReadAllOptions, type RecordedEvent } from './port.ts';
import { fromPosition, notBefore, START, toPosition } from './positions.ts';

export interface MemoryLogOptions {
  /** the clock for `recordedAt` */
  readonly now?: () => Date;
}

/** A new, empty log. */
export function createMemoryLog(options: MemoryLogOptions = {}): EventLog {
  const now = options.now ?? (() => new Date());
  const all: RecordedEvent[] = [];
  const streams = new Map<string, RecordedEvent[]>();
  const places = new Map<string, Place>();
  const waiters = new HeadWaiters();
  let closed = false;

  const head = () => toPosition(all.length);
  const mustBeOpen = () => {
    if (closed) throw refuse('LOG_UNAVAILABLE', 'the event log was closed');
  };

  function apply(append: EncodedAppend): AppendOutcome {
    const stream = streams.get(append.stream) ?? [];
    const plan = planAppend(append, id => places.get(id), stream.length ? stream.length - 1 : undefined);
    if (plan.kind === 'conflict') return plan;
    if (plan.kind === 'repeated') return { kind: 'repeated', ...plan.last };
    const recordedAt = notBefore(all.at(-1)?.recordedAt ?? '', now());
    for (const { data, meta, ...event } of append.events) {
      const recorded: RecordedEvent = {
        ...event,
        data: JSON.parse(data),
        meta: JSON.parse(meta),
        stream: append.stream,
        revision: stream.length,
        position: toPosition(all.length + 1),
        recordedAt,
      };
      stream.push(recorded);
      all.push(recorded);
      places.set(event.id, { position: all.length, revision: recorded.revision });
    }
    streams.set(append.stream, stream);
    waiters.wake();
    return { kind: 'written', position: all.length, revision: stream.length - 1, recordedAt };
  }

  function readPage({ after = START, filter, limit = 1000 }: ReadAllOptions): Page {
    const from = fromPosition(after);
    const looked = all.slice(from, from + limit);
    return {
      events: looked.filter(event => passes(event, filter)),
      next: looked.at(-1)?.position ?? after,
      atHead: from + looked.length >= all.length,
    };
  }

  const source: Followable = {
    start: START,
    knownHead: head,
    page: async (after, filter) =>
      closed ? undefined : readPage({ after, ...(filter && { filter }), limit: FOLLOW_PAGE }),
    beyond: (position, signal) => waiters.until(() => head() > position, signal),
  };

  return {
    logId: randomUUID(),
    epoch: 1,
    start: START,
    async append(stream, events, { expected }) {
      mustBeOpen();
      const append = encodeAppend(stream, events, expected);
      return resultOf(append, apply(append));
    },
    async appendInOrder(appends) {
      mustBeOpen();
      const encoded = encodeAppends(appends);
      return resultsOf(encoded, decideInOrder(encoded, apply));
    },
    async readStream(stream, { from = 0, limit = Number.MAX_SAFE_INTEGER } = {}) {
      mustBeOpen();
      return (streams.get(stream) ?? []).slice(from, from + limit);
    },
    async readAll(options = {}) {
      mustBeOpen();
      return readPage(options);
    },
    async head() {
      mustBeOpen();
      return head();
    },
    subscribe: options => follow(source, options ?? {}),
    async close() {
      closed = true;
      waiters.end();
    },
  };
}
