/**
 * All questions that can be asked of the views. Rows are plain; keyset paging: rows after a key, in the order of that
 * key (byte order), at most `limit` (default 100, at most 1000). What fans out is joined here: a tag counts only while
 * the incarnation that it names is the live one, a repository only while it is not deleted.
 */
import type { EventType } from '../domain/catalogue.ts';
import type { Scope } from '../domain/values/actions.ts';
import type { GrantRow, TokenRow } from './access/view.ts';
import type { ActivityRow } from './activity/view.ts';
import type { AttachmentRow } from './attachments/view.ts';
import type { CollectionRow } from './collections/view.ts';
import type { DenialRow } from './denials/view.ts';
import type { DescriptionRow } from './descriptions/view.ts';
import type { ProjectRow, RepositoryRow } from './directory/view.ts';
import type { HoldRow } from './holds/view.ts';
import type { LinkRow } from './links/view.ts';
import type { PackageRow } from './packages/view.ts';
import type { PromotionRow, PromotionStatus } from './promotions/view.ts';
import type { TagRow } from './tags/view.ts';
import type { SegmentRow } from './usage/view.ts';
import type { VersionRefRow, VersionRow } from './versions/view.ts';

export type {
  ActivityRow,
  AttachmentRow,
  CollectionRow,
  DenialRow,
  DescriptionRow,
  GrantRow,
  HoldRow,
  LinkRow,
  PackageRow,
  ProjectRow,
  PromotionRow,
  PromotionStatus,
  SegmentRow,
  TagRow,
  TokenRow,
  VersionRow,
};

export interface Paging<After = string> {
  /** the key of the last row of the page before (exclusive) */
  readonly after?: After | undefined;
  readonly limit?: number | undefined;
}

export interface Ordered {
  /** by position or time; default `desc`, newest first. `after` follows it */
  readonly order?: 'asc' | 'desc' | undefined;
}

export interface Place {
  readonly repositoryId: string;
  readonly package: string;
  readonly version: string;
}

export type RepositoryInfo = RepositoryRow & { readonly projectName: string };

export interface CatalogueEntry {
  readonly projectName: string;
  readonly repositoryName: string;
  readonly repositoryId: string;
  readonly package: string;
}

export interface PrincipalRow {
  readonly principalId: string;
  readonly kind: 'user' | 'service-account';
  readonly nameHash: string;
  /** sealed text */
  readonly name: string;
  readonly disabled: boolean;
  readonly createdAt: string;
  /** names the password's verifier in the vault */
  readonly passwordSecretId: string | null;
}

/** One way in which a placement names bytes. A placement that names them twice comes twice. */
export interface NamingRow extends Place {
  readonly incarnation: string;
  /** `deleted` also when its repository is */
  readonly status: 'live' | 'deleted';
  readonly deletedAt: string | null;
  readonly relation: VersionRefRow['relation'];
  /** as the client wrote it */
  readonly digest: string;
  readonly canonical: string;
  readonly mediaType: string;
  readonly size: number;
}

export interface UsageRow {
  readonly repositoryId: string;
  /** live versions */
  readonly versions: number;
  /** of all distinct files, configs and layers that live versions name */
  readonly bytes: number;
  readonly downloads: number;
}

export interface ActivityFilter extends Paging, Ordered {
  readonly repositoryId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly package?: string | undefined;
  readonly version?: string | undefined;
  readonly tag?: string | undefined;
  readonly subject?: string | undefined;
  readonly actor?: string | undefined;
  readonly types?: readonly EventType[] | undefined;
  /** only events whose decision was made by at least one policy set */
  readonly decidedOnly?: boolean | undefined;
}

export interface DirectoryQueries {
  projectByName(name: string): Promise<ProjectRow | undefined>;
  projectById(projectId: string): Promise<ProjectRow | undefined>;
  /** by name */
  listProjects(paging?: Paging): Promise<ProjectRow[]>;
  repositoryByName(projectName: string, repositoryName: string): Promise<RepositoryInfo | undefined>;
  repositoryById(repositoryId: string): Promise<RepositoryInfo | undefined>;
  /** by project name and name; `after` names both */
  listRepositories(
    options?: { projectId?: string | undefined } & Paging<{ projectName: string; name: string }>,
  ): Promise<RepositoryInfo[]>;
}

export interface PackageQueries {
  getPackage(repositoryId: string, packageName: string): Promise<PackageRow | undefined>;
  /** by name */
  listPackages(repositoryId: string, paging?: Paging): Promise<PackageRow[]>;
  /**
   * Packages with a live version, by project, repository and package name. `repositoryIds`: only of these (at most
   * 1000; an empty list finds nothing).
   */
  listAllPackages(
    options?: {
      repositoryIds?: readonly string[] | undefined;
      format?: string | undefined;
    } & Paging<Omit<CatalogueEntry, 'repositoryId'>>,
  ): Promise<CatalogueEntry[]>;
}

export interface VersionQueries {
  /** live or deleted */
  getVersion(repositoryId: string, packageName: string, version: string): Promise<VersionRow | undefined>;
  /** the version of this name, else the one that has a file of this digest (live before deleted) */
  versionByDigest(repositoryId: string, packageName: string, digest: string): Promise<VersionRow | undefined>;
  /** by version, in byte order */
  listVersions(
    repositoryId: string,
    packageName: string,
    options?: { status?: 'live' | 'deleted' | undefined } & Paging,
  ): Promise<VersionRow[]>;
  /** every placement of the repository, live or deleted, whose own files or references name these bytes */
  versionsNaming(
    repositoryId: string,
    canonicalDigest: string,
  ): Promise<(NamingRow & { readonly tags: number })[]>;
  /** the same over all repositories, by repository, package and version */
  placesOfSubject(canonical: string, paging?: Paging<Place>): Promise<NamingRow[]>;
  /** live versions of the package whose subject is this digest, by version */
  referrers(repositoryId: string, packageName: string, subjectDigest: string): Promise<VersionRow[]>;
}

