/** Projects and repositories. */
import { z } from 'zod';
import { projectFor, repositoryFor } from '../../../application/places.ts';
import * as projects from '../../../application/projects.ts';
import { at, mayDo } from '../../../application/rights.ts';
import { refuse } from '../../../domain/errors.ts';
import { requiredApprovals } from '../../../domain/repository/repository.ts';
import type { ProjectRow, RepositoryInfo } from '../../../projections/queries.ts';
import { PROJECT_FORMATS } from '../formats.ts';
import { pageOf, paging, readCursor, toPage, visibleRows } from '../page.ts';
import { type AnyRoute, route } from '../route.ts';
import { projectParams, repositoryParams } from '../shapes.ts';

const projectShape = z.object({ id: z.string(), name: z.string(), createdAt: z.string() });
const repositoryShape = z.object({
  id: z.string(),
  project: z.string(),
  name: z.string(),
  format: z.string(),
  kind: z.string(),
  visibility: z.enum(['private', 'public']),
  recording: z.enum(['each', 'counted', 'off']),
  immutableTags: z.array(z.string()),
  immutableVersions: z.boolean(),
  requiredApprovals: z.number(),
  createdAt: z.string(),
});
const usageShape = z.object({ versions: z.number(), bytes: z.number(), downloads: z.number() });
const made = z.object({ id: z.string() });

const show = (row: RepositoryInfo) => ({
  id: row.repositoryId,
  project: row.projectName,
  name: row.name,
  format: row.format,
  kind: row.kind,
  visibility: row.visibility,
  recording: row.recording,
  immutableTags: [...row.immutableTags],
  immutableVersions: row.immutableVersions,
  requiredApprovals: row.requiredApprovals,
  createdAt: row.createdAt,
});

const byName = { key: (row: { name: string }) => row.name };

const projectRoutes: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/projects',
    tag: 'projects',
    summary: 'List the projects in which the caller may see something',
    query: paging,
    response: pageOf(projectShape),
    async handle({ caller, query }, { core }) {
      const rows = await visibleRows(query.limit, readCursor(query.cursor, z.string()), {
        read: page => core.queries.listProjects(page),
        sees: row => sees(core, caller, row),
        ...byName,
      });
      const item = ({ projectId, name, createdAt }: ProjectRow) => ({ id: projectId, name, createdAt });
      return toPage(rows, query.limit, { ...byName, item });
    },
  }),
  route({
    method: 'POST',
    path: '/projects',
    tag: 'projects',
    summary: 'Create a project',
    body: z.object({ name: z.string() }),
    status: 201,
    response: made,
    async handle({ caller, body }, { core, consistency }) {
      const { id, position } = await projects.createProject(core, caller, body.name);
      await consistency.wait(position);
      return { id };
    },
  }),
  route({
    method: 'PATCH',
    path: '/projects/:project',
    tag: 'projects',
    summary: 'Rename a project',
    params: projectParams,
    body: z.object({ name: z.string() }),
    status: 204,
    async handle({ caller, params, body }, { core, consistency }) {
      const of = await projectFor(core, caller, params.project, 'repository-change');
      await consistency.wait(await projects.renameProject(core, caller, of, body.name));
    },
  }),
  route({
    method: 'DELETE',
    path: '/projects/:project',
    tag: 'projects',
    summary: 'Delete an empty project',
    params: projectParams,
    status: 204,
    async handle({ caller, params }, { core, consistency }) {
      const of = await projectFor(core, caller, params.project, 'repository-change');
      await consistency.wait(await projects.deleteProject(core, caller, of));
    },
  }),
];

async function sees(
  core: Parameters<typeof mayDo>[0],
  caller: Parameters<typeof mayDo>[1],
  row: { projectId: string; name: string },
) {
  const project = { project: { id: row.projectId, name: row.name } };
  if ((await mayDo(core, caller, 'pull', project)).allowed) return true;
  const repositories = await core.queries.listRepositories({ projectId: row.projectId, limit: 1000 });
  for (const repository of repositories)
    if ((await mayDo(core, caller, 'pull', at(repository))).allowed) return true;
  return false;
}

