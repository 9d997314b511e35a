/** Policy sets, their attachments, and the decisions that were made. */
import { z } from 'zod';
import type { Caller } from '../../../application/caller.ts';
import type { Core } from '../../../application/core.ts';
import { listDecisions, replayOne, showDecision } from '../../../application/decisions.ts';
import { authorise } from '../../../application/handle.ts';
import * as policies from '../../../application/policies.ts';
import { INSTANCE } from '../../../application/rights.ts';
import { refuse } from '../../../domain/errors.ts';
import { LEVELS } from '../../../domain/policy/policy.ts';
import type { JsonObject } from '../../../domain/values/json.ts';
import type { AttachmentRow } from '../../../projections/queries.ts';
import { paging, readCursor, toPage } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';
import { namesOf, scopeFrom, scopeNames } from '../shapes.ts';

const level = z.enum(LEVELS);
const params = z.object({ attachment: z.string() });

async function attachmentFor(core: Core, caller: Caller, id: string): Promise<AttachmentRow> {
  const row = await core.queries.attachmentById(id);
  const place = row ? await policies.placeOfScope(core, row.scope) : INSTANCE;
  await authorise(core, { caller, action: 'policy-change', at: place, facts: {}, target: id });
  if (!row) throw refuse('ATTACHMENT_UNKNOWN');
  return row;
}

const attachments: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/policies',
    tag: 'policies',
    summary: 'List the policy sets that can be attached',
    async handle({ caller }) {
      if (caller.kind === 'anonymous') throw refuse('UNAUTHENTICATED');
      return { items: policies.availableSets() };
    },
  }),
  route({
    method: 'GET',
    path: '/attachments',
    tag: 'policies',
    summary: 'List attached policy sets',
    async handle({ caller }, { core }) {
      const rows = await core.queries.listAttachments();
      const visible: AttachmentRow[] = [];
      for (const row of rows) if (await policies.maySeeAttachment(core, caller, row)) visible.push(row);
      const items = visible.map(async row => ({
        id: row.attachmentId,
        scope: row.scope,
        ...(await namesOf(core, row.scope)),
        set: row.set,
        level: row.level,
        module: row.module,
        ...(row.params ? { params: row.params } : {}),
        attachedAt: row.attachedAt,
        attachedBy: row.attachedBy,
      }));
      return { items: await Promise.all(items) };
    },
  }),
  route({
    method: 'POST',
    path: '/attachments',
    tag: 'policies',
    summary: 'Attach a policy set to the instance, a project or a repository',
    body: scopeNames.extend({ set: z.string(), level, params: z.record(z.string(), z.json()).optional() }),
    status: 201,
    response: z.object({ id: z.string() }),
    async handle({ caller, body }, { core, consistency }) {
      const scope = await scopeFrom(core, caller, body, 'policy-change');
      const wanted = {
        scope,
        set: body.set,
        level: body.level,
        params: body.params as JsonObject | undefined,
      };
      const { id, position } = await policies.attachPolicy(core, caller, wanted);
      await consistency.wait(position);
      return { id };
    },
  }),
  route({
    method: 'PATCH',
    path: '/attachments/:attachment',
    tag: 'policies',
    summary: 'Set the enforcement level of an attachment',
    params,
    body: z.object({ level }),
    status: 204,
    async handle({ caller, params: { attachment }, body }, { core, consistency }) {
      const row = await attachmentFor(core, caller, attachment);
      await consistency.wait(await policies.setPolicyLevel(core, caller, row, body.level));
    },
  }),
  route({
    method: 'DELETE',
    path: '/attachments/:attachment',
    tag: 'policies',
    summary: 'Detach a policy set',
    params,
    status: 204,
    async handle({ caller, params: { attachment } }, { core, consistency }) {
      const row = await attachmentFor(core, caller, attachment);
      await consistency.wait(await policies.detachPolicy(core, caller, row));
    },
  }),
];

const decisions: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/decisions',
    tag: 'decisions',
    summary: 'List recorded policy decisions, newest first',
    query: paging.extend({ order: z.enum(['asc', 'desc']).default('desc') }),
    async handle({ caller, query }, { core }) {
      await authorise(core, { caller, action: 'read-log', at: INSTANCE, facts: {}, target: 'decisions' });
      const after = readCursor(query.cursor, z.string());
      const rows = await listDecisions(core, { after, limit: query.limit + 1, order: query.order });
      return toPage(rows, query.limit, { key: row => row.position, item: row => row });
    },
  }),
  route({
    method: 'GET',
    path: '/decisions/:decision',
    tag: 'decisions',
    summary: 'Show a decision: what was asked, what each policy set said, and what followed',
    params: z.object({ decision: z.string().describe('id of the event that records it') }),
    async handle({ caller, params: { decision } }, { core }) {
      await authorise(core, { caller, action: 'read-log', at: INSTANCE, facts: {}, target: decision });
      return showDecision(core, decision);
    },
  }),
  route({
    method: 'POST',
    path: '/decisions/:decision/replay',
    tag: 'decisions',
    summary: 'Make a decision again from its evidence and compare every byte',
    params: z.object({ decision: z.string() }),
    async handle({ caller, params: { decision } }, { core }) {
      await authorise(core, { caller, action: 'read-log', at: INSTANCE, facts: {}, target: decision });
      return replayOne(core, decision);
    },
  }),
];

export const routes: readonly AnyRoute[] = [...attachments, ...decisions];
