/** Publishing versions of packages: files that were received, what they say of themselves, and the tags they get. */
import { refuse } from '../domain/errors.ts';
import type { PublishingRules } from '../domain/placement/placement.ts';
import { type Description, description as descriptionSchema } from '../domain/values/description.ts';
import type { FileEntry } from '../domain/values/schemas.ts';
import type { Position } from '../eventlog/port.ts';
import type { RepositoryInfo } from '../projections/queries.ts';
import { admitPublication } from './admitting.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import type { Admission } from './handle.ts';
import { refuseNewName } from './holds.ts';
import { getVersion } from './lookup.ts';
import { place } from './placing.ts';
import { descriptionFacts } from './pull-verdict.ts';
import { ReceivedFile } from './receive.ts';
import { derivedId } from './streams.ts';

export interface PublicationFile {
  /** unique in the version; the name that clients ask for */
  readonly name: string;
  readonly mediaType: string;
  readonly content: ReceivedFile;
  /** of a sidecar: the file that it stands and falls with */
  readonly of?: string | undefined;
  /** what was found inside and is asked for later, at most 255 characters; it is listed with the file */
  readonly found?: string | undefined;
}

export interface Publication {
  /** normalised as the ecosystem says */
  readonly package: string;
  /** as the publisher wrote it */
  readonly displayName?: string | undefined;
  /** normalised as the ecosystem says */
  readonly version: string;
  /** of the version as a whole */
  readonly mediaType: string;
  readonly files: readonly PublicationFile[];
  readonly purl?: string | undefined;
  readonly description?: Description | undefined;
  /** the README's text; kept beside the description */
  readonly readme?: string | undefined;
  /** these files are where the description belongs: it replaces one that came with other files */
  readonly describes?: boolean | undefined;
  readonly tags?: readonly string[] | undefined;
  /**
   * The format's rules. `replaceable`: bytes under a name may be replaced where the repository allows it, or always
   * (what the ecosystem itself calls changing, such as a literal SNAPSHOT)
   */
  readonly rules: Omit<PublishingRules, 'replace'> & { readonly replaceable?: boolean | 'always' };
  /** a new version waits, unavailable and without its tags, until somebody approves it */
  readonly staged?: { readonly reason: string } | undefined;
}

export interface PublishedVersion {
  readonly position: Position | undefined;
  /** false: everything was there already */
  readonly changed: boolean;
  readonly incarnation: string;
  readonly warnings: readonly string[];
}

const MAX_README = 512 * 1024;

/**
 * All gates are asked before anything is appended; package, version and tags follow in that order. The same again
 * changes nothing. @throws VERSION_EXISTS, POLICY_DENIED, ARTIFACT_HELD (a tag on what is held)
 */
export async function publishVersion(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  publication: Publication,
): Promise<PublishedVersion> {
  const files = publication.files.map(fileOf);
  const described = publication.description && checkedDescription(publication.description);
  const tags = publication.staged ? [] : (publication.tags ?? []);
  return core.fence.shared(async () => {
    const known = await getVersion(core, repository, publication.package, publication.version);
    if (known && tags.length > 0) await refuseNewName(core, caller, repository, known);
    const facts = artifactOf(publication, { files, description: described });
    const admitted = await admitPublication(core, caller, repository, { artifact: facts, tags });
    const admission = admitted.push;
    await bePresent(core, files);
    const { position, changed, incarnation } = await place(core, admission, repository, {
      ...{ package: publication.package, displayName: publication.displayName, version: publication.version },
      ...{ mediaType: publication.mediaType, files, references: [], purl: publication.purl },
      metadata: described && (await keepDescription(core, described, publication.readme)),
      describes: publication.describes,
      rules: rulesIn(repository, publication),
      staged: publication.staged && (await stagedHold(core, admission, publication)),
      tags: admitted.tags,
    });
    const all = [admission, ...admitted.tags.map(tagging => tagging.admission)];
    const warnings = all.flatMap(one => one.warnings);
    return { position, changed, incarnation, warnings: [...new Set(warnings)] };
  });
}

/** Formats cut what is too long where that does no harm; where it would, and for what JSON cannot say, it is refused. */
function checkedDescription(given: Description): Description {
  const { data, error } = descriptionSchema.safeParse(given);
  if (data) return data;
  const field = String(error.issues[0]?.path[0] ?? '');
  throw refuse('PACKAGE_INVALID', `what it says of itself cannot be kept: ${field} is too long, or no value`);
}

function fileOf({ name, mediaType, content, of, found }: PublicationFile): FileEntry {
  if (!ReceivedFile.isGenuine(content)) throw new TypeError('files are received before they are published');
  const { canonical, size, digests } = content;
  const { md5, sha1, sha512 } = digests;
  const file = { name, digest: canonical, canonical, size, mediaType, hashes: { md5, sha1, sha512 } };
  return { ...file, ...(of === undefined ? {} : { of }), ...(found === undefined ? {} : { found }) };
}

/** A collection may have come between receiving and publishing; under the fence none can. */
async function bePresent(core: Core, files: readonly FileEntry[]): Promise<void> {
  for (const { canonical, name } of files)
    if (!(await core.blobs.stat(canonical)))
      throw refuse('STORAGE_UNAVAILABLE', `${name} is not in the store any more: send it again`);
}

function rulesIn(repository: RepositoryInfo, { rules }: Publication): PublishingRules {
  const { replaceable = false } = rules;
  const replace = replaceable === 'always' || (replaceable && !repository.immutableVersions);
  return { multiFile: rules.multiFile, reuse: replace ? 'any' : rules.reuse, replace };
}

async function keepDescription(
  core: Core,
  described: Description,
  readme: string | undefined,
): Promise<string> {
  const digest = readme ? await core.evidence.put(Buffer.from(readme).subarray(0, MAX_README)) : undefined;
  const whole = digest === undefined ? described : { ...described, readme: digest };
  return core.evidence.put(Buffer.from(JSON.stringify(whole)));
}

async function stagedHold(core: Core, admission: Admission, { package: name, version, staged }: Publication) {
  const holdId = derivedId(`${admission.commandId}\nstaged\n${name}@${version}`);
  return { holdId, reason: await core.sealing.seal(admission.caller.id, staged?.reason ?? '') };
}

function artifactOf(
  publication: Publication,
  { files, description }: { files: readonly FileEntry[]; description: Description | undefined },
) {
  return {
    package: publication.package,
    version: publication.version,
    mediaType: publication.mediaType,
    ...(files[0] ? { digest: files[0].canonical } : {}),
    size: files.reduce((sum, { size }) => sum + size, 0),
    files: files.map(({ name, digest, size, mediaType }) => ({ name, digest, size, mediaType })),
    tags: [...(publication.tags ?? [])],
    ...(publication.purl ? { purl: publication.purl } : {}),
    ...descriptionFacts(description),
  };
}
