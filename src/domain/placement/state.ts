/** What is known of a placement, and the commands it takes. */
import type { EventsOf } from '../kernel/event.ts';
import type { FileEntry, HoldKind, Reference } from '../values/schemas.ts';
import type { Provenance, placementEvents } from './events.ts';

export interface Place {
  readonly repositoryId: string;
  readonly package: string;
  readonly version: string;
}

/** What the format and the repository allow; data, so that no decider asks which format it serves. */
export interface PublishingRules {
  /** files may be added to a live version */
  readonly multiFile: boolean;
  /** a file's bytes may be replaced */
  readonly replace: boolean;
  /** a file name that was deleted may be used again: for whatever bytes, for the same bytes only, or never */
  readonly reuse: 'any' | 'same' | 'never';
}

/** One file, all at once, whatever was there before: a manifest, whose version is its digest. */
export const BY_CONTENT: PublishingRules = { multiFile: false, replace: false, reuse: 'any' };

export type PublishVersion = Place & {
  readonly kind: 'PublishVersion';
  /** id for the incarnation that this command would begin */
  readonly incarnation: string;
  readonly format: string;
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly files: readonly FileEntry[];
  readonly references: readonly Reference[];
  readonly purl?: string | undefined;
  /** digest of the description in evidence; kept by the first file that brings one, unless `describes` */
  readonly metadata?: string | undefined;
  /** this file is where the description belongs: it replaces one taken from another file */
  readonly describes?: boolean | undefined;
  readonly provenance?: Provenance | undefined;
  readonly rules?: PublishingRules | undefined;
  /** a new version waits under this hold until somebody approves it */
  readonly staged?: { readonly holdId: string; readonly reason: string } | undefined;
};

export type PlacementCommand =
  | PublishVersion
  | (Place & { readonly kind: 'RemoveFile'; readonly name: string })
  | (Place & { readonly kind: 'DeleteVersion' | 'RestoreVersion' })
  | (Place & { readonly kind: 'DeprecateVersion'; readonly message: string })
  | (Place & { readonly kind: 'YankVersion'; readonly reason: string })
  | (Place & { readonly kind: 'LiftDeprecation' | 'LiftYank' })
  | (Place & {
      readonly kind: 'HoldVersion';
      readonly holdId: string;
      readonly holdKind: HoldKind;
      readonly reason: string;
      /** only this file */
      readonly file?: string | undefined;
    })
  | (Place & {
      readonly kind: 'LiftHold';
      readonly holdId: string;
      readonly holdKind: HoldKind;
      readonly reason?: string | undefined;
    });

interface PlacedFile {
  readonly canonical: string;
  readonly ordinal: number;
  readonly of?: string | undefined;
}

export interface PlacementState {
  readonly status: 'absent' | 'live' | 'deleted';
  readonly incarnation: string;
  readonly mediaType: string;
  /** of the current incarnation, by name */
  readonly files: Readonly<Record<string, PlacedFile>>;
  /** every file name that was ever used here, with the bytes it had last */
  readonly used: Readonly<Record<string, string>>;
  /** number of the next file that is added */
  readonly next: number;
  readonly described: boolean;
  /** open holds by id */
  readonly holds: Readonly<Record<string, HoldKind>>;
  readonly deprecated: boolean;
  readonly yanked: boolean;
}

export type PlacementEvent = EventsOf<typeof placementEvents>;

export const NOTHING: PlacementState = {
  status: 'absent',
  incarnation: '',
  mediaType: '',
  files: {},
  used: {},
  next: 0,
  described: false,
  holds: {},
  deprecated: false,
  yanked: false,
};

export const placeOf = ({ repositoryId, package: name, version }: Place) => ({
  repositoryId,
  package: name,
  version,
});