export interface TagQueries {
  getTag(repositoryId: string, packageName: string, tag: string): Promise<TagRow | undefined>;
  /** by tag, in byte order */
  listTags(repositoryId: string, packageName: string, paging?: Paging): Promise<TagRow[]>;
  tagsOfVersion(repositoryId: string, packageName: string, version: string): Promise<TagRow[]>;
}

export interface LinkQueries {
  /** by canonical digest or an alias; whether a manifest names it or its lease runs is the caller's question */
  getLink(repositoryId: string, digestOrAlias: string): Promise<LinkRow | undefined>;
  /** ids of the repositories that these bytes are linked to */
  linkedIn(canonical: string): Promise<string[]>;
  /**
   * Which of these bytes are still named: by a live version, by one deleted after `deletedAfter`, or by a link whose
   * lease runs at `now`, in any repository. A repository's deletion is the deletion of its versions.
   */
  referenced(
    canonicals: readonly string[],
    options: { readonly deletedAfter: string; readonly now: string },
  ): Promise<Set<string>>;
}

export interface HoldQueries {
  /** open holds on the place or any of the subjects (digests or purls) */
  openHolds(of: {
    readonly subjects: readonly string[];
    readonly place?: Place | undefined;
    readonly places?: readonly Place[] | undefined;
  }): Promise<HoldRow[]>;
  /** by position; with `repositoryId`: on its places, and on subjects that one of its versions names */
  listHolds(options?: { repositoryId?: string | undefined } & Paging): Promise<HoldRow[]>;
  holdById(holdId: string): Promise<HoldRow | undefined>;
  /** packages of these repositories in which an open hold binds something, each once, in no order */
  packagesUnderHolds(
    repositoryIds: readonly string[],
  ): Promise<readonly { readonly repositoryId: string; readonly package: string }[]>;
}

export interface AccessQueries {
  principalByNameHash(nameHash: string): Promise<PrincipalRow | undefined>;
  principalById(principalId: string): Promise<PrincipalRow | undefined>;
  /** by id */
  listPrincipals(paging?: Paging): Promise<PrincipalRow[]>;
  /** also revoked and expired ones; its principal may be disabled or gone */
  tokenById(tokenId: string): Promise<TokenRow | undefined>;
  listTokens(principalId: string): Promise<TokenRow[]>;
  grantsOf(principalId: string): Promise<GrantRow[]>;
  listGrants(at?: Scope): Promise<GrantRow[]>;
}

export interface AttachmentQueries {
  attachmentsFor(scopes: readonly Scope[]): Promise<AttachmentRow[]>;
  attachmentById(attachmentId: string): Promise<AttachmentRow | undefined>;
  listAttachments(): Promise<AttachmentRow[]>;
}

export interface PromotionQueries {
  promotion(promotionId: string): Promise<PromotionRow | undefined>;
  /** by position of the request */
  listPromotions(
    options?: {
      repositoryId?: string | undefined;
      openOnly?: boolean | undefined;
      status?: PromotionStatus | undefined;
    } & Paging &
      Ordered,
  ): Promise<PromotionRow[]>;
}

export interface ActivityQueries {
  /** by position */
  activity(filter?: ActivityFilter): Promise<ActivityRow[]>;
  /** the event of this id, when its decision was made by at least one policy set */
  decidedEvent(eventId: string): Promise<ActivityRow | undefined>;
}

export interface DenialQueries {
  /** by minute and id */
  listDenials(
    options?: { actor?: string | undefined } & Paging<{ minute: string; denialId: string }> & Ordered,
  ): Promise<DenialRow[]>;
}

export interface CollectionQueries {
  /** by position of the first event */
  listCollections(paging?: Paging & Ordered): Promise<CollectionRow[]>;
}

export interface UsageQueries {
  usage(repositoryId: string): Promise<UsageRow>;
  /** over all repositories that are not deleted; bytes that several share count once */
  usageTotals(): Promise<Omit<UsageRow, 'repositoryId'> & { readonly repositories: number }>;
  /** by segment name */
  listDownloadSegments(paging?: Paging): Promise<SegmentRow[]>;
}

export interface DescriptionQueries {
  getDescription(
    repositoryId: string,
    packageName: string,
    version: string,
  ): Promise<DescriptionRow | undefined>;
  /** by version, in byte order; also of deleted versions */
  listDescriptions(repositoryId: string, packageName: string, paging?: Paging): Promise<DescriptionRow[]>;
  /**
   * Packages with a live version whose name, summary or keywords contain every word (at most 8 count), by repository
   * and name. Holds are the caller's question.
   */
  searchPackages(
    of: {
      readonly repositoryIds: readonly string[];
      readonly words: readonly string[];
    } & Paging<{ readonly repositoryId: string; readonly package: string }>,
  ): Promise<PackageRow[]>;
}

export interface Queries
  extends DirectoryQueries,
    PackageQueries,
    VersionQueries,
    TagQueries,
    LinkQueries,
    HoldQueries,
    AccessQueries,
    AttachmentQueries,
    PromotionQueries,
    ActivityQueries,
    DenialQueries,
    CollectionQueries,
    UsageQueries,
    DescriptionQueries {}
