/** Creating and changing projects and repositories. */

import { directory, directoryStream } from '../domain/directory/directory.ts';
import { refuse } from '../domain/errors.ts';
import { project, projectStream, type RepositoryKind } from '../domain/project/project.ts';
import { type RepositorySettings, repository, repositoryStream } from '../domain/repository/repository.ts';
import type { JsonObject } from '../domain/values/json.ts';
import { parseSlug } from '../domain/values/names.ts';
import type { Position } from '../eventlog/port.ts';
import type { ProjectRow, RepositoryInfo } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { type Admission, admit, execute } from './handle.ts';
import { latest } from './placing.ts';
import { type At, at, INSTANCE } from './rights.ts';
import { derivedId } from './streams.ts';

export interface Made {
  readonly id: string;
  readonly position: Position | undefined;
}

function change(
  core: Core,
  caller: Caller,
  place: At,
  facts: JsonObject & { kind: string },
): Promise<Admission> {
  const target = `${facts.kind} ${typeof facts.name === 'string' ? facts.name : ''}`.trim();
  return admit(core, { caller, action: 'repository-change', at: place, facts: { change: facts }, target });
}

const inProject = ({ projectId: id, name }: ProjectRow): At => ({ project: { id, name } });

/** An id that looks nothing like a name, and is the same when the command is retried. */
const newId = (admission: Admission, what: string) =>
  derivedId(`${admission.commandId}\n${what}`).replaceAll('-', '').slice(0, 20);

/** @throws NAME_INVALID, NAME_TAKEN */
export async function createProject(core: Core, caller: Caller, name: string): Promise<Made> {
  parseSlug(name, 'project');
  const admission = await change(core, caller, INSTANCE, { kind: 'create-project', name });
  const projectId = newId(admission, `project ${name}`);
  const command = { kind: 'CreateProject' as const, projectId, name };
  const { position } = await execute(core, admission, {
    aggregate: directory,
    stream: directoryStream(),
    command,
  });
  return { id: projectId, position };
}

export async function renameProject(
  core: Core,
  caller: Caller,
  of: ProjectRow,
  name: string,
): Promise<Position | undefined> {
  parseSlug(name, 'project');
  const admission = await change(core, caller, inProject(of), { kind: 'rename-project', name });
  const command = { kind: 'RenameProject' as const, projectId: of.projectId, name };
  return (await execute(core, admission, { aggregate: directory, stream: directoryStream(), command }))
    .position;
}

/** @throws STATE_CONFLICT while it has repositories */
export async function deleteProject(
  core: Core,
  caller: Caller,
  of: ProjectRow,
): Promise<Position | undefined> {
  const admission = await change(core, caller, inProject(of), { kind: 'delete-project', name: of.name });
  const state = await core.streams.load(project, projectStream(of.projectId));
  const empty = Object.keys(state.repositories).length === 0;
  const command = { kind: 'DeleteProject' as const, projectId: of.projectId, empty };
  return (await execute(core, admission, { aggregate: directory, stream: directoryStream(), command }))
    .position;
}

export interface NewRepository {
  readonly name: string;
  readonly format: string;
  readonly kind: RepositoryKind;
}

export async function createRepository(
  core: Core,
  caller: Caller,
  of: ProjectRow,
  wanted: NewRepository,
): Promise<Made> {
  parseSlug(wanted.name, 'repository');
  const { name, format, kind } = wanted;
  const admission = await change(core, caller, inProject(of), { kind: 'create-repository', name, format });
  const repositoryId = newId(admission, `repository ${of.projectId} ${name}`);
  const { position } = await execute(core, admission, {
    aggregate: project,
    stream: projectStream(of.projectId),
    command: {
      kind: 'CreateRepository',
      projectId: of.projectId,
      repositoryId,
      name,
      format,
      repositoryKind: kind,
    },
  });
  return { id: repositoryId, position };
}

export interface RepositoryChange {
  readonly name?: string | undefined;
  readonly visibility?: RepositorySettings['visibility'] | undefined;
  readonly recording?: RepositorySettings['recording'] | undefined;
  readonly immutableTags?: readonly string[] | undefined;
  /** false: files of packages may be replaced, where the format knows such a thing */
  readonly immutableVersions?: boolean | undefined;
  readonly requiredApprovals?: number | undefined;
}

/** Applies each named setting; what is as asked already changes nothing. */
export async function changeRepository(
  core: Core,
  caller: Caller,
  of: RepositoryInfo,
  wanted: RepositoryChange,
): Promise<Position | undefined> {
  const given = Object.fromEntries(
    Object.entries(wanted).filter(([, value]) => value !== undefined),
  ) as JsonObject;
  const admission = await change(core, caller, at(of), { ...given, kind: 'change-repository' });
  const { repositoryId } = of;
  let position: Position | undefined;
  if (wanted.name !== undefined) {
    parseSlug(wanted.name, 'repository');
    const command = {
      kind: 'RenameRepository' as const,
      projectId: of.projectId,
      repositoryId,
      name: wanted.name,
    };
    const renamed = await execute(core, admission, {
      aggregate: project,
      stream: projectStream(of.projectId),
      command,
    });
    position = latest(position, renamed.position);
  }
  for (const command of settingCommands(of, wanted)) {
    const stream = repositoryStream(repositoryId);
    position = latest(
      position,
      (await execute(core, admission, { aggregate: repository, stream, command })).position,
    );
  }
  return position;
}

function settingCommands(now: RepositoryInfo, wanted: RepositoryChange) {
  const { repositoryId } = now;
  const { visibility, recording, immutableTags, immutableVersions, requiredApprovals: required } = wanted;
  return [
    ...(visibility ? [{ kind: 'SetVisibility' as const, repositoryId, visibility }] : []),
    ...(recording ? [{ kind: 'SetRecording' as const, repositoryId, mode: recording }] : []),
    ...(required === undefined ? [] : [{ kind: 'SetApprovals' as const, repositoryId, required }]),
    ...(immutableTags === undefined && immutableVersions === undefined
      ? []
      : [
          {
            kind: 'SetImmutability' as const,
            repositoryId,
            versions: immutableVersions ?? now.immutableVersions,
            tagPatterns: immutableTags ?? now.immutableTags,
          },
        ]),
  ];
}

/** @throws STATE_CONFLICT while it holds live versions */
export async function deleteRepository(
  core: Core,
  caller: Caller,
  of: RepositoryInfo,
): Promise<Position | undefined> {
  const admission = await change(core, caller, at(of), { kind: 'delete-repository', name: of.name });
  return core.fence.exclusive(async () => {
    const { versions } = await core.queries.usage(of.repositoryId);
    if (versions > 0)
      throw refuse('STATE_CONFLICT', `${of.name} still has ${versions} versions: delete them first`);
    const command = {
      kind: 'DeleteRepository' as const,
      projectId: of.projectId,
      repositoryId: of.repositoryId,
    };
    return (
      await execute(core, admission, { aggregate: project, stream: projectStream(of.projectId), command })
    ).position;
  });
}
