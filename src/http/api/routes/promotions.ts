/** Promotions: asked for, approved, rejected, looked at. */
import { z } from 'zod';
import type { Caller } from '../../../application/caller.ts';
import type { Core } from '../../../application/core.ts';
import { repositoryFor } from '../../../application/places.ts';
import { promote } from '../../../application/promote.ts';
import {
  approvePromotion,
  endsOf,
  type KnownPromotion,
  promotionFor,
  rejectPromotion,
  sees,
} from '../../../application/promotion-approval.ts';
import { canonicalDigest } from '../../../domain/values/digest.ts';
import { OCI_TAG } from '../../../domain/values/names.ts';
import type { PromotionRow } from '../../../projections/queries.ts';
import { pageOf, paging, readCursor, toPage, visibleRows } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';
import { artifact, governed, overriding, reason, repositoryParams } from '../shapes.ts';
import { detailShape, given, promotionShape, show, showDetail, status } from './promotion-shapes.ts';

interface Listed {
  readonly repositoryId?: string | undefined;
  readonly status?: PromotionRow['status'] | undefined;
}

/** Newest first; of the whole instance only what the caller may know of. */
async function page(core: Core, caller: Caller, query: z.output<typeof paging>, of: Listed) {
  const key = ({ row }: KnownPromotion) => row.position;
  const rows = await visibleRows(query.limit, readCursor(query.cursor, z.string()), {
    async read({ after, limit }) {
      const found = await core.queries.listPromotions({ ...of, after, limit });
      return Promise.all(found.map(row => endsOf(core, row)));
    },
    sees: known => sees(core, caller, known),
    key,
  });
  const { items, ...next } = toPage(rows, query.limit, { key, item: known => show(core, caller, known) });
  return { ...next, items: await Promise.all(items) };
}

const one = z.object({ promotion: z.string().max(64) });

const reading: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/promotions',
    tag: 'promotions',
    summary: 'List the promotions from and to repositories that the caller may pull from, newest first',
    query: paging.extend({ status: status.optional() }),
    response: pageOf(promotionShape),
    handle: ({ caller, query }, { core }) => page(core, caller, query, { status: query.status }),
  }),
  route({
    method: 'GET',
    path: '/projects/:project/repositories/:repository/promotions',
    tag: 'promotions',
    summary: 'List promotions from and to a repository, newest first',
    params: repositoryParams,
    query: paging.extend({ status: status.optional() }),
    response: pageOf(promotionShape),
    async handle({ caller, params, query }, { core }) {
      const { repositoryId } = await repositoryFor(core, caller, params, 'pull');
      return page(core, caller, query, { repositoryId, status: query.status });
    },
  }),
  route({
    method: 'GET',
    path: '/promotions/:promotion',
    tag: 'promotions',
    summary: 'Show a promotion: what it takes along, who approved it, and how it ended',
    params: one,
    response: detailShape,
    async handle({ caller, params }, { core }) {
      return showDetail(core, caller, await promotionFor(core, caller, params.promotion));
    },
  }),
];

const changing: AnyRoute[] = [
  route({
    method: 'POST',
    path: '/promotions',
    tag: 'promotions',
    summary: 'Promote a version with all it consists of and all that is about it into another repository',
    body: z.object({
      from: artifact,
      to: repositoryParams,
      tag: z
        .string()
        .regex(OCI_TAG)
        .optional()
        .describe('tag in the target; default: the tag it was named by'),
      waitForApproval: z
        .boolean()
        .optional()
        .describe('wait for an approval also where the target asks for none'),
      reason: reason.optional(),
      override: z.boolean().optional().describe('pass soft denials; the reason says why'),
    }),
    status: 201,
    response: z.object({
      id: z.string(),
      status: z.enum(['completed', 'waiting']),
      version: z.string(),
      placed: z.number().describe('manifests; 0 while it waits'),
      closure: z.string().optional().describe('digest of all that is taken along: what an approval names'),
      required: z.number().describe('approvals that it waits for'),
      expiresAt: z.string().optional(),
      warnings: z.array(z.string()),
    }),
    async handle({ caller, body }, { core, consistency }) {
      const source = await governed(core, caller, body.from, 'pull');
      const to = await repositoryFor(core, caller, body.to, 'promote');
      const { request, ...done } = await promote(core, caller, {
        from: source.repository,
        to,
        package: source.version.package,
        reference: { digest: source.version.version },
        tag: body.tag ?? body.from.tag,
        waitForApproval: body.waitForApproval,
        reason: body.reason,
        override: overriding(body),
      });
      await consistency.wait(done.position);
      const completed = done.status === 'completed';
      return {
        id: done.promotionId,
        status: completed ? ('completed' as const) : ('waiting' as const),
        version: request.version,
        placed: completed ? request.closure.length : 0,
        required: request.approvals,
        ...given({ closure: request.closureDigest, expiresAt: completed ? undefined : request.expiresAt }),
        warnings: [...done.warnings],
      };
    },
  }),
  route({
    method: 'POST',
    path: '/promotions/:promotion/approve',
    tag: 'promotions',
    summary: 'Approve a promotion of somebody else; with the last one that is missing it is carried out',
    params: one,
    body: z.object({
      closure: canonicalDigest.describe('of the promotion, as it was looked at'),
      reason: reason.optional(),
    }),
    response: z.object({
      status,
      approvals: z.number().describe('that count now'),
      required: z.number(),
      code: z.string().optional().describe('why it was refused in the end'),
      reason: z.string().optional(),
      warnings: z.array(z.string()),
    }),
    async handle({ caller, params, body }, { core, consistency }) {
      const { closure: closureDigest, reason: why } = body;
      const done = await approvePromotion(core, caller, params.promotion, { closureDigest, reason: why });
      await consistency.wait(done.position);
      const waits = done.status === 'requested' && done.given < done.required;
      return {
        status: waits || done.status === 'absent' ? ('waiting' as const) : done.status,
        approvals: done.given,
        required: done.required,
        ...given({ code: done.refusal?.code, reason: done.refusal?.reason }),
        warnings: [...done.warnings],
      };
    },
  }),
  route({
    method: 'POST',
    path: '/promotions/:promotion/reject',
    tag: 'promotions',
    summary: 'Reject a promotion that waits; who asked for it takes it back',
    params: one,
    body: z.object({ reason: reason.min(1) }),
    response: z.object({ status }),
    async handle({ caller, params, body }, { core, consistency }) {
      const done = await rejectPromotion(core, caller, params.promotion, body.reason);
      await consistency.wait(done.position);
      return { status: done.status === 'absent' ? ('waiting' as const) : done.status };
    },
  }),
];

export const routes: readonly AnyRoute[] = [...reading, ...changing];
