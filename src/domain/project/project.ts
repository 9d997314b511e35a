/** A project owns its repositories' names. Stream: `project-<id>`. */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { slug } from '../values/names.ts';
import { own } from '../values/own.ts';
import { id } from '../values/schemas.ts';

export const repositoryKind = z.enum(['hosted', 'proxy', 'virtual']);
export type RepositoryKind = z.output<typeof repositoryKind>;

export const projectEvents = {
  RepositoryCreated: event(
    z.strictObject({
      projectId: id,
      repositoryId: id,
      name: slug,
      format: z.string().max(32),
      kind: repositoryKind,
    }),
  ),
  RepositoryRenamed: event(
    z.strictObject({ projectId: id, repositoryId: id, name: slug, previousName: slug }),
  ),
  RepositoryDeleted: event(z.strictObject({ projectId: id, repositoryId: id, name: slug })),
};

export type ProjectCommand =
  | {
      readonly kind: 'CreateRepository';
      readonly projectId: string;
      readonly repositoryId: string;
      readonly name: string;
      readonly format: string;
      readonly repositoryKind: RepositoryKind;
    }
  | {
      readonly kind: 'RenameRepository';
      readonly projectId: string;
      readonly repositoryId: string;
      readonly name: string;
    }
  | { readonly kind: 'DeleteRepository'; readonly projectId: string; readonly repositoryId: string };

interface Entry {
  readonly name: string;
  readonly format: string;
  readonly kind: RepositoryKind;
}
export interface ProjectState {
  readonly repositories: Readonly<Record<string, Entry>>;
}
type ProjectEvent = EventsOf<typeof projectEvents>;

const holderOf = (state: ProjectState, name: string) =>
  Object.keys(state.repositories).find(key => state.repositories[key]?.name === name);

function create(
  command: Extract<ProjectCommand, { kind: 'CreateRepository' }>,
  state: ProjectState,
): ProjectEvent[] {
  const { projectId, repositoryId, name, format } = command;
  const known = own(state.repositories, repositoryId);
  if (known) {
    if (known.name === name && known.format === format && known.kind === command.repositoryKind) return [];
    throw refuse('STATE_CONFLICT', 'this repository id is in use');
  }
  if (holderOf(state, name))
    throw refuse('NAME_TAKEN', `there is a repository ${name} in this project already`);
  if (command.repositoryKind !== 'hosted')
    throw refuse(
      'REQUEST_INVALID',
      `${command.repositoryKind} repositories are not available yet: create a hosted one`,
    );
  return [
    {
      type: 'RepositoryCreated',
      data: { projectId, repositoryId, name, format, kind: command.repositoryKind },
    },
  ];
}

function decide(command: ProjectCommand, state: ProjectState): readonly ProjectEvent[] {
  if (command.kind === 'CreateRepository') return create(command, state);
  const { projectId, repositoryId } = command;
  const known = own(state.repositories, repositoryId);
  if (command.kind === 'DeleteRepository')
    return known ? [{ type: 'RepositoryDeleted', data: { projectId, repositoryId, name: known.name } }] : [];
  if (!known) throw refuse('REPOSITORY_UNKNOWN');
  if (known.name === command.name) return [];
  if (holderOf(state, command.name))
    throw refuse('NAME_TAKEN', `there is a repository ${command.name} in this project already`);
  return [
    {
      type: 'RepositoryRenamed',
      data: { projectId, repositoryId, name: command.name, previousName: known.name },
    },
  ];
}

function evolve(state: ProjectState, { type, data }: ProjectEvent): ProjectState {
  const { [data.repositoryId]: known, ...others } = state.repositories;
  switch (type) {
    case 'RepositoryCreated':
      return {
        repositories: {
          ...others,
          [data.repositoryId]: { name: data.name, format: data.format, kind: data.kind },
        },
      };
    case 'RepositoryRenamed':
      return known
        ? { repositories: { ...others, [data.repositoryId]: { ...known, name: data.name } } }
        : state;
    case 'RepositoryDeleted':
      return { repositories: others };
  }
}

export const project: Aggregate<ProjectCommand, ProjectState, typeof projectEvents> = {
  name: 'project',
  events: projectEvents,
  initial: { repositories: {} },
  decide,
  evolve,
};

export const projectStream = (projectId: string) => `project-${projectId}`;
