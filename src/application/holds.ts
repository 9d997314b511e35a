/** What holds a version: its own holds, those on its bytes and their parts, and those of the indexes it stands in. */
import { refuse, type StrongroomError } from '../domain/errors.ts';
import { type FileEntry, isPart } from '../domain/values/schemas.ts';
import type { HoldRow, RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { at, mayDo } from './rights.ts';

/** Indexes may nest; deeper than this is not followed further up, and counts as held if its parent there is. */
const MAX_NESTING = 5;

/** Content digests that a hold on this version may name: its files, its configuration and its layers. */
export function subjectsOf(version: VersionRow): string[] {
  const parts = version.references.filter(isPart);
  const digests = [...version.files, ...parts].map(({ canonical }) => canonical);
  return [
    ...new Set([...digests, version.purlSubject ?? undefined].filter(subject => subject !== undefined)),
  ];
}

/** Whether a hold that binds something of this version binds this file of it: a sidecar stands and falls with its file. */
export function bindsFile(hold: HoldRow, version: VersionRow, { name, of, canonical }: FileEntry): boolean {
  if (hold.targetKind === 'place') return hold.file === null || hold.file === name || hold.file === of;
  const whole = of === undefined ? undefined : version.files.find(file => file.name === of);
  return [version.purlSubject ?? undefined, canonical, whole?.canonical].includes(hold.subject ?? undefined);
}

/** The open holds that bind one file of a version in this repository; empty: it is available. */
export async function holdsOnFile(
  core: Core,
  repository: RepositoryInfo,
  version: VersionRow,
  file: FileEntry,
): Promise<readonly HoldRow[]> {
  const holds = await ownHolds(core, repository, version);
  return holds.filter(hold => bindsFile(hold, version, file));
}

/** All open holds that bind this version in this repository; empty: it is available. */
export async function holdsOn(
  core: Core,
  repository: RepositoryInfo,
  version: VersionRow,
  depth = 0,
): Promise<readonly HoldRow[]> {
  const own = await ownHolds(core, repository, version);
  if (own.length > 0 || depth >= MAX_NESTING) return own;
  return parentHolds(core, repository, version, depth);
}

async function ownHolds(
  core: Core,
  repository: RepositoryInfo,
  version: VersionRow,
): Promise<readonly HoldRow[]> {
  const key = `${version.package} ${version.version}`;
  const place = { repositoryId: repository.repositoryId, package: version.package, version: version.version };
  const [onBytes, onPlace] = await Promise.all([
    // an event about bytes concerns every repository: these live in the group that any such event drops
    core.hot.get('global', `holds ${repository.repositoryId} ${key} ${version.incarnation}`, () =>
      core.queries.openHolds({ subjects: subjectsOf(version) }),
    ),
    core.hot.get(repository.repositoryId, `holds ${key}`, () =>
      core.queries.openHolds({ subjects: [], place }),
    ),
  ]);
  return [...onBytes, ...onPlace];
}

/**
 * A manifest that is neither tagged nor in an available index stands and falls with the indexes it is in. One that was
 * deleted makes nothing available, but what holds it goes on: deleting is no way around a hold.
 */
async function parentHolds(
  core: Core,
  repository: RepositoryInfo,
  version: VersionRow,
  depth: number,
): Promise<readonly HoldRow[]> {
  const { parents, tagged } = await core.hot.get(
    repository.repositoryId,
    `parents ${version.package} ${version.version}`,
    () => parentsOf(core, repository, version),
  );
  if (tagged) return [];
  const holds: HoldRow[] = [];
  for (const parent of parents) {
    const held = await holdsOn(core, repository, parent, depth + 1);
    if (held.length === 0 && parent.status === 'live') return [];
    holds.push(...held);
  }
  return holds;
}

async function parentsOf(core: Core, repository: RepositoryInfo, version: VersionRow) {
  const canonical = version.files[0]?.canonical ?? '';
  const naming = await core.queries.versionsNaming(repository.repositoryId, canonical);
  const names = naming
    .filter(row => row.relation === 'child' && row.package === version.package)
    .slice(0, 100);
  if (names.length === 0) return { parents: [], tagged: false };
  const tags = await core.queries.tagsOfVersion(repository.repositoryId, version.package, version.version);
  const rows = await Promise.all(
    names.map(row => core.queries.getVersion(repository.repositoryId, row.package, row.version)),
  );
  return { parents: rows.filter(row => row !== undefined), tagged: tags.length > 0 };
}

/**
 * What is held through the index it stands in would be free under a tag, or in another index: it gets neither.
 * Its own holds are no reason, they bind whatever its names. @throws ARTIFACT_HELD
 */
export async function refuseNewName(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  version: VersionRow,
): Promise<void> {
  const holds = await parentHolds(core, repository, version, 0);
  if (holds.length > 0) throw await heldRefusal(core, caller, repository, holds);
}

/** The refusal for a held artifact. The reason is shown to who may pull here anyway; its author wrote it for them. */
export async function heldRefusal(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  holds: readonly HoldRow[],
): Promise<StrongroomError> {
  const readable = (await mayDo(core, caller, 'pull', at(repository))).allowed;
  const reasons = readable
    ? await Promise.all(holds.slice(0, 3).map(hold => core.sealing.unseal(hold.reason)))
    : [];
  const said = reasons.filter(reason => reason !== undefined && reason !== '').join('; ');
  return refuse('ARTIFACT_HELD', {
    reason: said || 'no reason is recorded',
    holds: holds.map(({ holdId, kind }) => ({ holdId, kind })),
  });
}
