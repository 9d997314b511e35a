/** Staged versions: they wait, unavailable, until somebody with the right approves them. npm's `stage` commands drive it. */
import type { StagedVersion } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/values/json.ts';
import type { ProtocolReply } from '../protocol.ts';
import { sendFile } from '../shared/content.ts';
import { decodeQuery } from '../shared/decode.ts';
import { done, json, type Npm } from './context.ts';
import { optionalObject } from './document.ts';
import { tarballOf } from './names.ts';

const MAX_PAGE = 100;

/** `GET /-/stage?package=&page=&perPage=` */
export async function listStages(npm: Npm): Promise<ProtocolReply> {
  const query = decodeQuery(npm.request.query);
  const only = query.one('package');
  const all = await waiting(npm);
  const items = only === undefined ? all : all.filter(one => one.package === only);
  const perPage = Math.min(Math.max(1, Number(query.one('perPage')) || MAX_PAGE), MAX_PAGE);
  const start = Math.max(0, Number(query.one('page')) || 0) * perPage;
  const shown: Json[] = [];
  for (const one of items.slice(start, start + perPage)) shown.push(await shownStage(npm, one));
  return json({ items: shown, total: items.length });
}

/** `GET /-/stage/<id>` */
export const viewStage = async (npm: Npm, id: string): Promise<ProtocolReply> =>
  json(await shownStage(npm, await find(npm, id)));

/** `POST /-/stage/<id>/approve`: it can be had, and gets the tags it was staged with. */
export async function approve(npm: Npm, id: string): Promise<ProtocolReply> {
  const staged = await find(npm, id);
  const { registry, asked } = npm;
  await registry.approve(asked, staged);
  const { tarball, tags } = await staging(npm, staged);
  for (const tag of tags) {
    if (typeof tag === 'string' && tarball)
      await registry.tagVersion(asked, { package: staged.package, digest: tarball.canonical, tag });
  }
  return done();
}

/** `DELETE /-/stage/<id>` */
export async function reject(npm: Npm, id: string): Promise<ProtocolReply> {
  await npm.registry.remove(npm.asked, await find(npm, id));
  return { status: 204 };
}

/** `GET /-/stage/<id>/tarball`: for who may approve, to look into it. */
export async function stagedTarball(npm: Npm, id: string): Promise<ProtocolReply> {
  const staged = await find(npm, id);
  const file = tarballOf(staged.package, staged.version);
  return sendFile(npm, npm.asked, await npm.registry.stagedFile(npm.asked, { ...staged, file }));
}

/** Those that are still there: what was rejected stays held, should somebody restore it. */
async function waiting({ registry, asked }: Npm): Promise<readonly StagedVersion[]> {
  const may = (action: 'push' | 'release') => registry.may(asked.caller, asked.repository, action);
  if (!(await may('push')) && !(await may('release')))
    throw refuse('FORBIDDEN', 'what is staged is shown to those who push or approve here');
  const all = await registry.staged(asked);
  const names = new Set(all.map(one => one.package));
  const live = new Set<string>();
  for (const name of names) {
    const listing = await registry.package(asked, name).catch(() => undefined);
    for (const { version } of listing?.versions ?? []) live.add(`${name}@${version}`);
  }
  return all.filter(one => live.has(`${one.package}@${one.version}`));
}

async function find(npm: Npm, id: string): Promise<StagedVersion> {
  const found = (await waiting(npm)).find(({ holdId }) => holdId === id);
  if (!found) throw refuse('HOLD_UNKNOWN', 'nothing is staged under this id');
  return found;
}

async function staging({ registry, asked }: Npm, staged: StagedVersion) {
  const listing = await registry.package(asked, staged.package);
  const version = listing.versions.find(one => one.version === staged.version);
  const native = optionalObject(version?.description?.native as Json | undefined);
  const tarball = version?.files.find(({ name }) => name === tarballOf(staged.package, staged.version));
  return { tarball, tags: Array.isArray(native.tags) ? native.tags : [] };
}

async function shownStage(npm: Npm, staged: StagedVersion): Promise<JsonObject> {
  const { tarball, tags } = await staging(npm, staged);
  return {
    id: staged.holdId,
    packageName: staged.package,
    version: staged.version,
    tag: typeof tags[0] === 'string' ? tags[0] : 'latest',
    createdAt: staged.stagedAt,
    actor: staged.stagedBy,
    shasum: tarball?.hashes?.sha1 ?? '',
  };
}