const repositoryRoutes: AnyRoute[] = [
  route({
    method: 'GET',
    path: '/repositories',
    tag: 'repositories',
    summary: 'List the repositories that the caller may pull from',
    query: paging.extend({ project: z.string().optional() }),
    response: pageOf(repositoryShape),
    async handle({ caller, query }, { core }) {
      const after = readCursor(query.cursor, z.object({ projectName: z.string(), name: z.string() }));
      const of = query.project === undefined ? undefined : await core.queries.projectByName(query.project);
      if (query.project !== undefined && !of) return { items: [] };
      const key = ({ projectName, name }: RepositoryInfo) => ({ projectName, name });
      const rows = await visibleRows(query.limit, after, {
        read: page => core.queries.listRepositories({ projectId: of?.projectId, ...page }),
        sees: async row => (await mayDo(core, caller, 'pull', at(row))).allowed,
        key,
      });
      return toPage(rows, query.limit, { key, item: show });
    },
  }),
  route({
    method: 'POST',
    path: '/projects/:project/repositories',
    tag: 'repositories',
    summary: 'Create a repository',
    params: projectParams,
    body: z.object({
      name: z.string(),
      format: z.string(),
      kind: z.enum(['hosted', 'proxy', 'virtual']).default('hosted'),
    }),
    status: 201,
    response: made,
    async handle({ caller, params, body }, { core, consistency }) {
      if (!PROJECT_FORMATS.includes(body.format))
        throw refuse(
          'REQUEST_INVALID',
          `there is no format ${body.format}; there are ${PROJECT_FORMATS.join(', ')}`,
        );
      const of = await projectFor(core, caller, params.project, 'repository-change');
      const { id, position } = await projects.createRepository(core, caller, of, body);
      await consistency.wait(position);
      return { id };
    },
  }),
  route({
    method: 'GET',
    path: '/projects/:project/repositories/:repository',
    tag: 'repositories',
    summary: 'Show a repository with its usage',
    params: repositoryParams,
    response: repositoryShape.extend({ usage: usageShape }),
    async handle({ caller, params }, { core }) {
      const row = await repositoryFor(core, caller, params, 'pull');
      const { versions, bytes, downloads } = await core.queries.usage(row.repositoryId);
      const recent = core.downloads.unsealed(row.repositoryId);
      return { ...show(row), usage: { versions, bytes, downloads: downloads + recent } };
    },
  }),
  route({
    method: 'PATCH',
    path: '/projects/:project/repositories/:repository',
    tag: 'repositories',
    summary: 'Change the name or settings of a repository',
    params: repositoryParams,
    body: z.object({
      name: z.string().optional(),
      visibility: z.enum(['private', 'public']).optional(),
      recording: z.enum(['each', 'counted', 'off']).optional(),
      immutableTags: z
        .array(z.string().min(1).max(128))
        .max(50)
        .optional()
        .describe('glob patterns, e.g. v*'),
      immutableVersions: z
        .boolean()
        .optional()
        .describe('false: files of packages may be replaced, where the format knows such a thing'),
      requiredApprovals: requiredApprovals
        .optional()
        .describe('persons who must approve a promotion into it, besides who asks'),
    }),
    status: 204,
    async handle({ caller, params, body }, { core, consistency }) {
      const row = await repositoryFor(core, caller, params, 'repository-change');
      await consistency.wait(await projects.changeRepository(core, caller, row, body));
    },
  }),
  route({
    method: 'DELETE',
    path: '/projects/:project/repositories/:repository',
    tag: 'repositories',
    summary: 'Delete an empty repository',
    params: repositoryParams,
    status: 204,
    async handle({ caller, params }, { core, consistency }) {
      const row = await repositoryFor(core, caller, params, 'repository-change');
      await consistency.wait(await projects.deleteRepository(core, caller, row));
    },
  }),
];

export const routes: readonly AnyRoute[] = [...projectRoutes, ...repositoryRoutes];
