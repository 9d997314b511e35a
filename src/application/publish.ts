/** Publishing a version: check what it names, ask the gate, store, append package, version and tags, in that order. */
import { createHash } from 'node:crypto';
import { refuse } from '../domain/errors.ts';
import { type FileEntry, isPart, type Reference } from '../domain/values/schemas.ts';
import type { Position } from '../eventlog/port.ts';
import type { RepositoryInfo } from '../projections/queries.ts';
import { admitPublication, admitTag } from './admitting.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { refuseNewName } from './holds.ts';
import { find, getVersion } from './lookup.ts';
import { assignTag, place } from './placing.ts';
import { storeFile } from './uploads.ts';

/** What a parsed manifest says; `foreign` content may be absent. */
export interface Named {
  readonly relation: Reference['relation'];
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly foreign?: boolean | undefined;
}

export interface ManifestPush {
  /** normalised package (image) name */
  readonly package: string;
  readonly bytes: Uint8Array;
  /** the digest the client announced, if any: verified */
  readonly digest?: string | undefined;
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly references: readonly Named[];
  readonly tags: readonly string[];
}

export interface Published {
  readonly canonical: string;
  /** of the last append; undefined when everything was there already */
  readonly position: Position | undefined;
  readonly warnings: readonly string[];
}

export async function publishManifest(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  push: ManifestPush,
): Promise<Published> {
  const canonical = `sha256:${createHash('sha256').update(push.bytes).digest('hex')}`;
  const digest = checkedDigest(push, canonical);
  return core.fence.shared(async () => {
    const references = await checkReferences(core, repository, push);
    await refuseNewNames(core, caller, repository, { push, canonical });
    const file = { name: 'manifest', digest, canonical, size: push.bytes.length, mediaType: push.mediaType };
    const admissions = await admitPush(core, caller, repository, { push, file, references });
    await storeFile(core, push.bytes, digest);
    const { position } = await place(core, admissions.push, repository, {
      package: push.package,
      version: canonical,
      mediaType: push.mediaType,
      artifactType: push.artifactType,
      files: [file],
      references,
      tags: admissions.tags,
    });
    const warnings = [admissions.push, ...admissions.tags.map(({ admission }) => admission)].flatMap(
      admission => admission.warnings,
    );
    return { canonical, position, warnings: [...new Set(warnings)] };
  });
}

function checkedDigest(push: ManifestPush, canonical: string): string {
  if (push.digest === undefined) return canonical;
  const algorithm = push.digest.slice(0, push.digest.indexOf(':'));
  const actual = `${algorithm}:${createHash(algorithm).update(push.bytes).digest('hex')}`;
  if (actual !== push.digest) throw refuse('DIGEST_INVALID', `the content has ${actual}`);
  return push.digest;
}

/** Everything a manifest names must be linked here: knowing a digest is not possession. */
async function checkReferences(
  core: Core,
  repository: RepositoryInfo,
  push: ManifestPush,
): Promise<Reference[]> {
  return Promise.all(
    push.references.map(async ({ foreign, ...reference }) => {
      const found =
        reference.relation === 'child' || reference.relation === 'subject'
          ? await namedVersion(core, repository, push.package, reference)
          : await namedBlob(core, repository, reference);
      if (found && found.size !== reference.size && reference.relation !== 'subject')
        throw refuse(
          'MANIFEST_INVALID',
          `${reference.digest} has ${found.size} bytes, the manifest says ${reference.size}`,
        );
      if (!found && !foreign && reference.relation !== 'subject')
        throw refuse('MANIFEST_BLOB_UNKNOWN', {
          reason: `push ${reference.digest} to this repository first`,
          digest: reference.digest,
        });
      return found ? { ...reference, canonical: found.canonical } : reference;
    }),
  );
}

async function namedBlob(core: Core, repository: RepositoryInfo, { digest }: Named) {
  const link = await core.queries.getLink(repository.repositoryId, digest);
  if (!link) return undefined;
  return (await core.blobs.stat(link.canonical)) ? link : undefined;
}

async function namedVersion(core: Core, repository: RepositoryInfo, packageName: string, { digest }: Named) {
  const version = await core.queries.versionByDigest(repository.repositoryId, packageName, digest);
  return version?.status === 'live' ? version.files[0] : undefined;
}

/** Neither the tags of this push nor the index it brings may free what is held. @throws ARTIFACT_HELD */
async function refuseNewNames(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  { push, canonical }: { push: ManifestPush; canonical: string },
): Promise<void> {
  const known = push.tags.length > 0 && (await getVersion(core, repository, push.package, canonical));
  if (known) await refuseNewName(core, caller, repository, known);
  for (const { relation, digest } of push.references) {
    if (relation !== 'child') continue;
    const child = await core.queries.versionByDigest(repository.repositoryId, push.package, digest);
    if (child) await refuseNewName(core, caller, repository, child);
  }
}

interface Checked {
  readonly push: ManifestPush;
  readonly file: FileEntry;
  readonly references: readonly Reference[];
}

/** All gates are asked before anything is stored, so that a refused tag leaves nothing behind. */
async function admitPush(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  { push, file, references }: Checked,
) {
  const parts = references.filter(isPart);
  const artifact = {
    package: push.package,
    version: file.canonical,
    digest: file.canonical,
    mediaType: push.mediaType,
    ...(push.artifactType ? { artifactType: push.artifactType } : {}),
    size: file.size + parts.reduce((sum, { size }) => sum + size, 0),
    files: [file, ...parts.map(part => ({ ...part, name: part.relation }))].map(
      ({ name, digest, size, mediaType }) => ({ name, digest, size, mediaType }),
    ),
    tags: [...push.tags],
  };
  return admitPublication(core, caller, repository, { artifact, tags: push.tags });
}

/** Gives a version that is here another tag. */
export async function tagVersion(
  core: Core,
  caller: Caller,
  repository: RepositoryInfo,
  { package: name, digest, tag: tagName }: { package: string; digest: string; tag: string },
): Promise<Position | undefined> {
  const version = await find(core, repository, name, { digest });
  await refuseNewName(core, caller, repository, version);
  const artifact = {
    package: name,
    version: version.version,
    mediaType: version.mediaType,
    size: version.size,
  };
  const admission = await admitTag(core, caller, repository, { artifact, name: tagName });
  const to = {
    repository,
    package: name,
    tag: tagName,
    version: version.version,
    incarnation: version.incarnation,
  };
  return core.fence.shared(() => assignTag(core, admission, to));
}
