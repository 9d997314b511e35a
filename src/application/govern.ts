/** Holding, releasing, deleting and restoring what is published. */
import { refuse } from '../domain/errors.ts';
import { type Place, placement, placementStream } from '../domain/placement/placement.ts';
import { isImmutableTag } from '../domain/repository/repository.ts';
import { subject, subjectStream } from '../domain/subject/subject.ts';
import { tag, tagStream } from '../domain/tag/tag.ts';
import type { Action } from '../domain/values/actions.ts';
import type { Position } from '../eventlog/port.ts';
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import type { Facts } from './gate.ts';
import { type Admission, admit, authorise, execute } from './handle.ts';
import { artifactFacts } from './pull-verdict.ts';
import { getVersion } from './resolve.ts';
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

const placeOf = (version: VersionRow): Place => ({
  repositoryId: version.repositoryId,
  package: version.package,
  version: version.version,
});

async function admitFor(core: Core, of: Governed, action: Action, facts: Facts = {}): Promise<Admission> {
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

/** Holds a version here, or its bytes everywhere. Several holds are independent of each other. */
export async function hold(
  core: Core,
  of: Governed,
  how: { reason: string; everywhere: boolean },
): Promise<Held> {
  const facts = { hold: { kind: 'manual', everywhere: how.everywhere, hasReason: how.reason !== '' } };
  if (how.everywhere) await authoriseEverywhere(core, of, 'hold');
  const admission = await admitFor(core, of, 'hold', facts);
  const file = of.version.files[0];
  if (!file) throw refuse('VERSION_UNKNOWN');
  const holdId = derivedId(`${admission.commandId}\nhold\n${file.canonical}`);
  const reason = await core.sealing.seal(of.caller.id, how.reason);
  const common = { holdId, holdKind: 'manual' as const, reason };
  const { position } = how.everywhere
    ? await execute(core, admission, {
        aggregate: subject,
        stream: subjectStream(file.canonical),
        command: { kind: 'HoldSubject', subject: file.canonical, ...common },
      })
    : await execute(core, admission, {
        aggregate: placement,
        stream: placementStream(placeOf(of.version)),
        command: { kind: 'HoldVersion', ...placeOf(of.version), ...common },
      });
  return { holdId, position };
}

/** A hold on bytes binds all projects: it needs the right on the whole instance, too. */
async function authoriseEverywhere(core: Core, { caller, version }: Governed, action: Action): Promise<void> {
  await authorise(core, { caller, action, at: INSTANCE, facts: {}, target: version.version });
}

/** Lifts one hold of a person. Others stay: the answer says how many. */
export async function release(
  core: Core,
  of: Governed,
  how: { holdId: string; reason?: string | undefined },
): Promise<{ position: Position | undefined; remaining: number }> {
  const subjects = of.version.files.map(({ canonical }) => canonical);
  const open = await core.queries.openHolds({ subjects, place: placeOf(of.version) });
  const held = open.find(({ holdId }) => holdId === how.holdId);
  if (!held) throw refuse('HOLD_UNKNOWN', { holdId: how.holdId });
  const everywhere = held.targetKind === 'subject';
  const facts = { hold: { kind: held.kind, everywhere, hasReason: Boolean(how.reason) } };
  if (everywhere) await authoriseEverywhere(core, of, 'release');
  const admission = await admitFor(core, of, 'release', facts);
  const reason = how.reason ? { reason: await core.sealing.seal(of.caller.id, how.reason) } : {};
  const common = { holdId: how.holdId, holdKind: 'manual' as const, ...reason };
  const { position } = everywhere
    ? await execute(core, admission, {
        aggregate: subject,
        stream: subjectStream(held.subject ?? ''),
        command: { kind: 'LiftSubjectHold', subject: held.subject ?? '', ...common },
      })
    : await execute(core, admission, {
        aggregate: placement,
        stream: placementStream(placeOf(of.version)),
        command: { kind: 'LiftHold', ...placeOf(of.version), ...common },
      });
  return { position, remaining: open.length - 1 };
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
    const parts = of.version.references.filter(
      ({ relation }) => relation === 'config' || relation === 'layer',
    );
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
