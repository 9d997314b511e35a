/** What protocols may do: the registry's use cases, bound to their ports. The only door from a protocol inwards. */
import type { Readable } from 'node:stream';
import type { StagedUpload } from '../blobs/port.ts';
import { isRefusal, refuse } from '../domain/errors.ts';
import type { Action } from '../domain/values/actions.ts';
import type { Position } from '../eventlog/port.ts';
import type { CatalogueEntry, RepositoryInfo } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Consistency } from './consistency.ts';
import type { Core } from './core.ts';
import { deleteVersion, removeTag } from './govern.ts';
import { listCatalogue, listReferrers, listTags, type PageOf } from './listing.ts';
import { find, type Reference } from './lookup.ts';
import { type PackageRegistry, packageRegistry } from './package-registry.ts';
import { findRepository, type RepositoryName, repositoryFor } from './places.ts';
import { type ManifestPush, type Published, publishManifest, tagVersion } from './publish.ts';
import { type Asked, open, Released, read } from './resolve.ts';
import { at, mayInPerson } from './rights.ts';
import * as uploads from './uploads.ts';

export type { Description } from '../domain/values/description.ts';
export type { Composed, Composer } from './compose.ts';
export type { Document } from './documents.ts';
export type {
  ListedFile,
  ListedVersion,
  OutlinedVersion,
  PackageListing,
  PackageName,
  PackageOf,
  PackageOutline,
} from './packages.ts';
export type { Publication, PublicationFile, PublishedVersion } from './publication.ts';
export type { ReceivedFile } from './receive.ts';
export type { StagedVersion } from './staged.ts';
export type { Asked, ManifestPush, Published, Reference, Released, RepositoryName };
export type Repository = RepositoryInfo;
export type Stored = Omit<uploads.Stored, 'position'>;

/** What a bearer of the token endpoint was asked for. */
export interface BearerScope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}
export type IssueBearer = (
  caller: Caller,
  service: string,
  access: readonly BearerScope[],
) => Promise<{ token: string; expiresIn: number; issuedAt: string }>;

export interface Registry extends PackageRegistry {
  /** A short-lived token that says who the caller is; rights are looked up again when it is used. */
  issueBearer: IssueBearer;
  /**
   * @param format of the protocol: a repository of another format counts as absent
   * @throws the same refusal for absent and forbidden, unless the caller has rights above it
   */
  repository(caller: Caller, name: RepositoryName, action: Action, format: string): Promise<Repository>;
  may(caller: Caller, repository: Repository, action: Action): Promise<boolean>;

  startUpload(asked: Asked): Promise<StagedUpload>;
  findUpload(asked: Asked, id: string): Promise<StagedUpload>;
  appendUpload(upload: StagedUpload, body: Readable, chunk?: uploads.Chunk): Promise<StagedUpload>;
  finishUpload(asked: Asked, upload: { id: string; digest: string }): Promise<Stored>;
  abortUpload(upload: StagedUpload): Promise<void>;
  /** undefined: not to be had there; the client uploads */
  mountBlob(asked: Asked, from: { digest: string; repository: RepositoryName }): Promise<Stored | undefined>;
  /** For a pusher: whether an upload can be left out. */
  present(asked: Asked, digest: string): Promise<{ canonical: string; size: number } | undefined>;
  unlinkBlob(asked: Asked, digest: string): Promise<void>;

  publishManifest(asked: Asked, push: ManifestPush): Promise<Published>;
  tagVersion(asked: Asked, of: { package: string; digest: string; tag: string }): Promise<void>;
  deleteVersion(asked: Asked, packageName: string, digest: string): Promise<void>;
  removeTag(asked: Asked, packageName: string, tag: string): Promise<void>;

  version(asked: Asked, packageName: string, reference: Reference): Promise<Released>;
  blob(asked: Asked, digest: string): Promise<Released>;
  open(released: Released, range?: { start: number; end: number }): Promise<Readable>;
  read(released: Released): Promise<Uint8Array>;
  /** Records that this content is handed out; durable when it must be. Call it before the first byte is sent. */
  downloaded(asked: Asked, released: Released): Promise<void>;

  listTags(
    asked: Asked,
    packageName: string,
    page: { after?: string | undefined; limit: number },
  ): Promise<PageOf<string>>;
  listReferrers(asked: Asked, packageName: string, digest: string): Promise<readonly Released[]>;
  listCatalogue(
    caller: Caller,
    page: { after?: Omit<CatalogueEntry, 'repositoryId'> | undefined; limit: number; format: string },
  ): Promise<PageOf<CatalogueEntry>>;
}

