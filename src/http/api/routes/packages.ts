/** Packages: what versions say of themselves, advice about them, single files, and versions that wait for approval. */
import { z } from 'zod';
import { deprecate, removeFile, yank } from '../../../application/advise.ts';
import type { Core } from '../../../application/core.ts';
import { readableRepositories } from '../../../application/listing.ts';
import { repositoryFor } from '../../../application/places.ts';
import { Released } from '../../../application/resolve.ts';
import { approveStaged, stagedVersions } from '../../../application/staged.ts';
import { description } from '../../../domain/values/description.ts';
import { pageOf, paging, readCursor, toPage } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';
import { artifact, governed, reason, repositoryParams } from '../shapes.ts';

/** How many readable repositories are searched, by project and name. */
const MAX_SEARCHED = 1000;

const shownDescription = description
  .omit({ native: true, readme: true })
  .extend({ readme: z.string().optional().describe('its text') });

const stagedShape = z.object({
  package: z.string(),
  version: z.string(),
  hold: z.string(),
  stagedBy: z.string(),
  stagedAt: z.string(),
});

const foundShape = z.object({
  project: z.string(),
  repository: z.string(),
  format: z.string(),
  package: z.string(),
});

const reading: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/artifact/description',
    tag: 'packages',
    summary: 'What a version says about itself: summary, licence, dependencies, README',
    query: artifact,
    response: shownDescription,
    serves: true,
    async handle({ caller, query }, { core }) {
      const { repository, version } = await governed(core, caller, query, 'pull');
      // refused while held: what it says is content, too
      await Released.listed(core, { caller, repository }, version);
      const row = await core.queries.getDescription(version.repositoryId, version.package, version.version);
      const { native: _native, readme, ...said } = row?.description ?? {};
      const text = readme === undefined ? undefined : await textOf(core, readme);
      return text === undefined ? said : { ...said, readme: text };
    },
  }),
  route({
    method: 'GET',
    path: '/search',
    tag: 'packages',
    summary:
      'Find packages by words in their name, summary and keywords, in all repositories that you may pull from',
    query: paging.extend({
      q: z.string().min(1).max(500),
      format: z.string().optional(),
      project: z.string().optional(),
      repository: z.string().optional(),
    }),
    response: pageOf(foundShape),
    serves: true,
    async handle({ caller, query }, { core }) {
      const { project, repository } = query;
      const repositoryIds =
        project !== undefined && repository !== undefined
          ? [(await repositoryFor(core, caller, { project, repository }, 'pull')).repositoryId]
          : (await readableRepositories(core, caller, query.format)).slice(0, MAX_SEARCHED);
      const after = readCursor(query.cursor, z.object({ repositoryId: z.string(), package: z.string() }));
      const words = query.q.split(/\s+/).filter(Boolean);
      const rows = await core.queries.searchPackages({ repositoryIds, words, after, limit: query.limit + 1 });
      const key = (row: { repositoryId: string; package: string }) => ({
        repositoryId: row.repositoryId,
        package: row.package,
      });
      const page = toPage(rows, query.limit, { key, item: row => row });
      return { ...page, items: await Promise.all(page.items.map(row => found(core, row))) };
    },
  }),
  route({
    method: 'GET',
    path: '/projects/:project/repositories/:repository/staged',
    tag: 'packages',
    summary: 'List versions that wait for approval',
    params: repositoryParams,
    response: z.object({ items: z.array(stagedShape) }),
    async handle({ caller, params }, { core }) {
      const repository = await repositoryFor(core, caller, params, 'pull');
      const items = await stagedVersions(core, repository);
      return { items: items.map(({ holdId: hold, ...rest }) => ({ ...rest, hold })) };
    },
  }),
];

async function textOf(core: Core, digest: string): Promise<string | undefined> {
  const bytes = await core.evidence.get(digest);
  return bytes === undefined || bytes === 'erased' ? undefined : Buffer.from(bytes).toString();
}

async function found(core: Core, row: { repositoryId: string; displayName: string; format: string }) {
  const place = await core.queries.repositoryById(row.repositoryId);
  return {
    project: place?.projectName ?? '',
    repository: place?.name ?? '',
    format: row.format,
    package: row.displayName,
  };
}

const changing: AnyRoute[] = [
  route({
    method: 'POST',
    path: '/artifact/deprecate',
    tag: 'packages',
    summary: 'Advise against a version; it stays to be had. Without a message the advice is taken back',
    body: artifact.extend({ message: z.string().trim().min(1).max(2000).optional() }),
    status: 204,
    async handle({ caller, body }, { core, consistency }) {
      const of = await governed(core, caller, body, 'push');
      await consistency.wait(await deprecate(core, of, body.message));
    },
  }),
  route({
    method: 'POST',
    path: '/artifact/yank',
    tag: 'packages',
    summary: 'Let no range choose a version any more (PyPI: yank, NuGet: unlist), or let it be chosen again',
    body: artifact.extend({ reason: reason.optional(), undo: z.boolean().default(false) }),
    status: 204,
    async handle({ caller, body }, { core, consistency }) {
      const of = await governed(core, caller, body, 'delete');
      await consistency.wait(await yank(core, of, body.undo ? undefined : (body.reason ?? '')));
    },
  }),
  route({
    method: 'POST',
    path: '/artifact/file/delete',
    tag: 'packages',
    summary: 'Delete one file of a version with its sidecars; it cannot be restored',
    body: artifact.extend({ file: z.string().min(1).max(1024) }),
    status: 204,
    async handle({ caller, body }, { core, consistency }) {
      const of = await governed(core, caller, body, 'delete');
      await consistency.wait(await removeFile(core, of, body.file));
    },
  }),
  route({
    method: 'POST',
    path: '/artifact/approve',
    tag: 'packages',
    summary: 'Approve a version that was published as staged: from then on it can be had',
    body: artifact,
    status: 204,
    async handle({ caller, body }, { core, consistency }) {
      await consistency.wait(await approveStaged(core, await governed(core, caller, body, 'release')));
    },
  }),
];

export const routes: readonly AnyRoute[] = [...reading, ...changing];
