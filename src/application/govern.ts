/** Holding, releasing, deleting and restoring what is published. */
import { refuse } from '../domain/errors.ts';
import { type Place, placement, placementStream } from '../domain/placement/placement.ts';
import { isImmutableTag } from '../domain/repository/repository.ts';
import { subject, subjectStream } from '../domain/subject/subject.ts';
import { tag, tagStream } from '../domain/tag/tag.ts';
import type { Action } from '../domain/values/actions.ts';
import { isPart } from '../domain/values/schemas.ts';
import type { Position } from '../eventlog/port.ts';
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import type { Facts } from './gate.ts';
import { type Admission, admit, authorise, execute } from './handle.ts';
import { subjectsOf } from './holds.ts';
import { getVersion } from './lookup.ts';
import { latest } from './placing.ts';
import { artifactFacts } from './pull-verdict.ts';
import { at, INSTANCE } from './rights.ts';
import { derivedId } from './streams.ts';

/** One version in one repository, and who asks. */
export interface Governed {
  readonly caller: Caller;
  readonly repository: RepositoryInfo;
  readonly version: VersionRow;
  /** the caller asks to pass soft denials; it gave a reason with the request */
  readonly override?: { readonly hasReason: boolean } | undefined;
}

export const placeOf = (version: VersionRow): Place => ({
  repositoryId: version.repositoryId,
  package: version.package,
  version: version.version,
});

export async function admitFor(
  core: Core,
  of: Governed,
  action: Action,
  facts: Facts = {},
): Promise<Admission> {
  const { caller, repository, version, override } = of;
  const artifact = await artifactFacts(core, version);
  const target = `${version.package}@${version.version}`;
  return admit(core, { caller, action, at: at(repository), facts: { artifact, ...facts }, target, override });
}

/** A version of this repository, also a deleted one. @throws VERSION_UNKNOWN */
export async function versionOf(
  core: Core,
  repository: RepositoryInfo,
  name: string,
  version: string,
): Promise<VersionRow> {
  const row = await getVersion(core, repository, name, version);
  if (!row) throw refuse('VERSION_UNKNOWN', `${name}@${version}`);
  return row;
}

export interface Held {
  readonly holdId: string;
  readonly position: Position | undefined;
}

export interface HoldOrder {
  readonly reason: string;
  readonly everywhere: boolean;
  /** only this file of the version */
  readonly file?: string | undefined;
}

/**
 * Holds a version here, or its bytes everywhere: then its files' digests and, for packages, its purl, which also binds
 * files that come later. Several holds are independent of each other.
 */
export async function hold(core: Core, of: Governed, how: HoldOrder): Promise<Held> {
  const facts = { hold: { kind: 'manual', everywhere: how.everywhere, hasReason: how.reason !== '' } };
  if (how.file !== undefined && !of.version.files.some(({ name }) => name === how.file))
    throw refuse('FILE_UNKNOWN', how.file);
  if (how.everywhere) await authoriseEverywhere(core, of, 'hold');
  const admission = await admitFor(core, of, 'hold', facts);
  const subjects = subjectsToHold(of.version, how.file);
  const [first] = subjects;
  if (first === undefined) throw refuse('VERSION_UNKNOWN');
  const holdId = derivedId(`${admission.commandId}\nhold\n${first}`);
  const reason = await core.sealing.seal(of.caller.id, how.reason);
  const common = { holdId, holdKind: 'manual' as const, reason };
  if (!how.everywhere) {
    const { position } = await execute(core, admission, {
      aggregate: placement,
      stream: placementStream(placeOf(of.version)),
      command: { kind: 'HoldVersion', ...placeOf(of.version), ...common, file: how.file },
    });
    return { holdId, position };
  }
  let position: Position | undefined;
  for (const name of subjects) {
    const held = await execute(core, admission, {
      aggregate: subject,
      stream: subjectStream(name),
      command: { kind: 'HoldSubject', subject: name, ...common },
    });
    position = latest(position, held.position);
  }
  return { holdId, position };
}

/** The files that matter (sidecars fall with theirs), and the whole version by its purl. */
function subjectsToHold({ files, purlSubject }: VersionRow, only: string | undefined): string[] {
  if (only !== undefined) return files.filter(({ name }) => name === only).map(({ canonical }) => canonical);
  const bytes = files.filter(({ of }) => of === undefined).map(({ canonical }) => canonical);
  return [...new Set(purlSubject === null ? bytes : [...bytes, purlSubject])];
}

