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
import { type Admission, type AdmittedStep, executeAll } from './handle.ts';
import { type Earlier, step } from './stepping.ts';
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

export interface Tagging {
  readonly name: string;
  readonly admission: Admission;
}

/**
 * Registers the package, publishes the version and gives it its tags, in that order and in one commit where the log
 * can: a tag never names what is not there. Each does nothing when it holds already.
 */
export async function place(
  core: Core,
  admission: Admission,
  repository: RepositoryInfo,
  { tags = [], ...placing }: Placing & { readonly tags?: readonly Tagging[] },
) {
  const { displayName = placing.package, ...version } = placing;
  const { repositoryId, format } = repository;
  const name = placing.package;
  const at = { repositoryId, package: name, version: placing.version };
  const register = step(packageAggregate, packageStream(repositoryId, name), () => ({
    kind: 'RegisterPackage' as const,
    repositoryId,
    format,
    name,
    displayName,
  }));
  const publish = step(placement, placementStream(at), () => ({
    kind: 'PublishVersion' as const,
    ...version,
    repositoryId,
    format,
    incarnation: derivedId(`${admission.commandId}\n${repositoryId}\n${name}\n${placing.version}`),
  }));
  const assign = tags.map(tagging => ({
    admission: tagging.admission,
    step: assigning({ repository, ...at, tag: tagging.name }, earlier => earlier.of(publish).incarnation),
  }));
  const steps: readonly AdmittedStep[] = [
    { admission, step: register },
    { admission, step: publish },
    ...assign,
  ];
  const outcomes = await executeAll(core, steps);
  const { state, changed } = outcomes.of(publish);
  const position = steps.map(one => outcomes.of(one.step).position).reduce(latest);
  return { position, incarnation: state.incarnation, changed };
}

interface Assignment {
  readonly repository: RepositoryInfo;
  readonly package: string;
  readonly tag: string;
  readonly version: string;
}

export async function assignTag(
  core: Core,
  admission: Admission,
  to: Assignment & { readonly incarnation: string },
): Promise<Position | undefined> {
  const assign = assigning(to, () => to.incarnation);
  return (await executeAll(core, [{ admission, step: assign }])).of(assign).position;
}

function assigning(to: Assignment, incarnation: (earlier: Earlier) => string) {
  const { repositoryId, immutableTags } = to.repository;
  const name = { repositoryId, package: to.package, tag: to.tag };
  return step(tag, tagStream(name), earlier => ({
    kind: 'AssignTag' as const,
    ...name,
    version: to.version,
    incarnation: incarnation(earlier),
    immutable: isImmutableTag(immutableTags, to.tag),
  }));
}
