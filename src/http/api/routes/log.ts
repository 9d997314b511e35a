/** The log and what follows from it: events, history, denials. */
import { z } from 'zod';
import { authorise } from '../../../application/handle.ts';
import { INSTANCE } from '../../../application/rights.ts';
import type { Filter, RecordedEvent } from '../../../eventlog/port.ts';
import { packageAsKept, versionAsKept } from '../formats.ts';
import { paging, readCursor, toPage } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';
import { auditedPlace } from '../shapes.ts';

const show = ({ position, stream, revision, id, type, version, recordedAt, data, meta }: RecordedEvent) => ({
  ...{ position, stream, revision, id, type, version, recordedAt, data, meta },
});

const list = z
  .string()
  .max(2000)
  .transform(text => text.split(',').filter(part => part !== ''));

const events: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/events',
    tag: 'log',
    summary: 'Read events in their order, after a position; with wait, hold on until there are some',
    query: z.object({
      after: z
        .string()
        .max(64)
        .optional()
        .describe('position (exclusive); default: the start. `head`: only what is new'),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      types: list.optional().describe('event types, by comma'),
      streams: list.optional().describe('stream name prefixes, by comma'),
      wait: z.coerce.number().int().min(0).max(60).default(0).describe('seconds'),
    }),
    async handle({ caller, query, signal }, { core }) {
      await authorise(core, { caller, action: 'read-log', at: INSTANCE, facts: {}, target: 'events' });
      const filter: Filter = {
        ...(query.types ? { types: query.types } : {}),
        ...(query.streams ? { streamPrefixes: query.streams } : {}),
      };
      const after = query.after === 'head' ? await core.log.head() : (query.after ?? core.log.start);
      const read = (from: string) => core.log.readAll({ after: from, filter, limit: query.limit });
      let page = await read(after);
      if (page.events.length === 0 && page.atHead && query.wait > 0) {
        await newEvents(core.log.subscribe({ after: page.next, filter, signal: within(query.wait, signal) }));
        page = await read(page.next);
      }
      return { items: page.events.map(show), next: page.next, atHead: page.atHead };
    },
  }),
];

const within = (seconds: number, signal: AbortSignal) =>
  AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);

/** Resolves at the first event, or when the subscription's signal ends it. */
async function newEvents(messages: AsyncIterable<{ kind: string }>): Promise<void> {
  for await (const { kind } of messages) if (kind === 'event') return;
}

/** Only a repository has a format, and so names that mean the same. */
const asKept = (
  format: string | undefined,
  of: { package?: string | undefined; version?: string | undefined },
) => ({
  package: format && of.package ? packageAsKept(format, of.package) : of.package,
  version: format && of.version ? versionAsKept(format, of.version) : of.version,
});

const history: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/history',
    tag: 'log',
    summary: 'What happened to a repository, package, version or tag, or what somebody did, newest first',
    query: paging.extend({
      project: z.string().optional(),
      repository: z.string().optional(),
      package: z.string().optional(),
      version: z.string().optional(),
      tag: z.string().optional(),
      actor: z.string().optional(),
      order: z.enum(['asc', 'desc']).default('desc'),
    }),
    serves: true,
    async handle({ caller, query }, { core }) {
      const { format, ...place } = await auditedPlace(core, caller, query);
      const rows = await core.queries.activity({
        ...place,
        ...asKept(format, query),
        tag: query.tag,
        actor: query.actor,
        after: readCursor(query.cursor, z.string()),
        limit: query.limit + 1,
        order: query.order,
      });
      return toPage(rows, query.limit, { key: row => row.position, item: row => row });
    },
  }),
  route({
    method: 'GET',
    path: '/denials',
    tag: 'log',
    summary: 'What was refused, counted by actor, rule, target and minute, newest first',
    query: paging.extend({ actor: z.string().optional() }),
    async handle({ caller, query }, { core }) {
      await authorise(core, { caller, action: 'read-log', at: INSTANCE, facts: {}, target: 'denials' });
      const after = readCursor(query.cursor, z.object({ minute: z.string(), denialId: z.string() }));
      const rows = await core.queries.listDenials({ actor: query.actor, after, limit: query.limit + 1 });
      return toPage(rows, query.limit, {
        key: ({ minute, denialId }) => ({ minute, denialId }),
        item: row => row,
      });
    },
  }),
];

export const routes: readonly AnyRoute[] = [...events, ...history];
