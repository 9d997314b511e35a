/**
 * Search and autocomplete over what packages say of themselves.
 * https://learn.microsoft.com/en-us/nuget/api/search-query-service-resource
 */
import type { Asked } from '../../application/registry.ts';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { Context } from '../shared/content.ts';
import { decodeQuery, type Query } from '../shared/decode.ts';
import { versionNames } from './names.ts';
import { type Available, addressesOf, availableIn, isListed } from './registration.ts';
import { type Terms, termsOf } from './terms.ts';
import type { Urls } from './urls.ts';

const MAX_SKIP = 3000;
const MAX_TAKE = 1000;
const DEFAULT_TAKE = 20;
/** Names read at once. */
const PAGE = 200;
/** How many more are counted beyond those that are shown. */
const MAX_COUNTED = 1000;

interface Asking {
  readonly terms: Terms;
  readonly skip: number;
  readonly take: number;
  readonly prerelease: boolean;
  readonly semVer2: boolean;
  readonly packageType: string | undefined;
}

interface Hit {
  /** in lower case */
  readonly name: string;
  readonly id: string;
  readonly json: string;
}

/** A place to search in. */
interface Scope {
  readonly context: Context;
  readonly asked: Asked;
  readonly urls: Urls;
}

/** Packages that fit all words, one with just that id first, then by id. `totalHits` counts them up to some thousands. */
export async function search(scope: Scope): Promise<string> {
  const asking = askingOf(decodeQuery(scope.context.request.query));
  const { hits, total } = await collect(scope, asking, asking.terms.fits);
  const head = JSON.stringify({
    '@context': { '@vocab': 'http://schema.nuget.org/schema#' },
    totalHits: total,
  });
  return `${head.slice(0, -1)},"data":[${hits.map(({ json }) => json).join(',')}]}`;
}

/** Ids that contain a text, or the versions of one id. https://learn.microsoft.com/en-us/nuget/api/search-autocomplete-service-resource */
export async function autocomplete(scope: Scope): Promise<string> {
  const query = decodeQuery(scope.context.request.query);
  const asking = askingOf(query);
  const id = query.one('id');
  if (id !== undefined) return versionsOf(scope, asking, id.toLowerCase());
  const text = (query.one('q') ?? '').trim().toLowerCase();
  const { hits, total } = await collect(scope, asking, name => name.includes(text));
  return JSON.stringify({ totalHits: total, data: hits.map(hit => hit.id) });
}

function askingOf(query: Query): Asking {
  const level = query.one('semVerLevel');
  return {
    terms: termsOf(query.one('q') ?? ''),
    skip: Math.min(natural(query, 'skip') ?? 0, MAX_SKIP),
    take: Math.min(natural(query, 'take') ?? DEFAULT_TAKE, MAX_TAKE),
    prerelease: query.one('prerelease')?.toLowerCase() === 'true',
    semVer2: level !== undefined && !versionNames(level).version.startsWith('1.'),
    packageType: query.one('packageType')?.toLowerCase() || undefined,
  };
}

function natural(query: Query, name: string): number | undefined {
  const text = query.one(name);
  if (text === undefined || text === '') return undefined;
  if (!/^[0-9]{1,9}$/.test(text)) throw refuse('REQUEST_INVALID', `${name} is not a number`);
  return Number(text);
}

async function collect(
  scope: Scope,
  asking: Asking,
  fits: (name: string) => boolean,
): Promise<{ hits: readonly Hit[]; total: number }> {
  const { skip, take } = asking;
  const hits: Hit[] = [];
  let total = 0;
  for await (const name of candidates(scope, asking, fits)) {
    // what is beyond is counted as it comes: reading each would take as long as showing it
    const full = hits.length >= take;
    const hit = full ? undefined : await hitOf(scope, asking, name);
    if (!full && !hit) continue;
    total++;
    if (hit && total > skip) hits.push(hit);
    if (total >= skip + take + MAX_COUNTED) break;
  }
  return { hits, total };
}

/** Names of packages, the one that was named first. */
async function* candidates(
  scope: Scope,
  asking: Asking,
  fits: (name: string) => boolean,
): AsyncGenerator<string> {
  const { words } = asking.terms;
  const exact = words.length === 1 ? words[0]?.toLowerCase() : undefined;
  if (exact !== undefined && fits(exact) && (await hitOf(scope, asking, exact))) yield exact;
  for (let after: string | undefined, more = true; more; ) {
    const page = await scope.context.registry.search(scope.asked, { words, after, limit: PAGE });
    for (const { name } of page.items) if (name !== exact && fits(name)) yield name;
    after = page.items.at(-1)?.name;
    more = page.more && after !== undefined;
  }
}

/** What is shown of a package, composed once per change of it; undefined: none of its versions is on offer. */
async function hitOf(
  { context: { registry }, asked, urls }: Scope,
  { prerelease, semVer2, packageType }: Asking,
  name: string,
): Promise<Hit | undefined> {
  const kind = `search ${prerelease} ${semVer2} ${urls.base}`;
  const document = await registry
    .document(asked, { package: name, kind }, async () => {
      const versions = onOffer(availableIn(await registry.package(asked, name)), { prerelease, semVer2 });
      return compose(urls, name, versions);
    })
    .catch(absent);
  const [head = '', json = ''] = Buffer.from(document?.bytes ?? [])
    .toString()
    .split('\n');
  const [id = '', ...types] = head.split(' ');
  const wanted = packageType === undefined || types.includes(packageType);
  return json !== '' && wanted ? { name, id, json } : undefined;
}

function absent(error: unknown): undefined {
  if (!isRefusal(error) || error.kind !== 'not_found') throw error;
}

const onOffer = (
  versions: readonly Available[],
  { prerelease, semVer2 }: Pick<Asking, 'prerelease' | 'semVer2'>,
) =>
  versions.filter(
    one =>
      isListed(one) &&
      (prerelease || !versionNames(one.version).prerelease) &&
      (semVer2 || !one.native.semVer2),
  );

/** Two lines: the id with the types of the package, and the JSON. */
function compose(urls: Urls, id: string, versions: readonly Available[]): string {
  const latest = versions.at(-1);
  if (!latest) return '';
  const { native } = latest;
  const types = native.packageTypes?.length ? native.packageTypes : [{ name: 'Dependency' }];
  const registration = urls.registration('registration-semver2', id);
  const { title, summary, projectUrl } = native;
  const json = JSON.stringify({
    ...{ '@id': registration, '@type': 'Package', registration },
    ...{ id: native.id, version: native.version, title: title ?? native.id, summary, projectUrl },
    description: native.description ?? '',
    ...addressesOf(urls, id, latest),
    tags: native.tags ?? [],
    authors: native.authors === undefined ? [] : [native.authors],
    totalDownloads: 0,
    verified: false,
    packageTypes: types.map(({ name }) => ({ name })),
    versions: versions.map(one => ({
      version: one.native.version,
      downloads: 0,
      '@id': urls.leaf('registration-semver2', id, one.version),
    })),
  });
  return `${native.id} ${types.map(({ name }) => name.toLowerCase()).join(' ')}\n${json}`;
}

async function versionsOf(
  { context: { registry }, asked }: Scope,
  asking: Asking,
  name: string,
): Promise<string> {
  const listing = await registry.package(asked, name).catch(absent);
  const versions = listing ? onOffer(availableIn(listing), asking) : [];
  return JSON.stringify({ data: versions.map(({ native }) => native.version) });
}
