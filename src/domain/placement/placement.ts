/** The placement aggregate. Stream: `placement-<repositoryId>/<package>@<version>`. */
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { own } from '../values/own.ts';
import type { FileEntry } from '../values/schemas.ts';
import { placementEvents } from './events.ts';
import { publish } from './publish.ts';
import {
  NOTHING,
  type Place,
  type PlacementCommand,
  type PlacementEvent,
  type PlacementState,
  placeOf,
} from './state.ts';

export type { Place, PlacementCommand, PlacementState, PublishingRules } from './state.ts';

type Command<K extends PlacementCommand['kind']> = Extract<PlacementCommand, { kind: K }>;

function hold(command: Command<'HoldVersion'>, state: PlacementState): readonly PlacementEvent[] {
  if (state.status === 'absent') throw refuse('VERSION_UNKNOWN');
  if (own(state.holds, command.holdId)) return [];
  const { holdId, holdKind: kind, reason, file } = command;
  if (file !== undefined && !own(state.files, file)) throw refuse('FILE_UNKNOWN', file);
  const data = { ...placeOf(command), incarnation: state.incarnation, holdId, kind, reason };
  return [{ type: 'VersionHeld', data: file === undefined ? data : { ...data, file } }];
}

function lift(command: Command<'LiftHold'>, state: PlacementState): readonly PlacementEvent[] {
  const kind = own(state.holds, command.holdId);
  if (!kind) throw refuse('HOLD_UNKNOWN', { holdId: command.holdId });
  if (kind !== command.holdKind)
    throw refuse('STATE_CONFLICT', `a ${kind} hold is lifted by its own kind only`);
  const data = { ...placeOf(command), incarnation: state.incarnation, holdId: command.holdId, kind };
  return [
    {
      type: 'VersionHoldLifted',
      data: command.reason === undefined ? data : { ...data, reason: command.reason },
    },
  ];
}

/** A file goes with its sidecars; a version without files is deleted. */
function removeFile(command: Command<'RemoveFile'>, state: PlacementState): readonly PlacementEvent[] {
  if (state.status !== 'live' || !own(state.files, command.name)) return [];
  const all = Object.entries(state.files);
  const going = all.filter(([name, { of }]) => name === command.name || of === command.name);
  const at = { ...placeOf(command), incarnation: state.incarnation };
  if (going.length === all.length) return [{ type: 'VersionDeleted', data: at }];
  return going.map(([name, { ordinal }]) => ({ type: 'VersionFileRemoved', data: { ...at, ordinal, name } }));
}

type Mark = Command<'DeprecateVersion' | 'LiftDeprecation' | 'YankVersion' | 'LiftYank'>;

function mark(command: Mark, state: PlacementState): readonly PlacementEvent[] {
  if (state.status !== 'live') throw refuse('VERSION_UNKNOWN');
  const at = { ...placeOf(command), incarnation: state.incarnation };
  switch (command.kind) {
    case 'DeprecateVersion':
      return [{ type: 'VersionDeprecated', data: { ...at, message: command.message } }];
    case 'YankVersion':
      return [{ type: 'VersionYanked', data: { ...at, reason: command.reason } }];
    case 'LiftDeprecation':
      return state.deprecated ? [{ type: 'VersionDeprecationLifted', data: at }] : [];
    case 'LiftYank':
      return state.yanked ? [{ type: 'VersionYankLifted', data: at }] : [];
  }
}

function remove(command: Place, state: PlacementState): readonly PlacementEvent[] {
  if (state.status !== 'live') return [];
  return [{ type: 'VersionDeleted', data: { ...placeOf(command), incarnation: state.incarnation } }];
}

function restore(command: Place, state: PlacementState): readonly PlacementEvent[] {
  if (state.status === 'live') return [];
  if (state.status === 'absent') throw refuse('VERSION_UNKNOWN');
  return [{ type: 'VersionRestored', data: { ...placeOf(command), incarnation: state.incarnation } }];
}

function decide(command: PlacementCommand, state: PlacementState): readonly PlacementEvent[] {
  switch (command.kind) {
    case 'PublishVersion':
      return publish(command, state);
    case 'RemoveFile':
      return removeFile(command, state);
    case 'HoldVersion':
      return hold(command, state);
    case 'LiftHold':
      return lift(command, state);
    case 'DeleteVersion':
      return remove(command, state);
    case 'RestoreVersion':
      return restore(command, state);
    default:
      return mark(command, state);
  }
}

const placed = ({ canonical, of }: FileEntry, ordinal: number) =>
  of === undefined ? { canonical, ordinal } : { canonical, ordinal, of };

function begun(
  state: PlacementState,
  { data }: Extract<PlacementEvent, { type: 'VersionPublished' }>,
): PlacementState {
  const names = data.files.map(({ name, canonical }) => [name, canonical]);
  return {
    status: 'live',
    incarnation: data.incarnation,
    mediaType: data.mediaType,
    files: Object.fromEntries(data.files.map((file, ordinal) => [file.name, placed(file, ordinal)])),
    used: { ...state.used, ...Object.fromEntries(names) },
    next: data.files.length + data.references.length,
    described: data.metadata !== undefined,
    // holds stay with the place: deleting and publishing again is no way around one
    holds: state.holds,
    deprecated: false,
    yanked: false,
  };
}

function added(
  state: PlacementState,
  { data }: Extract<PlacementEvent, { type: 'VersionFileAdded' }>,
): PlacementState {
  const { file, ordinal } = data;
  return {
    ...state,
    files: { ...state.files, [file.name]: placed(file, ordinal) },
    used: { ...state.used, [file.name]: file.canonical },
    next: Math.max(state.next, ordinal + 1),
    described: state.described || data.metadata !== undefined,
  };
}

function evolve(state: PlacementState, event: PlacementEvent): PlacementState {
  switch (event.type) {
    case 'VersionPublished':
      return begun(state, event);
    case 'VersionFileAdded':
      return added(state, event);
    case 'VersionFileRemoved': {
      const { [event.data.name]: _removed, ...files } = state.files;
      return { ...state, files };
    }
    case 'VersionDeleted':
      return { ...state, status: 'deleted' };
    case 'VersionRestored':
      return { ...state, status: 'live' };
    case 'VersionHeld':
      return { ...state, holds: { ...state.holds, [event.data.holdId]: event.data.kind } };
    case 'VersionHoldLifted': {
      const { [event.data.holdId]: _lifted, ...holds } = state.holds;
      return { ...state, holds };
    }
    case 'VersionDeprecated':
      return { ...state, deprecated: true };
    case 'VersionDeprecationLifted':
      return { ...state, deprecated: false };
    case 'VersionYanked':
      return { ...state, yanked: true };
    case 'VersionYankLifted':
      return { ...state, yanked: false };
  }
}

export const placement: Aggregate<PlacementCommand, PlacementState, typeof placementEvents> = {
  name: 'placement',
  events: placementEvents,
  initial: NOTHING,
  decide,
  evolve,
};

export const placementStream = (place: Place) =>
  `placement-${place.repositoryId}/${place.package}@${place.version}`;
