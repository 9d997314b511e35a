/**
 * The read gate. Content is opened only through a Released, and only `release…` here makes one: the version is there,
 * nothing holds it, and the policies let this caller pull it. A refusal is final, it never falls through.
 */
import type { Readable } from 'node:stream';
import { refuse } from '../domain/errors.ts';
import { algorithmOf } from '../domain/values/digest.ts';
import { isPart } from '../domain/values/schemas.ts';
import type { HoldRow, NamingRow, RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { denial, type Verdict, warnings } from './gate.ts';
import { authorise } from './handle.ts';
import { heldRefusal, holdsOn, holdsOnFile } from './holds.ts';
import { type FileName, fileOf, find, getVersion, namingOf, type Reference } from './lookup.ts';
import { pullVerdict } from './pull-verdict.ts';
import { at, mayDo, mayInPerson } from './rights.ts';

interface Content {
  readonly canonical: string;
  readonly size: number;
  readonly mediaType: string;
  /** as the client knows it */
  readonly digest: string;
}

/** Content that this caller may have now. */
export class Released {
  readonly content: Content;
  readonly version: VersionRow | undefined;
  readonly warnings: readonly string[];
  readonly verdict: Verdict | undefined;
  readonly #released = true;

  private constructor(content: Content, version: VersionRow | undefined, verdict: Verdict | undefined) {
    this.content = content;
    this.version = version;
    this.verdict = verdict;
    this.warnings = warnings(verdict);
  }

  static isGenuine(value: Released): boolean {
    return #released in value;
  }

  /** @throws MANIFEST_UNKNOWN, TAG_UNKNOWN, ARTIFACT_HELD, POLICY_DENIED */
  static async version(
    core: Core,
    asked: Asked,
    packageName: string,
    reference: Reference,
  ): Promise<Released> {
    const version = await find(core, asked.repository, packageName, reference);
    const verdict = await allow(core, asked, version, await holdsOn(core, asked.repository, version));
    const file = version.files[0];
    if (!file) throw refuse('MANIFEST_UNKNOWN');
    const digest = 'digest' in reference ? reference.digest : file.digest;
    return new Released({ ...file, digest, mediaType: version.mediaType }, version, verdict);
  }

  /** One file of a version. @throws VERSION_UNKNOWN, FILE_UNKNOWN, ARTIFACT_HELD, POLICY_DENIED */
  static async file(core: Core, asked: Asked, of: FileName): Promise<Released> {
    const { version, file } = await fileOf(core, asked.repository, of);
    const verdict = await allow(
      core,
      asked,
      version,
      await holdsOnFile(core, asked.repository, version, file),
    );
    return new Released(file, version, verdict);
  }

  /**
   * One file of a version that waits for approval, for who may give it: other holds bind here, too.
   * @throws FORBIDDEN, VERSION_UNKNOWN, FILE_UNKNOWN, ARTIFACT_HELD, POLICY_DENIED
   */
  static async staged(core: Core, asked: Asked, of: FileName): Promise<Released> {
    const { caller, repository } = asked;
    const target = `${of.package}@${of.version}`;
    await authorise(core, { caller, action: 'release', at: at(repository), facts: {}, target });
    const { version, file } = await fileOf(core, repository, of);
    const holds = await holdsOnFile(core, repository, version, file);
    const others = holds.filter(({ kind }) => kind !== 'staged');
    return new Released(file, version, await allow(core, asked, version, others));
  }

  /** A version of which only what an index shows is given out; the caller has filtered by holds. */
  static async listed(core: Core, asked: Asked, version: VersionRow): Promise<Released> {
    const file = version.files[0];
    const holds = await holdsOn(core, asked.repository, version);
    if (!file || holds.length > 0) throw await heldRefusal(core, asked.caller, asked.repository, holds);
    return new Released({ ...file, digest: file.digest, mediaType: version.mediaType }, version, undefined);
  }

  /**
   * A blob, through any available manifest of the repository that names it; while none does, with push right as long
   * as the lease of its upload lasts. @throws BLOB_UNKNOWN, ARTIFACT_HELD, POLICY_DENIED
   */
  static async blob(core: Core, asked: Asked, digest: string): Promise<Released> {
    const { repository } = asked;
    // what names the bytes comes from memory, a link from the views: known pulls go on while those are away
    const known = isCanonical(digest) ? await partsOf(core, repository, digest) : [];
    const link = known.some(isLive) ? undefined : await core.queries.getLink(repository.repositoryId, digest);
    const canonical = link?.canonical ?? digest;
    const parts = canonical === digest ? known : await partsOf(core, repository, canonical);
    const naming = parts.filter(isLive);
    const size = link?.size ?? naming[0]?.size;
    if (size === undefined) throw refuse('BLOB_UNKNOWN', { digest });
    const content = { canonical, size, digest, mediaType: 'application/octet-stream' };
    const { version, verdict } =
      naming.length > 0
        ? await firstAllowed(core, asked, naming, canonical)
        : await leased(core, asked, { canonical, leaseUntil: link?.leaseUntil, parts });
    return new Released(content, version, verdict);
  }
}

interface Through {
  readonly version?: VersionRow | undefined;
  readonly verdict?: Verdict | undefined;
}

/** The first of the manifests naming the bytes that this caller may pull. @throws the first refusal when none is */
async function firstAllowed(
  core: Core,
  asked: Asked,
  naming: readonly NamingRow[],
  canonical: string,
): Promise<Through> {
  let refusal: unknown;
  for (const row of naming.slice(0, 50)) {
    const version = await getVersion(core, asked.repository, row.package, row.version);
    if (version?.status !== 'live' || !(await brings(core, version, canonical))) continue;
    try {
      return {
        version,
        verdict: await allow(core, asked, version, await holdsOn(core, asked.repository, version)),
      };
    } catch (error) {
      refusal ??= error;
    }
  }
  throw refusal ?? refuse('BLOB_UNKNOWN');
}

/** A foreign layer is named without being there: a digest that somebody knows opens no bytes of other repositories. */
async function brings(core: Core, version: VersionRow, canonical: string): Promise<boolean> {
  const there = version.references.some(reference => reference.canonical === canonical);
  return there || (await core.queries.getLink(version.repositoryId, canonical)) !== undefined;
}

/**
 * Bytes that no manifest names yet, or any more, are for those who push here, while their lease lasts: unless a manifest
 * that was deleted is held.
 */
async function leased(
  core: Core,
  asked: Asked,
  blob: { canonical: string; leaseUntil: string | undefined; parts: readonly NamingRow[] },
): Promise<Through> {
  const { caller, repository } = asked;
  const runs = Date.parse(blob.leaseUntil ?? '') > core.now().getTime();
  if (!runs || !(await mayInPerson(core, caller, 'push', at(repository))).allowed)
    throw refuse('BLOB_UNKNOWN');
  const held = await core.queries.openHolds({ subjects: [blob.canonical] });
  if (held.length > 0) throw await heldRefusal(core, caller, repository, held);
  for (const part of blob.parts) {
    const version = await getVersion(core, repository, part.package, part.version);
    const holds = version ? await holdsOn(core, repository, version) : [];
    if (holds.length > 0) throw await heldRefusal(core, caller, repository, holds);
  }
  return {};
}

/** Who asks, where. The right to pull here was checked when the repository was resolved. */
export interface Asked {
  readonly caller: Caller;
  readonly repository: RepositoryInfo;
}

/** Opens released content. @throws STORAGE_UNAVAILABLE when the bytes that must be there cannot be given */
export async function open(
  core: Core,
  released: Released,
  range?: { start: number; end: number },
): Promise<Readable> {
  if (!Released.isGenuine(released)) throw new TypeError('content is released by the read gate');
  const stream = await core.blobs.open(released.content.canonical, range);
  if (!stream) throw lost(core, released);
  return stream;
}

/** Small released content in one piece. */
export async function read(core: Core, released: Released): Promise<Uint8Array> {
  if (!Released.isGenuine(released)) throw new TypeError('content is released by the read gate');
  const bytes = await core.blobs.read(released.content.canonical);
  if (!bytes) throw lost(core, released);
  return bytes;
}

function lost(core: Core, released: Released) {
  core.logger.error({ digest: released.content.canonical }, 'bytes that the log names are not in the store');
  return refuse('STORAGE_UNAVAILABLE', 'the bytes are not in the store');
}

const isLive = ({ status }: NamingRow) => status === 'live';

/** A digest that is never an alias of another one. */
const isCanonical = (digest: string) => algorithmOf(digest) === 'sha256';

async function partsOf(core: Core, repository: RepositoryInfo, canonical: string) {
  return (await namingOf(core, repository, canonical)).filter(isPart);
}

/** Holds, then policies. @throws ARTIFACT_HELD, POLICY_DENIED, POLICY_FAILED */
async function allow(
  core: Core,
  asked: Asked,
  version: VersionRow,
  holds: readonly HoldRow[],
): Promise<Verdict | undefined> {
  const { caller, repository } = asked;
  const target = `${version.package}@${version.version}`;
  if (holds.length > 0) {
    const refusal = await heldRefusal(core, caller, repository, holds);
    await deny(core, asked, target, ['ARTIFACT_HELD']);
    throw refusal;
  }
  const verdict = await pullVerdict(core, asked, version);
  if (verdict?.decision.outcome !== 'deny') return verdict;
  await deny(core, asked, target, verdict);
  throw denial(verdict.decision);
}

async function deny(
  core: Core,
  asked: Asked,
  target: string,
  why: Verdict | readonly string[],
): Promise<void> {
  const { caller, repository } = asked;
  const { roles } = await mayDo(core, caller, 'pull', at(repository));
  const base = { caller, roles, action: 'pull' as const, at: at(repository), target };
  if ('decision' in why) {
    const codes = why.decision.deny.map(({ code }) => code);
    await core.denials.record({ ...base, codes, decision: why.recorded });
  } else await core.denials.record({ ...base, codes: why });
}
