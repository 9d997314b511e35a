/** From names to places: projects and repositories, with rights checked and existence hidden from who has none. */
import { createHash } from 'node:crypto';
import { refuse, type StrongroomError } from '../domain/errors.ts';
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
  const above = project ? placeOf(project) : INSTANCE;
  if ((await mayDo(core, caller, action, above)).allowed)
    throw refuse(project ? 'REPOSITORY_UNKNOWN' : 'PROJECT_UNKNOWN', `${name.project}/${name.repository}`);
  throw await nothingThere(core, caller, action, `${name.project}/${name.repository}`);
}

/** The project of this name, if the caller may do this there. */
export async function projectFor(
  core: Core,
  caller: Caller,
  name: string,
  action: Action,
): Promise<ProjectRow> {
  const project = await findProject(core, name);
  if (project) {
    await authorise(core, { caller, action, at: placeOf(project), facts: {}, target: '' });
    return project;
  }
  if ((await mayDo(core, caller, action, INSTANCE)).allowed) throw refuse('PROJECT_UNKNOWN', name);
  throw await nothingThere(core, caller, action, name);
}

const placeOf = ({ projectId: id, name }: ProjectRow) => ({ project: { id, name } });

/**
 * The refusal for what does not exist. It is counted as one for what does, so that neither its text nor its time tells;
 * under a digest, since what somebody made up has no place in the log.
 */
async function nothingThere(
  core: Core,
  caller: Caller,
  action: Action,
  name: string,
): Promise<StrongroomError> {
  const refusal = noRight(caller, action);
  const target = `absent ${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
  if (refusal.code === 'FORBIDDEN')
    await core.denials.record({ caller, roles: [], action, at: INSTANCE, target, codes: [refusal.code] });
  return refusal;
}
