/**
 * What a repository offers, chart by chart: a fragment of JSON for each, composed when that chart changes, and what is
 * made of all of them. YAML is a superset of JSON, and helm reads the latter much faster.
 * https://helm.sh/docs/topics/chart_repository/#the-index-file
 */
import { setImmediate } from 'node:timers/promises';
import type {
  Asked,
  ListedVersion,
  OutlinedVersion,
  PackageOutline,
  Registry,
} from '../../application/registry.ts';
import { isRefusal } from '../../domain/errors.ts';
import { archiveName, byVersion } from './names.ts';

const PAGE = 1000;
const AT_ONCE = 16;

export interface Fragment {
  readonly chart: string;
  /** a JSON array of entries, the highest version first */
  readonly entries: Uint8Array;
  /** when the newest of them was published */
  readonly newest: string;
}

/** Of one chart, made of a fragment for each version; undefined: nothing of it can be had. */
export async function fragmentOf(
  registry: Registry,
  asked: Asked,
  chart: string,
): Promise<Fragment | undefined> {
  const of = { package: chart, kind: 'entries' };
  const { bytes, note: newest } = await registry.document(asked, of, async composer => {
    const outline = await registry.outline(asked, chart).catch(absent);
    const offered = outline ? offeredOf(outline) : [];
    if (offered.length === 0) return '';
    const versions = offered.filter(one => composer.lacks(named(one))).map(({ version }) => version);
    const described =
      versions.length > 0 ? await registry.descriptions(asked, { package: chart, versions }) : undefined;
    for (const [index, one] of offered.entries()) {
      composer.frame(index === 0 ? '[' : ',');
      const make = () => json(entryOf(chart, { ...one, description: described?.get(one.version) }));
      composer.fragment(named(one), make);
    }
    composer.frame(']');
    return composer.finish(offered.map(({ publishedAt }) => publishedAt).reduce((a, b) => (a > b ? a : b)));
  });
  return newest === undefined ? undefined : { chart, entries: bytes, newest };
}

const named = ({ version, stamp }: OutlinedVersion) => ({ key: version, stamp });

const absent = (error: unknown) => {
  if (isRefusal(error, 'PACKAGE_UNKNOWN')) return undefined;
  throw error;
};

/** All charts that have something on offer, by name. */
export async function* fragments(registry: Registry, asked: Asked): AsyncGenerator<Fragment> {
  for (let after: string | undefined, more = true; more; ) {
    const page = await registry.packages(asked, { after, limit: PAGE });
    for (let start = 0; start < page.items.length; start += AT_ONCE) {
      const some = page.items.slice(start, start + AT_ONCE);
      for (const found of await Promise.all(some.map(({ name }) => fragmentOf(registry, asked, name))))
        if (found) yield found;
      // others have their turn while many are made for the first time
      await setImmediate();
    }
    after = page.items.at(-1)?.name;
    more = page.more && after !== undefined;
  }
}

/** Held, waiting and yanked versions are left out, so that ranges resolve to another one. */
function offeredOf({ versions }: PackageOutline): readonly OutlinedVersion[] {
  return versions
    .filter(({ held, yanked, files }) => held === undefined && yanked === undefined && files.length > 0)
    .sort((a, b) => byVersion(a.version, b.version));
}

/** One version as an index shows it. */
export function entryOf(chart: string, listed: ListedVersion): object {
  const { version, publishedAt, deprecated, description, files } = listed;
  const file = archiveName({ name: chart, version });
  const archive = files.find(({ name }) => name === file);
  return {
    ...description?.native,
    ...{ name: chart, version },
    ...(deprecated === undefined ? {} : advised(deprecated, description?.summary)),
    created: publishedAt,
    ...(archive ? { digest: archive.canonical.slice('sha256:'.length) } : {}),
    urls: [`charts/${file}`],
  };
}

/** Helm's search shows descriptions, and no other mark: charts have long said it there. */
const advised = (message: string, summary = '') => ({
  deprecated: true,
  description: [`DEPRECATED: ${message}`, summary].filter(Boolean).join(' - '),
});

/** JSON that is YAML too: what YAML calls unprintable, or a line break, is escaped. */
export const json = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    mark => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** @param base path of the repository: plugins that upload take it from `serverInfo` */
export async function indexOf(registry: Registry, asked: Asked, base: string): Promise<Uint8Array> {
  let newest = asked.repository.createdAt;
  const { bytes } = await members(fragments(registry, asked), found => {
    if (found.newest > newest) newest = found.newest;
  });
  const tail = `,\n"generated":${json(newest)},"serverInfo":{"contextPath":${json(base)}}}\n`;
  return Buffer.concat([Buffer.from('{"apiVersion":"v1","entries":'), bytes, Buffer.from(tail)]);
}

/** ChartMuseum's list of charts, or a part of it. */
export async function chartsOf(
  registry: Registry,
  asked: Asked,
  { offset, limit }: { offset: number; limit: number },
): Promise<Uint8Array> {
  return (await members(part(fragments(registry, asked), offset, limit))).bytes;
}

async function* part<T>(all: AsyncGenerator<T>, offset: number, limit: number): AsyncGenerator<T> {
  let index = 0;
  for await (const one of all) {
    if (index >= offset + limit) return;
    if (index++ >= offset) yield one;
  }
}

/** `{"<chart>":[…],…}`, a line for each */
async function members(all: AsyncGenerator<Fragment>, seen: (found: Fragment) => void = () => {}) {
  const pieces: Uint8Array[] = [];
  for await (const found of all) {
    seen(found);
    pieces.push(Buffer.from(`${pieces.length === 0 ? '{' : ','}\n${json(found.chart)}:`), found.entries);
  }
  const end = Buffer.from(pieces.length === 0 ? '{}' : '}');
  return { bytes: Buffer.concat([...pieces, end]) };
}
