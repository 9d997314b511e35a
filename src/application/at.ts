/** Places, as authorisation, policies and the audit name them. */
import type { RepositoryInfo } from '../projections/queries.ts';

/** Where an action happens: the instance, a project, or a repository (with its project). */
export interface At {
  readonly project?: { readonly id: string; readonly name: string } | undefined;
  readonly repository?: RepositoryInfo | undefined;
}

export const INSTANCE: At = {};

/** A place from a repository's row. */
export function at(repository: RepositoryInfo): At {
  return { project: { id: repository.projectId, name: repository.projectName }, repository };
}
