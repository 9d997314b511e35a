/** From names to places: projects and repositories, with rights checked and existence hidden from who has none. */
import { refuse } from '../domain/errors.ts';
import type { Action } from '../domain/values/actions.ts';
import type { ProjectRow, RepositoryInfo } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { authorise } from './handle.ts';
import { at, INSTANCE, mayDo, noRight } from './rights.ts';

export interface RepositoryName {
  readonly project: string;
  readonly repository: string;
}

export function findRepository(core: Core, name: RepositoryName): Promise<RepositoryInfo | undefined> {
  return core.hot.get('global', `repository ${name.project}/${name.repository}`, () =>
    core.queries.repositoryByName(name.project, name.repository),
  );
}

function findProject(core: Core, name: string): Promise<ProjectRow | undefined> {
  return core.hot.get('global', `project ${name}`, () => core.queries.projectByName(name));
}

/**
 * The repository of this name, if the caller may do this there.
 * @throws the same refusal for what is absent and what is forbidden, unless rights above it let the caller know
 */
export async function repositoryFor(
  core: Core,
  caller: Caller,
  name: RepositoryName,
  action: Action,
): Promise<RepositoryInfo> {
  const repository = await findRepository(core, name);
  if (repository) {
    await authorise(core, { caller, action, at: at(repository), facts: {}, target: '' });
    return repository;
  }
  const project = await findProject(core, name.project);
  const above = project ? { project: { id: project.projectId, name: project.name } } : INSTANCE;
  if ((await mayDo(core, caller, action, above)).allowed)
    throw refuse(project ? 'REPOSITORY_UNKNOWN' : 'PROJECT_UNKNOWN', `${name.project}/${name.repository}`);
  throw noRight(caller, action);
}

/** The project of this name, if the caller may do this there. */
export async function projectFor(
  core: Core,
  caller: Caller,
  name: string,
  action: Action,
): Promise<ProjectRow> {
  const project = await findProject(core, name);
  const place = project ? { project: { id: project.projectId, name: project.name } } : INSTANCE;
  const { allowed } = await mayDo(core, caller, action, place);
  if (project && allowed) return project;
  if (allowed) throw refuse('PROJECT_UNKNOWN', name);
  throw noRight(caller, action);
}
