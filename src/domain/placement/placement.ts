/** The placement aggregate. Stream: `placement-<repositoryId>/<package>@<version>`. */
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import type { EventsOf } from '../kernel/event.ts';
import { own } from '../values/own.ts';
import type { FileEntry, HoldKind, Reference } from '../values/schemas.ts';
import { type Provenance, placementEvents } from './events.ts';

export interface Place {
  readonly repositoryId: string;
  readonly package: string;
  readonly version: string;
}

export type PlacementCommand =
  | (Place & {
      readonly kind: 'PublishVersion';
      /** id for the incarnation that this command would begin */
      readonly incarnation: string;
      readonly format: string;
      readonly mediaType: string;
      readonly artifactType?: string | undefined;
      readonly files: readonly FileEntry[];
      readonly references: readonly Reference[];
      readonly provenance?: Provenance | undefined;
    })
  | (Place & { readonly kind: 'DeleteVersion' })
  | (Place & { readonly kind: 'RestoreVersion' })
  | (Place & {
      readonly kind: 'HoldVersion';
      readonly holdId: string;
      readonly holdKind: HoldKind;
      readonly reason: string;
    })
  | (Place & {
      readonly kind: 'LiftHold';
      readonly holdId: string;
      readonly holdKind: HoldKind;
      readonly reason?: string | undefined;
    });

interface Content {
  readonly files: readonly FileEntry[];
  readonly mediaType: string;
}
export interface PlacementState {
  readonly status: 'absent' | 'live' | 'deleted';
  readonly incarnation: string;
  readonly content?: Content;
  /** open holds by id */
  readonly holds: Readonly<Record<string, HoldKind>>;
}
type PlacementEvent = EventsOf<typeof placementEvents>;

const sameContent = (known: Content, command: Content) =>
  known.mediaType === command.mediaType &&
  known.files.length === command.files.length &&
  known.files.every((file, index) => {
    const other = command.files[index];
    return other !== undefined && file.name === other.name && file.canonical === other.canonical;
  });

function publish(
  command: Extract<PlacementCommand, { kind: 'PublishVersion' }>,
  state: PlacementState,
): readonly PlacementEvent[] {
  if (state.status === 'live' && state.content) {
    if (sameContent(state.content, command)) return [];
    throw refuse(
      'VERSION_EXISTS',
      `${command.package} ${command.version} is published already: choose another version`,
    );
  }
  const { kind: _kind, artifactType, provenance, files, references, ...rest } = command;
  const data = {
    ...rest,
    files: [...files],
    references: [...references],
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(provenance === undefined ? {} : { provenance }),
  };
  return [{ type: 'VersionPublished', data }];
}

function hold(
  command: Extract<PlacementCommand, { kind: 'HoldVersion' }>,
  state: PlacementState,
): readonly PlacementEvent[] {
  if (state.status === 'absent') throw refuse('VERSION_UNKNOWN');
  if (own(state.holds, command.holdId)) return [];
  const data = {
    ...placeOf(command),
    incarnation: state.incarnation,
    holdId: command.holdId,
    kind: command.holdKind,
  };
  return [{ type: 'VersionHeld', data: { ...data, reason: command.reason } }];
}

function lift(
  command: Extract<PlacementCommand, { kind: 'LiftHold' }>,
  state: PlacementState,
): readonly PlacementEvent[] {
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

const placeOf = ({ repositoryId, package: name, version }: Place) => ({
  repositoryId,
  package: name,
  version,
});

function decide(command: PlacementCommand, state: PlacementState): readonly PlacementEvent[] {
  switch (command.kind) {
    case 'PublishVersion':
      return publish(command, state);
    case 'HoldVersion':
      return hold(command, state);
    case 'LiftHold':
      return lift(command, state);
    case 'DeleteVersion':
      if (state.status !== 'live') return [];
      return [{ type: 'VersionDeleted', data: { ...placeOf(command), incarnation: state.incarnation } }];
    case 'RestoreVersion':
      if (state.status === 'live') return [];
      if (state.status === 'absent') throw refuse('VERSION_UNKNOWN');
      return [{ type: 'VersionRestored', data: { ...placeOf(command), incarnation: state.incarnation } }];
  }
}

function evolve(state: PlacementState, { type, data }: PlacementEvent): PlacementState {
  switch (type) {
    case 'VersionPublished':
      // holds stay with the place: deleting and publishing again is no way around one
      return {
        status: 'live',
        incarnation: data.incarnation,
        content: { files: data.files, mediaType: data.mediaType },
        holds: state.holds,
      };
    case 'VersionDeleted':
      return { ...state, status: 'deleted' };
    case 'VersionRestored':
      return { ...state, status: 'live' };
    case 'VersionHeld':
      return { ...state, holds: { ...state.holds, [data.holdId]: data.kind } };
    case 'VersionHoldLifted': {
      const { [data.holdId]: _lifted, ...holds } = state.holds;
      return { ...state, holds };
    }
  }
}

export const placement: Aggregate<PlacementCommand, PlacementState, typeof placementEvents> = {
  name: 'placement',
  events: placementEvents,
  initial: { status: 'absent', incarnation: '', holds: {} },
  decide,
  evolve,
};

export const placementStream = (place: Place) =>
  `placement-${place.repositoryId}/${place.package}@${place.version}`;
