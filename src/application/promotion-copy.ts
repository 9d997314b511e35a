/** The copies that a promotion makes: of what was frozen, as it is in the source, without copying bytes. */
import { refuse } from '../domain/errors.ts';
import type { ClosureItem, PromotionRequest } from '../domain/promotion/events.ts';
import { isPart } from '../domain/values/schemas.ts';
import type { Position } from '../eventlog/port.ts';
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import { frozenFiles } from './closure.ts';
import type { Core } from './core.ts';
import type { Admission } from './handle.ts';
import { heldRefusal, holdsOn } from './holds.ts';
import { latest, place } from './placing.ts';
import type { Asking } from './promotion-gate.ts';
import { linkBlob } from './uploads.ts';

/** What the source has of this version, live or deleted. */
export const sourceRow = (
  core: Core,
  from: RepositoryInfo,
  { package: name }: PromotionRequest,
  version: string,
) => core.queries.getVersion(from.repositoryId, name, version);

/** What the target has of an item, if it is all there. */
export async function copyOf(core: Core, to: RepositoryInfo, request: PromotionRequest, item: ClosureItem) {
  const row = await core.queries.getVersion(to.repositoryId, request.package, item.version);
  return row?.status === 'live' && frozenFiles(row, item) ? row : undefined;
}

/** More files of what was promoted before may follow; no bytes take the place of others. */
const BY_FILE = { multiFile: true, replace: false, reuse: 'same' } as const;

interface Copying extends Asking {
  readonly admission: Admission;
}

/** Links what the version consists of and publishes it; nothing when it is there already and its source is gone. */
export async function placeItem(
  core: Core,
  copying: Copying,
  item: ClosureItem,
): Promise<Position | undefined> {
  const { request, admission, from, to } = copying;
  const version = await available(core, copying, item);
  const files = version && frozenFiles(version, item);
  if (!version || !files) return undefined;
  const linked = await linkParts(core, admission, to, version);
  const known = await core.queries.getPackage(from.repositoryId, request.package);
  const { position } = await place(core, admission, to, {
    package: request.package,
    displayName: known?.displayName,
    version: item.version,
    mediaType: version.mediaType,
    artifactType: version.artifactType ?? undefined,
    files,
    references: version.references,
    purl: version.purl ?? undefined,
    metadata: version.metadata ?? undefined,
    rules: item.files ? BY_FILE : undefined,
    provenance: {
      promotionId: request.promotionId,
      fromRepositoryId: from.repositoryId,
      fromIncarnation: item.incarnation,
      publishedBy: version.provenance?.publishedBy ?? version.publishedBy,
    },
  });
  return latest(linked, position);
}

/**
 * The source of one version of the closure, which must still be what was asked for; undefined: it is not, but was
 * copied before. Holds on it bind either way: deleting is no way around them.
 * @throws STATE_CONFLICT, ARTIFACT_HELD
 */
export async function available(
  core: Core,
  asking: Asking,
  item: ClosureItem,
): Promise<VersionRow | undefined> {
  const { requester, request, from, to } = asking;
  const version = await sourceRow(core, from, request, item.version);
  const holds = version ? await holdsOn(core, from, version) : [];
  if (holds.length > 0) throw await heldRefusal(core, requester, from, holds);
  if (version?.status === 'live' && version.incarnation === item.incarnation && frozenFiles(version, item))
    return version;
  await core.views.reached(await core.log.head(), core.settings.viewWaitMs);
  if (await copyOf(core, to, request, item)) return undefined;
  throw refuse('STATE_CONFLICT', `${item.version} was changed or deleted while it was being promoted`);
}

async function linkParts(core: Core, admission: Admission, to: RepositoryInfo, version: VersionRow) {
  let position: Position | undefined;
  for (const part of version.references) {
    if (!part.canonical || !isPart(part)) continue;
    const { digest, canonical, size } = part;
    if (!(await core.blobs.stat(canonical)))
      throw refuse('STORAGE_UNAVAILABLE', `${digest} is not in the store`);
    const link = await linkBlob(core, admission, to, { digest, canonical, size, via: 'promotion' });
    position = latest(position, link.position);
  }
  return position;
}
