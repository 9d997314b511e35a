/**
 * The contract against a real KurrentDB or EventStoreDB: the one at STRONGROOM_TEST_EVENTSTORE_URL, which should
 * serve nothing else, or one in a container where an engine runs and has the image or can fetch it.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, it } from 'vitest';
import { openKurrentLog } from '../../src/eventlog/kurrentdb/log.ts';
import {
  ConflictError,
  type EventLog,
  type Filter,
  type RecordedEvent,
  type SubscriptionMessage,
} from '../../src/eventlog/port.ts';
import { eventLogContract } from '../contracts/eventlog.ts';
import { describeWith, service } from '../support/services.ts';

const IMAGE = 'eventstore/eventstore:24.2';
const FETCH_MS = 180_000;

const server = await findServer();
if (server) {
  afterAll(server.stop);
  const make = async () => {
    const prefix = `${randomUUID()}/`;
    let log = await openKurrentLog({ url: server.url });
    const base = await log.head();
    return {
      log: part(log, prefix, base),
      reopen: async () => {
        await log.close();
        log = await openKurrentLog({ url: server.url });
        return part(log, prefix, base);
      },
      dispose: () => log.close(),
    };
  };
  eventLogContract('KurrentDB: real server', make, { groups: false });
} else {
  describeWith(['eventstore'], 'KurrentDB: real server', () => {
    it('keeps the contract of the event log', () => {});
  });
}

async function findServer(): Promise<{ url: string; stop(): Promise<void> } | undefined> {
  const { url } = service('eventstore');
  if (url) return { url, stop: async () => {} };
  const engine = service('docker');
  if (!engine.available) return undefined;
  if (engine.url) process.env.DOCKER_HOST ??= engine.url;
  const { GenericContainer, Wait } = await import('testcontainers');
  const starting = new GenericContainer(IMAGE)
    .withExposedPorts(2113)
    .withEnvironment({
      EVENTSTORE_INSECURE: 'true',
      EVENTSTORE_MEM_DB: 'true',
      EVENTSTORE_CLUSTER_SIZE: '1',
    })
    .withWaitStrategy(Wait.forHttp('/health/live', 2113).forStatusCode(204))
    .start();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${IMAGE} did not start in ${FETCH_MS} ms`)), FETCH_MS);
  });
  try {
    const container = await Promise.race([starting, late]);
    const address = `${container.getHost()}:${container.getMappedPort(2113)}`;
    return { url: `esdb://${address}?tls=false`, stop: async () => void (await container.stop()) };
  } catch (error) {
    // An engine without the image and without a way to it is as good as none
    console.warn(`no event store in a container: ${(error as Error).message}`);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** One server is shared by all tests: each sees what lies after its beginning, under stream names of its own. */
function part(log: EventLog, prefix: string, base: string): EventLog {
  const own = (event: RecordedEvent) => ({ ...event, stream: event.stream.slice(prefix.length) });
  const translate = (filter: Filter | undefined) =>
    filter && {
      filter: {
        ...filter,
        ...(filter.streamPrefixes && { streamPrefixes: filter.streamPrefixes.map(name => prefix + name) }),
      },
    };
  return {
    logId: log.logId,
    epoch: log.epoch,
    start: base,
    append: async (stream, events, options) => {
      try {
        // An empty or unusable name stays one
        return await log.append(stream && prefix + stream, events, options);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        throw new ConflictError(stream, error.expected, error.actual);
      }
    },
    appendInOrder: async appends => {
      const prefixed = appends.map(append => ({
        ...append,
        stream: append.stream && prefix + append.stream,
      }));
      const { results, conflict } = await log.appendInOrder(prefixed);
      if (!conflict) return { results };
      const { stream, expected, actual } = conflict;
      return { results, conflict: new ConflictError(stream.slice(prefix.length), expected, actual) };
    },
    readStream: async (stream, options) => (await log.readStream(prefix + stream, options)).map(own),
    readAll: async ({ after = base, filter, ...options } = {}) => {
      const page = await log.readAll({ after, ...options, ...translate(filter) });
      return { ...page, events: page.events.map(own) };
    },
    head: () => log.head(),
    subscribe: ({ after = base, filter, ...options } = {}) =>
      mapped(log.subscribe({ after, ...options, ...translate(filter) }), own),
    close: () => log.close(),
  };
}

async function* mapped(
  messages: AsyncIterable<SubscriptionMessage>,
  own: (event: RecordedEvent) => RecordedEvent,
): AsyncGenerator<SubscriptionMessage> {
  for await (const message of messages) {
    yield message.kind === 'event' ? { ...message, event: own(message.event) } : message;
  }
}