/** A hold on bytes binds all projects: it needs the right on the whole instance, too. */
async function authoriseEverywhere(core: Core, { caller, version }: Governed, action: Action): Promise<void> {
  await authorise(core, { caller, action, at: INSTANCE, facts: {}, target: version.version });
}

/** Lifts one hold of a person, or approves a version that waits. Others stay: the answer says how many. */
export async function release(
  core: Core,
  of: Governed,
  how: { holdId: string; reason?: string | undefined },
): Promise<{ position: Position | undefined; remaining: number }> {
  const open = await core.queries.openHolds({ subjects: subjectsOf(of.version), place: placeOf(of.version) });
  const lifted = open.filter(({ holdId }) => holdId === how.holdId);
  const [held] = lifted;
  if (!held) throw refuse('HOLD_UNKNOWN', { holdId: how.holdId });
  const everywhere = held.targetKind === 'subject';
  const facts = { hold: { kind: held.kind, everywhere, hasReason: Boolean(how.reason) } };
  if (everywhere) await authoriseEverywhere(core, of, 'release');
  const admission = await admitFor(core, of, 'release', facts);
  const reason = how.reason ? { reason: await core.sealing.seal(of.caller.id, how.reason) } : {};
  // what a machine held is lifted by its own kind; a person answers for what persons did
  const holdKind = held.kind === 'staged' ? ('staged' as const) : ('manual' as const);
  const common = { holdId: how.holdId, holdKind, ...reason };
  let position: Position | undefined;
  for (const { heldAs: name } of lifted) {
    const done =
      name === null
        ? await execute(core, admission, {
            aggregate: placement,
            stream: placementStream(placeOf(of.version)),
            command: { kind: 'LiftHold', ...placeOf(of.version), ...common },
          })
        : await execute(core, admission, {
            aggregate: subject,
            stream: subjectStream(name),
            command: { kind: 'LiftSubjectHold', subject: name, ...common },
          });
    position = latest(position, done.position);
  }
  return { position, remaining: open.length - lifted.length };
}

/** Takes a version out of sight; its bytes stay for the restore window. Its tags name nothing until it is restored. */
export async function deleteVersion(core: Core, of: Governed): Promise<Position | undefined> {
  const tags = await core.queries.tagsOfVersion(
    of.repository.repositoryId,
    of.version.package,
    of.version.version,
  );
  const fixed = tags.find(({ tag: name }) => isImmutableTag(of.repository.immutableTags, name))?.tag;
  const admission = await admitFor(core, of, 'delete');
  if (fixed !== undefined)
    throw refuse('TAG_IMMUTABLE', `${fixed} names this version, so it cannot be deleted`);
  const { position } = await execute(core, admission, {
    aggregate: placement,
    stream: placementStream(placeOf(of.version)),
    command: { kind: 'DeleteVersion', ...placeOf(of.version) },
  });
  return position;
}

/** @throws STATE_CONFLICT when the restore window is over and bytes are gone */
export async function restoreVersion(core: Core, of: Governed): Promise<Position | undefined> {
  const admission = await admitFor(core, of, 'restore');
  return core.fence.shared(async () => {
    const parts = of.version.references.filter(isPart);
    for (const { canonical, digest } of [...of.version.files, ...parts]) {
      if (canonical && !(await core.blobs.stat(canonical)))
        throw refuse(
          'STATE_CONFLICT',
          `it cannot be restored: ${digest} was removed after the restore window`,
        );
    }
    const { position } = await execute(core, admission, {
      aggregate: placement,
      stream: placementStream(placeOf(of.version)),
      command: { kind: 'RestoreVersion', ...placeOf(of.version) },
    });
    return position;
  });
}

/** Removes one tag; other tags of the same version stay. @throws TAG_UNKNOWN, TAG_IMMUTABLE */
export async function removeTag(core: Core, of: Governed, name: string): Promise<Position | undefined> {
  const { repository, version } = of;
  const admission = await admitFor(core, of, 'delete', { tag: { name, previousDigest: version.version } });
  const named = { repositoryId: repository.repositoryId, package: version.package, tag: name };
  const immutable = isImmutableTag(repository.immutableTags, name);
  const { position } = await execute(core, admission, {
    aggregate: tag,
    stream: tagStream(named),
    command: { kind: 'RemoveTag', ...named, immutable, incarnation: version.incarnation },
  });
  return position;
}
