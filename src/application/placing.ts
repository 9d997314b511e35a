/** Appending a version with its package, and its tags: the steps that publishing and promotion share. */
import { packageAggregate, packageStream } from '../domain/package/package.ts';
import type { Provenance } from '../domain/placement/events.ts';
import { type PublishingRules, placement, placementStream } from '../domain/placement/placement.ts';
import { isImmutableTag } from '../domain/repository/repository.ts';
import { tag, tagStream } from '../domain/tag/tag.ts';
import type { FileEntry, Reference } from '../domain/values/schemas.ts';
import type { Position } from '../eventlog/port.ts';
import type { RepositoryInfo } from '../projections/queries.ts';
import type { Core } from './core.ts';
import { type Admission, execute } from './handle.ts';
import { derivedId } from './streams.ts';

export const latest = (a: Position | undefined, b: Position | undefined) =>
  b === undefined || (a && a > b) ? a : b;

interface Placing {
  readonly package: string;
  readonly displayName?: string | undefined;
  readonly version: string;
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly files: readonly FileEntry[];
  readonly references: readonly Reference[];
  readonly purl?: string | undefined;
  readonly metadata?: string | undefined;
  readonly describes?: boolean | undefined;
  readonly rules?: PublishingRules | undefined;
  readonly staged?: { readonly holdId: string; readonly reason: string } | undefined;
  readonly provenance?: Provenance | undefined;
}

/** Registers the package and publishes the version; both do nothing when they hold already. */
export async function place(core: Core, admission: Admission, repository: RepositoryInfo, placing: Placing) {
  const { displayName = placing.package, ...version } = placing;
  const name = placing.package;
  const registered = await execute(core, admission, {
    aggregate: packageAggregate,
    stream: packageStream(repository.repositoryId, name),
    command: {
      kind: 'RegisterPackage',
      repositoryId: repository.repositoryId,
      format: repository.format,
      name,
      displayName,
    },
  });
  const at = { repositoryId: repository.repositoryId, package: name, version: placing.version };
  const published = await execute(core, admission, {
    aggregate: placement,
    stream: placementStream(at),
    command: {
      kind: 'PublishVersion',
      ...version,
      repositoryId: repository.repositoryId,
      format: repository.format,
      incarnation: derivedId(
        `${admission.commandId}\n${repository.repositoryId}\n${name}\n${placing.version}`,
      ),
    },
  });
  const position = latest(registered.position, published.position);
  return { position, incarnation: published.state.incarnation, changed: published.changed };
}

export async function assignTag(
  core: Core,
  admission: Admission,
  to: { repository: RepositoryInfo; package: string; tag: string; version: string; incarnation: string },
): Promise<Position | undefined> {
  const name = { repositoryId: to.repository.repositoryId, package: to.package, tag: to.tag };
  const { position } = await execute(core, admission, {
    aggregate: tag,
    stream: tagStream(name),
    command: {
      kind: 'AssignTag',
      ...name,
      version: to.version,
      incarnation: to.incarnation,
      immutable: isImmutableTag(to.repository.immutableTags, to.tag),
    },
  });
  return position;
}
