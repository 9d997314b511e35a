/** For operators: views, collection, usage, self-examination. */
import { z } from 'zod';
import type { Caller } from '../../../application/caller.ts';
import { collect } from '../../../application/collect.ts';
import type { Core } from '../../../application/core.ts';
import { authorise } from '../../../application/handle.ts';
import { INSTANCE } from '../../../application/rights.ts';
import { pageOf, paging, readCursor, toPage } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';

const operate = (core: Core, caller: Caller, target: string) =>
  authorise(core, { caller, action: 'operate', at: INSTANCE, facts: {}, target });

export const routes: readonly AnyRoute[] = [
  route({
    method: 'GET',
    path: '/usage',
    tag: 'operations',
    summary: 'What the whole installation holds: bytes that several repositories share count once',
    response: z.object({
      repositories: z.number(),
      versions: z.number(),
      bytes: z.number(),
      downloads: z.number(),
    }),
    async handle({ caller }, { core }) {
      await operate(core, caller, 'usage');
      return core.queries.usageTotals();
    },
  }),
  route({
    method: 'GET',
    path: '/views',
    tag: 'operations',
    summary: 'How far the views are',
    async handle({ caller }, { core, operations }) {
      await operate(core, caller, 'views');
      return operations.viewsStatus();
    },
  }),
  route({
    method: 'POST',
    path: '/views/rebuild',
    tag: 'operations',
    summary:
      'Build all views anew beside the serving ones, then let them take over; GET /views tells how far it is',
    status: 202,
    async handle({ caller }, { core, operations }) {
      await operate(core, caller, 'views');
      operations.rebuildViews();
      return { started: true };
    },
  }),
  route({
    method: 'POST',
    path: '/collections',
    tag: 'operations',
    summary: 'Remove bytes that nothing names, or only say what would be removed',
    body: z.object({ dryRun: z.boolean().default(false) }),
    response: z.object({
      runId: z.string(),
      examined: z.number(),
      removed: z.number(),
      bytes: z.number(),
      dryRun: z.boolean(),
    }),
    async handle({ caller, body }, { core }) {
      await operate(core, caller, 'collection');
      // it goes on when the caller loses patience: GET /collections tells how it ended
      return collect(core, caller, { dryRun: body.dryRun });
    },
  }),
  route({
    method: 'GET',
    path: '/collections',
    tag: 'operations',
    summary: 'List past collections, newest first',
    query: paging,
    response: pageOf(z.unknown()),
    async handle({ caller, query }, { core }) {
      await operate(core, caller, 'collections');
      const rows = await core.queries.listCollections({
        after: readCursor(query.cursor, z.string()),
        limit: query.limit + 1,
      });
      return toPage<(typeof rows)[number], unknown>(rows, query.limit, {
        key: row => row.position,
        item: row => row,
      });
    },
  }),
  route({
    method: 'GET',
    path: '/doctor',
    tag: 'operations',
    summary: 'Examine the installation: log, views, blobs, jobs',
    async handle({ caller }, { core, operations }) {
      await operate(core, caller, 'doctor');
      return operations.examine();
    },
  }),
];
