/** Decides what publishing does: a new version, more files of a live one, nothing, or a refusal. */
import { refuse } from '../errors.ts';
import { own } from '../values/own.ts';
import type { FileEntry } from '../values/schemas.ts';
import {
  BY_CONTENT,
  type PlacementEvent,
  type PlacementState,
  type PublishVersion,
  placeOf,
} from './state.ts';

export function publish(command: PublishVersion, state: PlacementState): readonly PlacementEvent[] {
  const { rules = BY_CONTENT } = command;
  if (new Set(command.files.map(({ name }) => name)).size !== command.files.length)
    throw refuse('PACKAGE_INVALID', 'two of its files have one name');
  if (state.status === 'live')
    return rules.multiFile || rules.replace ? add(command, state) : same(command, state);
  if (rules.reuse !== 'any') refuseReuse(command, state, rules.reuse);
  return begin(command, state);
}

const exists = ({ package: name, version }: PublishVersion, file?: string) =>
  refuse(
    'VERSION_EXISTS',
    file === undefined
      ? `${name} ${version} is published already: choose another version`
      : `${file} already exists in ${name} ${version} with other content: choose another version`,
  );

/** A version that is complete at once: the same again is nothing, anything else another version's business. */
function same(command: PublishVersion, state: PlacementState): readonly PlacementEvent[] {
  const names = Object.keys(state.files);
  const equal =
    state.mediaType === command.mediaType &&
    names.length === command.files.length &&
    command.files.every(({ name, canonical }) => own(state.files, name)?.canonical === canonical);
  if (equal) return [];
  throw exists(command);
}

function add(command: PublishVersion, state: PlacementState): readonly PlacementEvent[] {
  const events: PlacementEvent[] = [];
  let { next } = state;
  for (const file of command.files) {
    const known = own(state.files, file.name);
    if (known?.canonical === file.canonical) continue;
    refuseUnlessAddable(command, state, file);
    const metadata = describing(command, state, events.length === 0);
    const ordinal = known?.ordinal ?? next++;
    const data = { ...placeOf(command), incarnation: state.incarnation, ordinal, file };
    events.push({ type: 'VersionFileAdded', data: metadata === undefined ? data : { ...data, metadata } });
  }
  return events;
}

function refuseUnlessAddable(command: PublishVersion, state: PlacementState, file: FileEntry): void {
  const { rules = BY_CONTENT } = command;
  const known = own(state.files, file.name) !== undefined;
  if (known ? !rules.replace : !rules.multiFile) throw exists(command, file.name);
  if (!known && rules.reuse !== 'any') refuseReused(command, state, { file, reuse: rules.reuse });
}

function describing({ metadata, describes }: PublishVersion, { described }: PlacementState, first: boolean) {
  return first && (describes || !described) ? metadata : undefined;
}

function refuseReuse(command: PublishVersion, state: PlacementState, reuse: 'same' | 'never'): void {
  for (const file of command.files) refuseReused(command, state, { file, reuse });
}

/** Who installed the deleted file before must not get other bytes under its name. */
function refuseReused(
  { package: name, version }: PublishVersion,
  state: PlacementState,
  { file, reuse }: { file: FileEntry; reuse: 'same' | 'never' },
): void {
  const before = own(state.used, file.name);
  if (before === undefined || (reuse === 'same' && before === file.canonical)) return;
  const how = reuse === 'same' ? ' with other content' : '';
  // single files do not come back
  const way = state.status === 'deleted' ? 'restore it, or choose another version' : 'choose another version';
  throw refuse(
    'VERSION_EXISTS',
    `${file.name} of ${name} ${version} was deleted and cannot be published again${how}: ${way}`,
  );
}

function begin(command: PublishVersion, state: PlacementState): readonly PlacementEvent[] {
  const { kind: _k, rules: _r, describes: _d, staged, files, references, ...rest } = command;
  const { artifactType, purl, metadata, provenance, ...needed } = rest;
  const data = {
    ...needed,
    files: [...files],
    references: [...references],
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(purl === undefined ? {} : { purl }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(provenance === undefined ? {} : { provenance }),
  };
  const published: PlacementEvent = { type: 'VersionPublished', data };
  if (!staged || own(state.holds, staged.holdId)) return [published];
  const hold = { holdId: staged.holdId, kind: 'staged' as const, reason: staged.reason };
  return [
    published,
    { type: 'VersionHeld', data: { ...placeOf(command), incarnation: command.incarnation, ...hold } },
  ];
}
