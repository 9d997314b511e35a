/** Search as npm's clients ask for it. https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md#get-v1search */
import type { PackageListing, PackageName } from '../../application/registry.ts';
import { isRefusal } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/values/json.ts';
import { own } from '../../domain/values/own.ts';
import type { ProtocolReply } from '../protocol.ts';
import { decodeQuery } from '../shared/decode.ts';
import { json, type Npm } from './context.ts';
import { scopeOf } from './names.ts';
import { oneManifest, visibleOf } from './packument.ts';

const MAX_SIZE = 250;
/** Beyond this clients narrow their search. */
const MAX_FROM = 5000;
const MAX_WORDS = 10;

/** `GET /-/v1/search?text=&size=&from=` */
export async function search(npm: Npm): Promise<ProtocolReply> {
  const query = decodeQuery(npm.request.query);
  const size = clamp(query.one('size'), 20, MAX_SIZE);
  const from = clamp(query.one('from'), 0, MAX_FROM);
  const words = wordsOf(query.one('text') ?? '');
  const objects: Json[] = [];
  let seen = 0;
  for await (const { name } of found(npm, words)) {
    if (objects.length >= size) break;
    const entry = await entryOf(npm, name);
    if (entry === undefined) continue;
    if (seen >= from) objects.push(entry);
    seen += 1;
  }
  return json({ objects, total: seen, time: new Date().toUTCString() });
}

const clamp = (text: string | undefined, usual: number, most: number) => {
  const number = text === undefined ? usual : Math.trunc(Number(text));
  return Number.isFinite(number) ? Math.min(Math.max(0, number), most) : usual;
};

/** `keywords:a,b scope:types lodash` → a, b, types, lodash */
function wordsOf(text: string): string[] {
  const words = text.split(/\s+/).flatMap(part => {
    const [, field, value = part] =
      /^(keywords|scope|author|maintainer|is|not|boost-exact):(.*)$/.exec(part) ?? [];
    if (field === 'is' || field === 'not' || field === 'boost-exact') return [];
    return value.split(',');
  });
  return words.filter(word => word !== '').slice(0, MAX_WORDS);
}

async function* found({ registry, asked }: Npm, words: readonly string[]): AsyncGenerator<PackageName> {
  for (let after: string | undefined; ; ) {
    const page = { after, limit: MAX_SIZE };
    const { items, more } =
      words.length === 0
        ? await registry.packages(asked, page)
        : await registry.search(asked, { ...page, words });
    yield* items;
    after = items.at(-1)?.name;
    if (!more || after === undefined) return;
  }
}

/** Composed once per change of the package; undefined when nothing of it can be had. */
async function entryOf({ registry, asked, links }: Npm, name: string): Promise<Json | undefined> {
  const build = async () => JSON.stringify(shown(await registry.package(asked, name), links.root));
  try {
    const document = await registry.document(asked, { package: name, kind: 'search' }, build);
    return JSON.parse(Buffer.from(document.bytes).toString()) as Json;
  } catch (error) {
    if (isRefusal(error, 'PACKAGE_UNKNOWN', 'ARTIFACT_HELD')) return undefined;
    throw error;
  }
}

function shown(listing: PackageListing, root: string): JsonObject {
  const { tags, versions } = visibleOf(listing);
  const manifest = oneManifest(listing, { root }, 'latest');
  const latest = versions.find(({ version }) => version === tags.latest);
  const { homepage, repository } = latest?.description ?? {};
  const kept = ['description', 'keywords', 'license', 'author'].flatMap(key => {
    const value = own(manifest, key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    package: {
      ...Object.fromEntries(kept),
      name: listing.name,
      scope: scopeOf(listing.name)?.slice(1) ?? 'unscoped',
      version: tags.latest ?? '',
      date: latest?.publishedAt ?? listing.createdAt,
      links: { ...(homepage ? { homepage } : {}), ...(repository ? { repository } : {}) },
      maintainers: [],
    },
    score: { final: 1, detail: { quality: 1, popularity: 1, maintenance: 1 } },
    searchScore: 1,
  };
}
