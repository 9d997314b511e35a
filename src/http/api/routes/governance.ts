/** Holds. */
import { z } from 'zod';
import { hold, release } from '../../../application/govern.ts';
import { authorise } from '../../../application/handle.ts';
import { at, INSTANCE } from '../../../application/rights.ts';
import { refuse } from '../../../domain/errors.ts';
import { paging, readCursor, toPage } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';
import { artifact, auditedPlace, governed, namesOf, overriding, reason } from '../shapes.ts';
import { showHold } from './artifacts.ts';

const override = z.boolean().optional().describe('pass soft denials; the reason says why');

export const routes: readonly AnyRoute[] = [
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
    body: artifact.extend({
      reason,
      everywhere: z.boolean().default(false),
      file: z.string().max(1024).optional().describe('only this file of the version, with its sidecars'),
      override,
    }),
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
