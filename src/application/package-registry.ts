/** What protocols of packages may do, beside what all protocols may: files, versions over time, composed documents. */
import type { Readable } from 'node:stream';
import { isRefusal, refuse } from '../domain/errors.ts';
import type { Action } from '../domain/values/actions.ts';
import type { Description } from '../domain/values/description.ts';
import type { FileEntry } from '../domain/values/schemas.ts';
import type { Position } from '../eventlog/port.ts';
import { deprecate, removeFile, yank } from './advise.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import type { Build, Document } from './documents.ts';
import { deleteVersion, versionOf } from './govern.ts';
import type { PageOf } from './listing.ts';
import { type FileName, getVersion } from './lookup.ts';
import {
  descriptionsOf,
  listingOf,
  listPackages,
  outlineOf,
  type PackageListing,
  type PackageName,
  type PackageOutline,
  searchPackages,
} from './packages.ts';
import { issueToken, revokeToken } from './people.ts';
import { type Publication, type PublishedVersion, publishVersion } from './publication.ts';
import { ReceivedFile } from './receive.ts';
import { type Asked, Released } from './resolve.ts';
import { approveStaged, type StagedVersion, stagedVersions } from './staged.ts';

export interface VersionName {
  readonly package: string;
  readonly version: string;
}

interface Paged {
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface IssuedToken {
  readonly id: string;
  /** shown this once */
  readonly token: string;
}

export interface PackageRegistry {
  /**
   * Takes a file's bytes: hashed while they come, durable when it resolves. Nothing shows them until they are published.
   * @throws FORBIDDEN before the body is read, CONTENT_TOO_LARGE, SIZE_INVALID
   */
  receive(asked: Asked, body: Readable | Uint8Array, limit?: number): Promise<ReceivedFile>;
  /** Publishes a version or adds files to one. The same again changes nothing. @throws VERSION_EXISTS, POLICY_DENIED */
  publish(asked: Asked, publication: Publication): Promise<PublishedVersion>;
  /** @throws PACKAGE_UNKNOWN */
  package(asked: Asked, name: string): Promise<PackageListing>;
  /** `package` without descriptions: enough to see which fragments of a document have changed. @throws PACKAGE_UNKNOWN */
  outline(asked: Asked, name: string): Promise<PackageOutline>;
  /** What versions say of themselves; those that say nothing are not in it. */
  descriptions(
    asked: Asked,
    of: { readonly package: string; readonly versions: readonly string[] },
  ): Promise<ReadonlyMap<string, Description>>;
  /** names by byte order */
  packages(asked: Asked, page: Paged): Promise<PageOf<PackageName>>;
  search(asked: Asked, query: Paged & { readonly words: readonly string[] }): Promise<PageOf<PackageName>>;
  /** One file, through the read gate. @throws VERSION_UNKNOWN, FILE_UNKNOWN, ARTIFACT_HELD, POLICY_DENIED */
  file(asked: Asked, name: FileName): Promise<Released>;
  /** For a pusher: what stands under a name, to compare it with what was sent. Its content is behind the gate. */
  placed(asked: Asked, name: FileName): Promise<FileEntry | undefined>;
  /** The same of a whole version: its files, also when nobody may have them; undefined: there is none. */
  standing(asked: Asked, name: VersionName): Promise<readonly FileEntry[] | undefined>;
  /** One file of a version that waits, for who may approve it. @throws FORBIDDEN, and as `file` does */
  stagedFile(asked: Asked, name: FileName): Promise<Released>;
  /**
   * A composed document, built once per change of the package (or of the repository, when none is named). It may not
   * depend on the caller. `build` throws when there is nothing to show: a refusal is not kept. A long document is made
   * with the composer that it is given: fragments whose stamps are the same are taken from the document before.
   */
  document(
    asked: Asked,
    of: { readonly package?: string | undefined; readonly kind: string },
    build: Build,
  ): Promise<Document>;
  /** Text that a description names by digest (its README); undefined when it was erased. */
  text(asked: Asked, digest: string): Promise<string | undefined>;

  /** The whole version, for formats whose versions have names. @throws VERSION_UNKNOWN */
  remove(asked: Asked, name: VersionName): Promise<void>;
  removeFile(asked: Asked, name: FileName): Promise<void>;
  /** @param message undefined takes the advice back */
  deprecate(asked: Asked, name: VersionName, message: string | undefined): Promise<void>;
  /** @param reason undefined: ranges choose it again */
  yank(asked: Asked, name: VersionName, reason: string | undefined): Promise<void>;
  /** Versions that wait, oldest first. */
  staged(asked: Asked): Promise<readonly StagedVersion[]>;
  /** Lets a staged version be had. @throws STATE_CONFLICT when it does not wait, FORBIDDEN without the right to release */
  approve(asked: Asked, name: VersionName): Promise<void>;

