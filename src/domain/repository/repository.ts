/** A repository's settings. Stream: `repository-<id>`; its name and format live with its project. */
import { z } from 'zod';
import { refuse } from '../errors.ts';
import type { Aggregate } from '../kernel/decider.ts';
import { type EventsOf, event } from '../kernel/event.ts';
import { id } from '../values/schemas.ts';

export const visibility = z.enum(['private', 'public']);
export const recording = z.enum(['each', 'counted', 'off']);
/** How many persons must approve a promotion into the repository. */
export const requiredApprovals = z.number().int().min(0).max(10);
/** Glob patterns: `*` stands for any characters, `?` for one. */
const tagPattern = z.string().min(1).max(128);

export const repositoryEvents = {
  RepositoryVisibilitySet: event(z.strictObject({ repositoryId: id, visibility })),
  RepositoryImmutabilitySet: event(
    z.strictObject({ repositoryId: id, versions: z.boolean(), tagPatterns: z.array(tagPattern).max(50) }),
  ),
  RepositoryRecordingSet: event(z.strictObject({ repositoryId: id, mode: recording })),
  RepositoryApprovalsSet: event(z.strictObject({ repositoryId: id, required: requiredApprovals })),
};

export type RepositoryCommand =
  | {
      readonly kind: 'SetVisibility';
      readonly repositoryId: string;
      readonly visibility: z.output<typeof visibility>;
    }
  | {
      readonly kind: 'SetImmutability';
      readonly repositoryId: string;
      readonly versions: boolean;
      readonly tagPatterns: readonly string[];
    }
  | {
      readonly kind: 'SetRecording';
      readonly repositoryId: string;
      readonly mode: z.output<typeof recording>;
    }
  | { readonly kind: 'SetApprovals'; readonly repositoryId: string; readonly required: number };

export interface RepositorySettings {
  readonly visibility: z.output<typeof visibility>;
  readonly immutableVersions: boolean;
  readonly immutableTags: readonly string[];
  readonly recording: z.output<typeof recording>;
  /** persons who must approve a promotion into it, besides who asks */
  readonly requiredApprovals: number;
}
type RepositoryEvent = EventsOf<typeof repositoryEvents>;

export const DEFAULT_SETTINGS: RepositorySettings = {
  visibility: 'private',
  immutableVersions: true,
  immutableTags: [],
  recording: 'counted',
  requiredApprovals: 0,
};

function setImmutability(
  command: Extract<RepositoryCommand, { kind: 'SetImmutability' }>,
  state: RepositorySettings,
): readonly RepositoryEvent[] {
  const { repositoryId, versions } = command;
  if (command.tagPatterns.length > 50) throw refuse('REQUEST_INVALID', 'at most 50 tag patterns');
  const tagPatterns = [...new Set(command.tagPatterns)].sort();
  const same =
    state.immutableVersions === versions && tagPatterns.join('\n') === state.immutableTags.join('\n');
  return same ? [] : [{ type: 'RepositoryImmutabilitySet', data: { repositoryId, versions, tagPatterns } }];
}

function decide(command: RepositoryCommand, state: RepositorySettings): readonly RepositoryEvent[] {
  const { repositoryId } = command;
  switch (command.kind) {
    case 'SetVisibility':
      if (state.visibility === command.visibility) return [];
      return [{ type: 'RepositoryVisibilitySet', data: { repositoryId, visibility: command.visibility } }];
    case 'SetImmutability':
      return setImmutability(command, state);
    case 'SetRecording':
      if (state.recording === command.mode) return [];
      return [{ type: 'RepositoryRecordingSet', data: { repositoryId, mode: command.mode } }];
    case 'SetApprovals':
      if (state.requiredApprovals === command.required) return [];
      if (!requiredApprovals.safeParse(command.required).success)
        throw refuse('REQUEST_INVALID', 'a repository asks for 0 to 10 approvals');
      return [{ type: 'RepositoryApprovalsSet', data: { repositoryId, required: command.required } }];
  }
}

export function evolveSettings(
  state: RepositorySettings,
  { type, data }: RepositoryEvent,
): RepositorySettings {
  switch (type) {
    case 'RepositoryVisibilitySet':
      return { ...state, visibility: data.visibility };
    case 'RepositoryImmutabilitySet':
      return { ...state, immutableVersions: data.versions, immutableTags: data.tagPatterns };
    case 'RepositoryRecordingSet':
      return { ...state, recording: data.mode };
    case 'RepositoryApprovalsSet':
      return { ...state, requiredApprovals: data.required };
  }
}

export const repository: Aggregate<RepositoryCommand, RepositorySettings, typeof repositoryEvents> = {
  name: 'repository',
  events: repositoryEvents,
  initial: DEFAULT_SETTINGS,
  decide,
  evolve: evolveSettings,
};

export const repositoryStream = (repositoryId: string) => `repository-${repositoryId}`;

/** Whether a tag is covered by one of the repository's immutability patterns. Linear in the length of the tag. */
export function isImmutableTag(patterns: readonly string[], tag: string): boolean {
  return patterns.some(pattern => globMatches(pattern, tag));
}

/** `*` any characters, `?` one character; no backtracking beyond the last star. */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let star = -1;
  let mark = 0;
  for (let t = 0; t < text.length; ) {
    if (pattern[p] === '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