export function createRegistry(core: Core, consistency: Consistency, issueBearer: IssueBearer): Registry {
  /** Replies come after the views have what was appended: read your writes. */
  const visible = async <T extends { readonly position: Position | undefined }>(
    done: Promise<T>,
  ): Promise<T> => {
    const result = await done;
    await consistency.wait(result.position);
    return result;
  };
  const at_ = async (done: Promise<Position | undefined>) => consistency.wait(await done);

  return {
    issueBearer,
    async repository(caller, name, action, format) {
      const repository = await repositoryFor(core, caller, name, action);
      if (repository.format === format) return repository;
      const reason = `${name.project}/${name.repository} is for ${repository.format}, not for ${format}`;
      throw refuse('REPOSITORY_UNKNOWN', reason);
    },
    may: async (caller, repository, action) =>
      (await mayInPerson(core, caller, action, at(repository))).allowed,
    ...uploading(core, visible, at_),
    ...publishing(core, visible, at_),
    ...reading(core),
    ...packageRegistry(core, visible, at_),
  };
}

type Visible = <T extends { readonly position: Position | undefined }>(done: Promise<T>) => Promise<T>;
type At = (done: Promise<Position | undefined>) => Promise<void>;

function uploading(core: Core, visible: Visible, done: At) {
  return {
    startUpload: ({ caller, repository }: Asked) => uploads.startUpload(core, caller, repository),
    findUpload: ({ caller, repository }: Asked, id: string) =>
      uploads.findUpload(core, caller, repository, id),
    appendUpload: (upload: StagedUpload, body: Readable, chunk?: uploads.Chunk) =>
      uploads.appendUpload(core, upload, body, chunk),
    finishUpload: ({ caller, repository }: Asked, upload: { id: string; digest: string }) =>
      visible(uploads.finishUpload(core, caller, repository, upload)),
    abortUpload: (upload: StagedUpload) => uploads.abortUpload(core, upload),
    async mountBlob({ caller, repository }: Asked, from: { digest: string; repository: RepositoryName }) {
      const source = await findRepository(core, from.repository);
      const stored = await uploads.mountBlob(core, caller, repository, {
        digest: from.digest,
        repository: source,
      });
      return stored && visible(Promise.resolve(stored));
    },
    present: ({ repository }: Asked, digest: string) => uploads.presentFor(core, repository, digest),
    unlinkBlob: ({ caller, repository }: Asked, digest: string) =>
      done(uploads.unlinkBlob(core, caller, repository, digest)),
  };
}

function publishing(core: Core, visible: Visible, done: At) {
  return {
    publishManifest: ({ caller, repository }: Asked, push: ManifestPush) =>
      visible(publishManifest(core, caller, repository, push)),
    tagVersion: ({ caller, repository }: Asked, of: { package: string; digest: string; tag: string }) =>
      done(tagVersion(core, caller, repository, of)),
    async deleteVersion({ caller, repository }: Asked, name: string, digest: string) {
      const version = await find(core, repository, name, { digest });
      await done(deleteVersion(core, { caller, repository, version }));
    },
    async removeTag({ caller, repository }: Asked, name: string, tag: string) {
      const version = await find(core, repository, name, { tag });
      await done(removeTag(core, { caller, repository, version }, tag));
    },
  };
}

function reading(core: Core) {
  return {
    version: (asked: Asked, name: string, reference: Reference) =>
      Released.version(core, asked, name, reference),
    blob: (asked: Asked, digest: string) => Released.blob(core, asked, digest),
    open: (released: Released, range?: { start: number; end: number }) => open(core, released, range),
    read: (released: Released) => read(core, released),
    async downloaded({ caller, repository }: Asked, { version, content, verdict }: Released) {
      if (!version) return;
      const decision = verdict?.recorded?.input;
      await core.downloads
        .record({ caller, repository, version, digest: content.canonical, decision })
        .catch(error => {
          throw isRefusal(error) ? error : new Error('a download could not be recorded', { cause: error });
        });
    },
    listTags: (asked: Asked, name: string, page: { after?: string | undefined; limit: number }) =>
      listTags(core, asked, name, page),
    listReferrers: (asked: Asked, name: string, digest: string) => listReferrers(core, asked, name, digest),
    listCatalogue: (caller: Caller, page: Parameters<typeof listCatalogue>[2]) =>
      listCatalogue(core, caller, page),
  };
}
