/** Holds and promotions. */
import { z } from 'zod';
import { hold, release } from '../../../application/govern.ts';
import { authorise } from '../../../application/handle.ts';
import { repositoryFor } from '../../../application/places.ts';
import { promote } from '../../../application/promote.ts';
import { at, INSTANCE } from '../../../application/rights.ts';
import { refuse } from '../../../domain/errors.ts';
import { OCI_TAG } from '../../../domain/values/names.ts';
import type { PromotionRow } from '../../../projections/queries.ts';
import { pageOf, paging, readCursor, toPage } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';
import { artifact, auditedPlace, governed, namesOf, reason, repositoryParams } from '../shapes.ts';
import { showHold } from './artifacts.ts';

const override = z.boolean().optional().describe('pass soft denials; the reason says why');

const holds: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/holds',
    tag: 'holds',
    summary: 'List open holds, of a repository or of the instance',
    query: paging.extend({ project: z.string().optional(), repository: z.string().optional() }),
    async handle({ caller, query }, { core }) {
      const { projectId, repositoryId } = await auditedPlace(core, caller, query);
      if (projectId !== undefined) throw refuse('REQUEST_INVALID', 'name the repository, too');
      const after = readCursor(query.cursor, z.string());
      const rows = await core.queries.listHolds({
        repositoryId,
        after,
        limit: query.limit + 1,
      });
      const page = toPage(rows, query.limit, { key: row => row.position, item: row => row });
      const items = page.items.map(async row => ({
        ...(await showHold(core, row)),
        ...(row.repositoryId ? await namesOf(core, { kind: 'repository', id: row.repositoryId }) : {}),
        ...(row.subject ? { subject: row.subject } : {}),
        ...(row.package ? { package: row.package, version: row.version } : {}),
      }));
      return { ...page, items: await Promise.all(items) };
    },
  }),
  route({
    method: 'POST',
    path: '/holds',
    tag: 'holds',
    summary: 'Hold a version here, or its bytes everywhere: nobody can pull it until the hold is lifted',
    body: artifact.extend({ reason, everywhere: z.boolean().default(false), override }),
    status: 201,
    response: z.object({ id: z.string() }),
    async handle({ caller, body }, { core, consistency }) {
      const of = { ...(await governed(core, caller, body, 'hold')), override: overriding(body) };
      const { holdId, position } = await hold(core, of, body);
      await consistency.wait(position);
      return { id: holdId };
    },
  }),
  route({
    method: 'POST',
    path: '/holds/:hold/release',
    tag: 'holds',
    summary: 'Lift one hold of a person',
    params: z.object({ hold: z.string() }),
    body: artifact.partial().extend({ reason: reason.optional(), override }),
    response: z.object({ remaining: z.number().describe('open holds that still bind it') }),
    async handle({ caller, params, body }, { core, consistency }) {
      const of = await ofHold(core, caller, params.hold, body);
      const lifted = await release(
        core,
        { ...of, override: overriding(body) },
        { holdId: params.hold, reason: body.reason },
      );
      await consistency.wait(lifted.position);
      return { remaining: lifted.remaining };
    },
  }),
];

const overriding = (body: { override?: boolean | undefined; reason?: string | undefined }) =>
  body.override ? { hasReason: Boolean(body.reason) } : undefined;

/** The version a hold is on; of a hold everywhere, any place that it binds and the caller may release from. */
async function ofHold(
  core: Parameters<typeof governed>[0],
  caller: Parameters<typeof governed>[1],
  holdId: string,
  body: object,
) {
  const known = await core.queries.holdById(holdId);
  const named = artifact.safeParse(body);
  if (named.success) return governed(core, caller, named.data, 'release');
  const place = known?.repositoryId
    ? known
    : known?.subject
      ? (await core.queries.placesOfSubject(known.subject, { limit: 1 }))[0]
      : undefined;
  const repository = place?.repositoryId ? await core.queries.repositoryById(place.repositoryId) : undefined;
  if (!repository || !place?.package || !place.version) {
    // whether there is such a hold is told only to who may lift holds
    await authorise(core, { caller, action: 'release', at: INSTANCE, facts: {}, target: 'hold' });
    throw refuse('HOLD_UNKNOWN', { holdId });
  }
  await authorise(core, { caller, action: 'release', at: at(repository), facts: {}, target: 'hold' });
  const version = await core.queries.getVersion(repository.repositoryId, place.package, place.version);
  if (!version) throw refuse('VERSION_UNKNOWN');
  return { caller, repository, version };
}

const promotionShape = z.object({
  id: z.string(),
  status: z.enum(['requested', 'completed', 'refused']),
  package: z.string(),
  version: z.string(),
  tag: z.string().optional(),
  code: z.string().optional(),
  versions: z.number().describe('manifests that were taken along'),
  requestedBy: z.string(),
  requestedAt: z.string(),
});
const showPromotion = (row: PromotionRow) => ({
  id: row.promotionId,
  status: row.status,
  package: row.package,
  version: row.version,
  ...(row.tag ? { tag: row.tag } : {}),
  ...(row.code ? { code: row.code } : {}),
  versions: row.closure.length,
  requestedBy: row.requestedBy,
  requestedAt: row.requestedAt,
});

const promotions: AnyRoute[] = [
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
      reason: reason.optional(),
      override,
    }),
    status: 201,
    response: z.object({
      id: z.string(),
      version: z.string(),
      placed: z.number(),
      warnings: z.array(z.string()),
    }),
    async handle({ caller, body }, { core, consistency }) {
      const source = await governed(core, caller, body.from, 'pull');
      const to = await repositoryFor(core, caller, body.to, 'promote');
      const done = await promote(core, caller, {
        from: source.repository,
        to,
        package: source.version.package,
        reference: { digest: source.version.version },
        tag: body.tag ?? body.from.tag,
        override: overriding(body),
      });
      await consistency.wait(done.position);
      return {
        id: done.promotionId,
        version: done.version,
        placed: done.placed,
        warnings: [...done.warnings],
      };
    },
  }),
  route({
    method: 'GET',
    path: '/projects/:project/repositories/:repository/promotions',
    tag: 'promotions',
    summary: 'List promotions from and to a repository, newest first',
    params: repositoryParams,
    query: paging,
    response: pageOf(promotionShape),
    async handle({ caller, params, query }, { core }) {
      const { repositoryId } = await repositoryFor(core, caller, params, 'pull');
      const after = readCursor(query.cursor, z.string());
      const rows = await core.queries.listPromotions({ repositoryId, after, limit: query.limit + 1 });
      return toPage(rows, query.limit, { key: row => row.position, item: showPromotion });
    },
  }),
];

export const routes: readonly AnyRoute[] = [...holds, ...promotions];