  /** The caller's own log-in name. @throws UNAUTHENTICATED */
  nameOf(caller: Caller): Promise<string>;
  /** A token for the caller, as wide as the caller's own rights. */
  issueToken(caller: Caller, label: string): Promise<IssuedToken>;
  revokeToken(caller: Caller, tokenId: string): Promise<void>;
  tokens(caller: Caller): Promise<readonly { id: string; issuedAt: string; expiresAt: string | undefined }[]>;
}

type Done = (done: Promise<Position | undefined>) => Promise<void>;
type Visible = <T extends { readonly position: Position | undefined }>(done: Promise<T>) => Promise<T>;

export function packageRegistry(core: Core, visible: Visible, done: Done): PackageRegistry {
  return { ...writing(core, visible, done), ...reading(core), ...tokens(core, visible, done) };
}

async function governed(core: Core, { caller, repository }: Asked, name: VersionName) {
  const version = await versionOf(core, repository, name.package, name.version);
  if (version.status !== 'live') throw refuse('VERSION_UNKNOWN', `${name.package}@${name.version}`);
  return { caller, repository, version };
}

function writing(core: Core, visible: Visible, done: Done) {
  return {
    receive: (asked: Asked, body: Readable | Uint8Array, limit?: number) =>
      ReceivedFile.from(core, asked, body, limit),
    publish: ({ caller, repository }: Asked, publication: Publication) =>
      visible(publishVersion(core, caller, repository, publication)),
    remove: async (asked: Asked, name: VersionName) =>
      done(deleteVersion(core, await governed(core, asked, name))),
    removeFile: async (asked: Asked, name: FileName) =>
      done(removeFile(core, await governed(core, asked, name), name.file)),
    deprecate: async (asked: Asked, name: VersionName, message: string | undefined) =>
      done(deprecate(core, await governed(core, asked, name), message)),
    yank: async (asked: Asked, name: VersionName, reason: string | undefined) =>
      done(yank(core, await governed(core, asked, name), reason)),
    approve: async (asked: Asked, name: VersionName) =>
      done(approveStaged(core, await governed(core, asked, name))),
  };
}

async function standing(core: Core, { repository }: Asked, { package: name, version }: VersionName) {
  const row = await getVersion(core, repository, name, version);
  return row?.status === 'live' ? row.files : undefined;
}

function reading(core: Core) {
  return {
    package: (asked: Asked, name: string) => listingOf(core, asked, name),
    outline: (asked: Asked, name: string) => outlineOf(core, asked, name),
    descriptions: (asked: Asked, of: { readonly package: string; readonly versions: readonly string[] }) =>
      descriptionsOf(core, asked, of),
    packages: (asked: Asked, page: Paged) => listPackages(core, asked, page),
    search: (asked: Asked, query: Paged & { readonly words: readonly string[] }) =>
      searchPackages(core, asked, query),
    file: (asked: Asked, name: FileName) => Released.file(core, asked, name),
    placed: async (asked: Asked, { file, ...version }: FileName) =>
      (await standing(core, asked, version))?.find(({ name }) => name === file),
    standing: (asked: Asked, name: VersionName) => standing(core, asked, name),
    stagedFile: (asked: Asked, name: FileName) => Released.staged(core, asked, name),
    document: (
      { repository: { repositoryId } }: Asked,
      of: { readonly package?: string | undefined; readonly kind: string },
      build: Build,
    ) => core.documents.get({ repositoryId, package: of.package, kind: of.kind }, build),
    async text(_asked: Asked, digest: string) {
      const bytes = await core.evidence.get(digest);
      return bytes === undefined || bytes === 'erased' ? undefined : Buffer.from(bytes).toString();
    },
    staged: ({ repository }: Asked) => stagedVersions(core, repository),
  };
}

/** How long a token lives that a client's log-in asked for, ms. */
const LOGIN_TOKEN_MS = 90 * 24 * 3600_000;

function tokens(core: Core, visible: Visible, done: Done) {
  return {
    async nameOf(caller: Caller) {
      if (caller.kind === 'anonymous') throw refuse('UNAUTHENTICATED', { action: 'log in' as Action });
      const row = await core.queries.principalById(caller.id);
      const name = row && (await core.sealing.unseal(row.name).catch(ignoreRefusal));
      return name ?? caller.id;
    },
    async issueToken(caller: Caller, label: string): Promise<IssuedToken> {
      const expiresAt = new Date(core.now().getTime() + LOGIN_TOKEN_MS).toISOString();
      const wanted = { principalId: caller.id, label, limits: {}, expiresAt };
      const { id, token } = await visible(issueToken(core, caller, wanted));
      return { id, token };
    },
    revokeToken: (caller: Caller, tokenId: string) =>
      done(revokeToken(core, caller, { principalId: caller.id, tokenId })),
    async tokens(caller: Caller) {
      const rows = await core.queries.listTokens(caller.id);
      const standing = rows.filter(({ revokedAt }) => revokedAt === null);
      return standing.map(row => ({
        id: row.tokenId,
        issuedAt: row.issuedAt,
        expiresAt: row.expiresAt ?? undefined,
      }));
    },
  };
}

function ignoreRefusal(error: unknown): undefined {
  if (!isRefusal(error)) throw error;
}
