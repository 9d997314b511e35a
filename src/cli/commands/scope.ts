/** Where a role, a token or a policy applies: chosen by a name or --instance, shown by its name. */
import { UsageError } from '../errors.ts';
import { formatPlace, parseScope } from '../reference.ts';

/** A scope as the API gives it: ids, and beside them the names of now. */
export interface NamedScope {
  readonly scope: { readonly kind: string; readonly id?: string };
  readonly project?: string;
  readonly repository?: string;
}

export interface ScopeNames {
  readonly project?: string;
  readonly repository?: string;
}

/** Chosen on purpose: a forgotten name must not mean everywhere. @throws UsageError */
export function chooseScope(where: string | undefined, instance: boolean | undefined): ScopeNames {
  if ((where === undefined) === (instance !== true))
    throw new UsageError('say where: <project>, <project>/<repository>, or --instance for everywhere');
  return where === undefined ? {} : parseScope(where);
}

export function formatScope({ scope, project, repository }: NamedScope): string {
  if (project !== undefined)
    return formatPlace(repository === undefined ? { project } : { project, repository });
  return scope.kind === 'instance' ? 'the instance' : `${scope.kind} ${scope.id}`;
}

export const formatNames = ({ project, repository }: ScopeNames): string =>
  project === undefined
    ? 'the instance'
    : formatPlace(repository === undefined ? { project } : { project, repository });
