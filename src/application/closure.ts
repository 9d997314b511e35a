/** What a promotion takes along: the version, everything it consists of, and everything that is about it. */
import { refuse } from '../domain/errors.ts';
import type { ClosureItem } from '../domain/promotion/events.ts';
import { canonicalBytes, sha256 } from '../policies/canonical.ts';
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Core } from './core.ts';

const MAX_VERSIONS = 2000;
/** Of what an event may have, so that the rest of it fits. */
const MAX_BYTES = 400 * 1024;

export interface ClosureEntry {
  readonly version: VersionRow;
  /** tags that make it findable as being about another version of the closure */
  readonly sidecarTags: readonly string[];
}

/**
 * The version with its children, the referrers of each (signatures, SBOMs, attestations, and theirs), and what names
 * itself after one by its tag, children before what names them, in an order that is the same every time.
 * @throws CONTENT_TOO_LARGE beyond 2,000 versions
 */
export async function closureOf(
  core: Core,
  repository: RepositoryInfo,
  root: VersionRow,
): Promise<ClosureEntry[]> {
  const placed = new Map<string, VersionRow>();
  const seen = new Set<string>();
  const tags = new Map<string, string[]>();

  async function visit(version: VersionRow): Promise<void> {
    if (seen.has(version.version)) return;
    seen.add(version.version);
    if (seen.size > MAX_VERSIONS)
      throw refuse('CONTENT_TOO_LARGE', `a promotion takes at most ${MAX_VERSIONS} manifests`);
    for (const child of await childrenOf(core, repository, version)) await visit(child);
    placed.set(version.version, version);
    for (const referrer of await referrersOf(core, repository, version)) await visit(referrer);
    for (const { tag, sidecar } of await sidecarsOf(core, repository, version)) {
      tags.set(sidecar.version, [...(tags.get(sidecar.version) ?? []), tag]);
      await visit(sidecar);
    }
  }

  await visit(root);
  return [...placed.values()].map(version => ({ version, sidecarTags: tags.get(version.version) ?? [] }));
}

/** The closure as it is written down. @throws CONTENT_TOO_LARGE when the log cannot take it in one event */
export function freeze(closure: readonly ClosureEntry[]): { items: ClosureItem[]; digest: string } {
  const items = closure.map(({ version: { version, incarnation, files }, sidecarTags }) => ({
    version,
    incarnation,
    ...(files.length === 1 && files[0]?.canonical === version
      ? {}
      : { files: files.map(({ name, canonical }) => ({ name, canonical })) }),
    ...(sidecarTags.length > 0 ? { sidecarTags: [...sidecarTags] } : {}),
  }));
  const bytes = canonicalBytes(items);
  if (bytes.length > MAX_BYTES)
    throw refuse('CONTENT_TOO_LARGE', `a promotion's list of files has at most ${MAX_BYTES} bytes`);
  return { items, digest: sha256(bytes) };
}

/** The files that were frozen, as the version has them now; undefined when one of them is not as it was. */
export function frozenFiles({ files }: VersionRow, item: ClosureItem): VersionRow['files'] | undefined {
  const wanted = item.files?.map(({ canonical }) => canonical) ?? [item.version];
  const named = new Map(item.files?.map(({ name, canonical }) => [name, canonical]));
  const found = files.filter(({ name, canonical }) =>
    item.files ? named.get(name) === canonical : canonical === item.version,
  );
  return found.length === wanted.length ? found : undefined;
}

export async function referrersOf(
  core: Core,
  repository: RepositoryInfo,
  version: VersionRow,
): Promise<VersionRow[]> {
  const rows = await Promise.all(
    digestsOf(version).map(digest =>
      core.queries.referrers(repository.repositoryId, version.package, digest),
    ),
  );
  return [...new Map(rows.flat().map(row => [row.version, row])).values()];
}

const digestsOf = ({ files }: VersionRow) => [
  ...new Set(files.flatMap(({ canonical, digest }) => [canonical, digest])),
];

const MAX_SIDECARS = 100;

/**
 * Signatures and the like that are attached by a tag, `sha256-<hex>.sig`, as clients did before there were referrers.
 * https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#tag-based-discovery
 */
async function sidecarsOf(core: Core, { repositoryId }: RepositoryInfo, version: VersionRow) {
  const found: { tag: string; sidecar: VersionRow }[] = [];
  for (const digest of digestsOf(version)) {
    const prefix = `${digest.replace(':', '-')}.`;
    const rows = await core.queries.listTags(repositoryId, version.package, {
      after: prefix,
      limit: MAX_SIDECARS,
    });
    for (const row of rows) {
      if (!row.tag.startsWith(prefix)) break;
      const sidecar = await core.queries.getVersion(repositoryId, version.package, row.version);
      if (sidecar?.status === 'live') found.push({ tag: row.tag, sidecar });
    }
  }
  return found;
}

async function childrenOf(
  core: Core,
  repository: RepositoryInfo,
  version: VersionRow,
): Promise<VersionRow[]> {
  const children = version.references.filter(({ relation }) => relation === 'child');
  return Promise.all(
    children.map(async ({ digest }) => {
      const child = await core.queries.versionByDigest(repository.repositoryId, version.package, digest);
      if (child?.status === 'live') return child;
      throw refuse('STATE_CONFLICT', `${digest}, a part of it, is not in this repository any more`);
    }),
  );
}
