/**
 * The directory of projects: names point to opaque ids, and only this stream decides who holds a name.
 * One stream: `directory-projects`.
 */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { slug } from '../values/names.ts';
import { own } from '../values/own.ts';
import { id } from '../values/schemas.ts';

export const directoryEvents = {
  ProjectCreated: event(z.strictObject({ projectId: id, name: slug })),
  ProjectRenamed: event(z.strictObject({ projectId: id, name: slug, previousName: slug })),
  ProjectDeleted: event(z.strictObject({ projectId: id, name: slug })),
};

export type DirectoryCommand =
  | { readonly kind: 'CreateProject'; readonly projectId: string; readonly name: string }
  | { readonly kind: 'RenameProject'; readonly projectId: string; readonly name: string }
  | { readonly kind: 'DeleteProject'; readonly projectId: string; readonly empty: boolean };

export interface DirectoryState {
  readonly byName: Readonly<Record<string, string>>;
  readonly names: Readonly<Record<string, string>>;
}
type DirectoryEvent = EventsOf<typeof directoryEvents>;

const nameOf = (state: DirectoryState, projectId: string) => {
  const name = own(state.names, projectId);
  if (name === undefined) throw refuse('PROJECT_UNKNOWN');
  return name;
};

const ensureFree = (state: DirectoryState, name: string) => {
  if (own(state.byName, name) !== undefined) throw refuse('NAME_TAKEN', `there is a project ${name} already`);
};

function decide(command: DirectoryCommand, state: DirectoryState): readonly DirectoryEvent[] {
  const { projectId } = command;
  switch (command.kind) {
    case 'CreateProject':
      if (own(state.byName, command.name) === projectId) return [];
      ensureFree(state, command.name);
      if (own(state.names, projectId)) throw refuse('STATE_CONFLICT', 'this project id is in use');
      return [{ type: 'ProjectCreated', data: { projectId, name: command.name } }];
    case 'RenameProject': {
      const previousName = nameOf(state, projectId);
      if (previousName === command.name) return [];
      ensureFree(state, command.name);
      return [{ type: 'ProjectRenamed', data: { projectId, name: command.name, previousName } }];
    }
    case 'DeleteProject': {
      const name = own(state.names, projectId);
      if (name === undefined) return [];
      if (!command.empty)
        throw refuse('STATE_CONFLICT', 'the project still has repositories: delete them first');
      return [{ type: 'ProjectDeleted', data: { projectId, name } }];
    }
  }
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _gone, ...rest } = record;
  return rest;
}

function evolve(state: DirectoryState, { type, data }: DirectoryEvent): DirectoryState {
  switch (type) {
    case 'ProjectCreated':
      return {
        byName: { ...state.byName, [data.name]: data.projectId },
        names: { ...state.names, [data.projectId]: data.name },
      };
    case 'ProjectRenamed':
      return {
        byName: { ...without(state.byName, data.previousName), [data.name]: data.projectId },
        names: { ...state.names, [data.projectId]: data.name },
      };
    case 'ProjectDeleted':
      return { byName: without(state.byName, data.name), names: without(state.names, data.projectId) };
  }
}

export const directory: Aggregate<DirectoryCommand, DirectoryState, typeof directoryEvents> = {
  name: 'directory',
  events: directoryEvents,
  initial: { byName: {}, names: {} },
  decide,
  evolve,
};

export const directoryStream = () => 'directory-projects';
