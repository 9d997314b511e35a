/** A tag: a movable name for one incarnation of a version. Stream: `tag-<repositoryId>/<package>:<tag>`. */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { id } from '../values/schemas.ts';

const name = { repositoryId: id, package: z.string(), tag: z.string() };

export const tagEvents = {
  TagAssigned: event(
    z.strictObject({ ...name, version: z.string(), incarnation: id, previousVersion: z.string().optional() }),
  ),
  TagRemoved: event(z.strictObject({ ...name, version: z.string(), incarnation: id })),
};

interface TagName {
  readonly repositoryId: string;
  readonly package: string;
  readonly tag: string;
}
export type TagCommand =
  | (TagName & {
      readonly kind: 'AssignTag';
      readonly version: string;
      readonly incarnation: string;
      /** the repository's rules cover this tag */
      readonly immutable: boolean;
    })
  | (TagName & {
      readonly kind: 'RemoveTag';
      readonly immutable: boolean;
      /** only when it still names this incarnation (absent: whatever it names) */
      readonly incarnation?: string | undefined;
    });

export interface TagState {
  readonly assigned: boolean;
  /** what it names, or named last: an immutable tag never names another version, even after its removal */
  readonly version?: string;
  readonly incarnation?: string;
}
type TagEvent = EventsOf<typeof tagEvents>;

function assign(command: Extract<TagCommand, { kind: 'AssignTag' }>, state: TagState): readonly TagEvent[] {
  if (state.assigned && state.incarnation === command.incarnation) return [];
  if (command.immutable && state.version !== undefined && state.version !== command.version)
    throw refuse(
      'TAG_IMMUTABLE',
      `${command.tag} names ${state.version} and cannot be moved: use another tag`,
    );
  const { kind: _kind, immutable: _immutable, ...data } = command;
  const moved = state.assigned && state.version !== undefined && state.version !== command.version;
  return [{ type: 'TagAssigned', data: moved ? { ...data, previousVersion: state.version } : data }];
}

function decide(command: TagCommand, state: TagState): readonly TagEvent[] {
  if (command.kind === 'AssignTag') return assign(command, state);
  if (!state.assigned || state.version === undefined || state.incarnation === undefined) return [];
  if (command.incarnation !== undefined && command.incarnation !== state.incarnation) return [];
  if (command.immutable) throw refuse('TAG_IMMUTABLE', `${command.tag} cannot be removed`);
  const { repositoryId, package: packageName, tag: tagName } = command;
  const data = { repositoryId, package: packageName, tag: tagName, version: state.version };
  return [{ type: 'TagRemoved', data: { ...data, incarnation: state.incarnation } }];
}

function evolve(_state: TagState, { type, data }: TagEvent): TagState {
  return { assigned: type === 'TagAssigned', version: data.version, incarnation: data.incarnation };
}

export const tag: Aggregate<TagCommand, TagState, typeof tagEvents> = {
  name: 'tag',
  events: tagEvents,
  initial: { assigned: false },
  decide,
  evolve,
};

export const tagStream = (of: TagName) => `tag-${of.repositoryId}/${of.package}:${of.tag}`;
