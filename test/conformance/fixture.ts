/**
 * What the shared conformance suite needs to know of a format. One for each protocol, in fixtures.ts. It speaks the
 * format's own protocol over HTTP; everything that is not the format's own (holds, promotion, deletion…) the suite does
 * through the management API.
 */
import type { Actor, Answer } from './client.ts';

/** Where a test publishes: a repository of the format, made for it. */
export interface Place {
  readonly project: string;
  readonly repository: string;
}

/** One version that was published, as a client knows it. */
export interface PublishedVersion {
  readonly place: Place;
  /** as the format normalises it */
  readonly package: string;
  /** as the management API names the version */
  readonly version: string;
  /** the tag or dist-tag it was published under, where the format has such */
  readonly tag?: string;
  /** every file that clients fetch for it, sidecars included, with the bytes they must be */
  readonly files: readonly PublishedFile[];
}

export interface PublishedFile {
  /** what it is, for the names of failing cases: `manifest`, `layer`, `tarball`, `.sha1` */
  readonly name: string;
  /** absolute path, with its query */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

/** How a refusal looks to a client of this format. */
export interface NativeRefusal {
  readonly status: number;
  /** the text that the client shows to its user */
  readonly message: string;
}

export interface Publishing {
  readonly package: string;
  /** a tag in formats that have tags; a version number in those that have these */
  readonly label: string;
  /** determines the content: the same seed gives the same bytes */
  readonly seed: string;
}

/** How one route is asked for one version. */
export interface Asks {
  /** `content`: refused with 403 while held. `index`: answered, but the version is not on offer. */
  readonly kind: 'content' | 'index';
  readonly paths: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** whether an index's answer offers the version for installing; default: its text names a file or label of it */
  readonly offers?: (answer: Answer, version: PublishedVersion) => boolean;
}

export interface ProtocolFixture {
  /** the same package and label with other content: refused, or (tags) moved to another version */
  readonly republishing: 'refused' | 'moves';
  /** types of the events of a first publication, in order */
  readonly publicationEvents: readonly string[];
  /** a legal package name made from plain lower-case letters and dashes */
  packageName(plain: string): string;
  /** Publishes as a client does, in all its requests; the last answer is given back. */
  publish(
    actor: Actor,
    place: Place,
    what: Publishing,
  ): Promise<{ answer: Answer; version: PublishedVersion }>;
  /** versions have no tags of their own: a promotion names none */
  readonly tagless?: true;
  /** what was deleted cannot be published again, only restored */
  readonly neverAgain?: true;
  /** each file of a version is published by a request of its own */
  readonly fileByFile?: true;
  /** how many subjects a hold everywhere is about: 1, and for packages with a purl one more */
  readonly subjects?: number;
  /** the management API's way to delete is another one than the protocol's (which hides, yanks or unlists only) */
  readonly deletesByApi?: true;
  /**
   * For every route of the protocol that serves, as `METHOD pattern`: how a client asks it for this version. Packages
   * only; OCI has a matrix of its own.
   */
  readonly asks?: Readonly<Record<string, (version: PublishedVersion) => Asks>>;
  /** Names what clients ask for to learn which labels a package has; `labels` reads the answer. */
  listPath(place: Place, packageName: string): string;
  labels(answer: Answer): readonly string[];
  /** What resolving a label asks for, e.g. the manifest by tag. */
  resolvePath(place: Place, packageName: string, label: string): string;
  /** Deletes the version by the protocol; undefined when clients cannot. */
  delete?(actor: Actor, version: PublishedVersion): Promise<Answer>;
  /** Reads a native refusal; fails the test when the answer is not one of this format. */
  refusal(answer: Answer): NativeRefusal;
  /** Whether the answer asks to log in, as clients of the format understand it. */
  isChallenge(answer: Answer): boolean;
  /** how the format says that something is not there: its statuses */
  readonly unknown: readonly number[];
}
