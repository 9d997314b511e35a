/** Projects, and repositories that are not deleted. */
import type { Views } from '../port.ts';
import { type Argument, type Db, pageSize, prepared } from '../prepared.ts';
import type { DirectoryQueries, RepositoryInfo } from '../questions.ts';
import { decodeRow } from '../table.ts';
import { projectsTable, repositoriesTable } from './view.ts';

const project = (row: object) => decodeRow(projectsTable, row);
const repository = (row: object) => decodeRow(repositoriesTable, row) as RepositoryInfo;

const projectByName = prepared((db, p: Argument<{ name: string }>) =>
  db.selectFrom('projects').selectAll().where('name', '=', p('name')),
);
const projectById = prepared((db, p: Argument<{ projectId: string }>) =>
  db.selectFrom('projects').selectAll().where('projectId', '=', p('projectId')),
);
const listProjects = prepared((db, p: Argument<{ after: string; limit: number }>) =>
  db.selectFrom('projects').selectAll().where('name', '>', p('after')).orderBy('name').limit(p('limit')),
);

const existing = (db: Db) =>
  db
    .selectFrom('repositories as r')
    .innerJoin('projects as p', 'p.projectId', 'r.projectId')
    .selectAll('r')
    .select('p.name as projectName')
    .where('r.deletedAt', 'is', null);

const repositoryByName = prepared((db, p: Argument<{ project: string; name: string }>) =>
  existing(db).where('p.name', '=', p('project')).where('r.name', '=', p('name')),
);
const repositoryById = prepared((db, p: Argument<{ repositoryId: string }>) =>
  existing(db).where('r.repositoryId', '=', p('repositoryId')),
);

export function directoryQueries(views: Views): DirectoryQueries {
  return {
    async projectByName(name) {
      return (await projectByName(views, { name })).map(project)[0];
    },
    async projectById(projectId) {
      return (await projectById(views, { projectId })).map(project)[0];
    },
    async listProjects({ after = '', limit } = {}) {
      return (await listProjects(views, { after, limit: pageSize(limit) })).map(project);
    },
    async repositoryByName(projectName, name) {
      return (await repositoryByName(views, { project: projectName, name })).map(repository)[0];
    },
    async repositoryById(repositoryId) {
      return (await repositoryById(views, { repositoryId })).map(repository)[0];
    },
    async listRepositories({ projectId, after, limit } = {}) {
      let query = existing(views.current().kysely).orderBy('p.name').orderBy('r.name').limit(pageSize(limit));
      if (projectId !== undefined) query = query.where('r.projectId', '=', projectId);
      if (after)
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('p.name', 'r.name'), '>', tuple(after.projectName, after.name)),
        );
      return (await query.execute()).map(repository);
    },
  };
}
