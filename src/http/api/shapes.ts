/** Shapes that several routes take or give. */
import { z } from 'zod';
import type { Caller } from '../../application/caller.ts';
import type { Core } from '../../application/core.ts';
import { versionOf } from '../../application/govern.ts';
import { authorise } from '../../application/handle.ts';
import { find } from '../../application/lookup.ts';
import { projectFor, repositoryFor } from '../../application/places.ts';
import { placeOfScope } from '../../application/policies.ts';
import { INSTANCE } from '../../application/rights.ts';
import { refuse } from '../../domain/errors.ts';
import type { Action, Scope } from '../../domain/values/actions.ts';
import { isDigest } from '../../domain/values/digest.ts';
import type { RepositoryInfo, VersionRow } from '../../projections/queries.ts';
import { packageAsKept, versionAsKept } from './formats.ts';

const name = z.string().min(1).max(512);

export const projectParams = z.object({ project: name });
export const repositoryParams = z.object({ project: name, repository: name });

/** Names one version: by its version (for OCI a digest) or by a tag. */
export const artifact = z.object({
  project: name,
  repository: name,
  package: name.describe('the name inside the repository, for OCI the image'),
  version: name.optional().describe('for OCI the digest of the manifest'),
  tag: name.optional().describe('instead of version'),
});
export type ArtifactName = z.output<typeof artifact>;

/** Where a role, token or policy applies: the instance when nothing is named. */
export const scopeNames = z.object({ project: name.optional(), repository: name.optional() });

export const reason = z.string().trim().max(2000);

/** Asks to pass soft denials; the reason that it takes was given or not. */
export const overriding = (body: { override?: boolean | undefined; reason?: string | undefined }) =>
  body.override ? { hasReason: Boolean(body.reason) } : undefined;

/** @throws when the scope's parts do not exist, or the caller may not know of them */
export async function scopeFrom(
  core: Core,
  caller: Caller,
  names: z.output<typeof scopeNames>,
  action: Action,
): Promise<Scope> {
  const { project, repository } = names;
  if (project === undefined) {
    if (repository !== undefined)
      throw refuse('REQUEST_INVALID', 'a repository is named together with its project');
    return { kind: 'instance' };
  }
  if (repository === undefined)
    return { kind: 'project', id: (await projectFor(core, caller, project, action)).projectId };
  const found = await repositoryFor(core, caller, { project, repository }, action);
  return { kind: 'repository', id: found.repositoryId };
}

/** What a scope's parts are called now, for people; empty for the instance, and for what was deleted. */
export async function namesOf(core: Core, scope: Scope): Promise<{ project?: string; repository?: string }> {
  const { project, repository } = await placeOfScope(core, scope).catch(() => ({
    project: undefined,
    repository: undefined,
  }));
  return {
    ...(project ? { project: project.name } : {}),
    ...(repository ? { repository: repository.name } : {}),
  };
}

/** The version that an artifact's name names, live or (by version) deleted. */
export async function governed(
  core: Core,
  caller: Caller,
  of: ArtifactName,
  action: Action,
): Promise<{ caller: Caller; repository: RepositoryInfo; version: VersionRow }> {
  const repository = await repositoryFor(core, caller, of, action);
  const packageName = packageAsKept(repository.format, of.package);
  if (of.tag !== undefined && of.version !== undefined)
    throw refuse('REQUEST_INVALID', 'name a version or a tag, not both');
  if (of.tag !== undefined)
    return { caller, repository, version: await find(core, repository, packageName, { tag: of.tag }) };
  if (of.version === undefined) throw refuse('REQUEST_INVALID', 'name a version or a tag');
  const byDigest = isDigest(of.version)
    ? await core.queries.versionByDigest(repository.repositoryId, packageName, of.version)
    : undefined;
  const version =
    byDigest ??
    (await versionOf(core, repository, packageName, versionAsKept(repository.format, of.version)));
  return { caller, repository, version };
}

/**
 * The part of the log that a caller asks about. What happened in a repository is for who may pull there; a project's or
 * the whole log takes the right to read it.
 */
export async function auditedPlace(
  core: Core,
  caller: Caller,
  { project, repository }: z.output<typeof scopeNames>,
): Promise<{ projectId?: string; repositoryId?: string; format?: string }> {
  if (project !== undefined && repository !== undefined) {
    const { repositoryId, format } = await repositoryFor(core, caller, { project, repository }, 'pull');
    return { repositoryId, format };
  }
  if (project !== undefined)
    return { projectId: (await projectFor(core, caller, project, 'read-log')).projectId };
  await authorise(core, { caller, action: 'read-log', at: INSTANCE, facts: {}, target: 'log' });
  return {};
}
