/** Changes of what is published: advice against versions, versions taken away, dist-tags. */
import type { PackageListing } from '../../application/registry.ts';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { Json } from '../../domain/values/json.ts';
import { own } from '../../domain/values/own.ts';
import type { ProtocolReply } from '../protocol.ts';
import { done, json, type Npm, smallJson } from './context.ts';
import { type Edited, editedOf } from './document.ts';
import { checkTag } from './names.ts';
import { visibleOf } from './packument.ts';

/** Changes one package in the order they came: what a revision was compared with does not change meanwhile. */
const busy = new Map<string, Promise<unknown>>();

async function inTurn<T>({ asked }: Npm, name: string, work: () => Promise<T>): Promise<T> {
  const key = `${asked.repository.repositoryId} ${name}`;
  const before = busy.get(key) ?? Promise.resolve();
  const mine = before.then(work, work);
  const settled = mine.catch(() => {});
  busy.set(key, settled);
  void settled.then(() => busy.get(key) === settled && busy.delete(key));
  return mine;
}

type Visible = ReturnType<typeof visibleOf>;

/** @param revision what the client saw; '' or undefined: it did not say @throws CONCURRENT_CHANGE */
async function unchanged(npm: Npm, name: string, revision: string | undefined): Promise<Visible> {
  const visible = visibleOf(await npm.registry.outline(npm.asked, name));
  if (revision && revision !== visible.revision)
    throw refuse('CONCURRENT_CHANGE', `${name} is at revision ${visible.revision} now`);
  return visible;
}

/** `PUT /<package>` without a tarball: advice is given or taken back; no version comes or goes. */
export async function changePackage(npm: Npm, name: string, document: Json): Promise<ProtocolReply> {
  const edited = editedOf(document);
  return inTurn(npm, name, async () => {
    const visible = await unchanged(npm, name, edited.revision);
    await advise(npm, name, { visible, edited });
    return done(201);
  });
}

async function advise(
  { registry, asked }: Npm,
  name: string,
  { visible, edited }: { visible: Visible; edited: Edited },
): Promise<void> {
  for (const { version, deprecated } of visible.versions) {
    const said = edited.deprecations.get(version);
    if (said === undefined || said === (deprecated ?? '')) continue;
    await registry.deprecate(asked, { package: name, version }, said === '' ? undefined : said);
  }
}

/** `PUT /<package>/-rev/<revision>`: versions that are not in it any more go. The right to delete was asked for. */
export async function takeAway(npm: Npm, of: { package: string; revision: string }, document: Json) {
  const edited = editedOf(document);
  return inTurn(npm, of.package, async () => {
    const visible = await unchanged(npm, of.package, of.revision);
    for (const { version } of visible.versions)
      if (!edited.deprecations.has(version))
        await npm.registry.remove(npm.asked, { package: of.package, version });
    return done(201);
  });
}

/** `DELETE /<package>/-rev/<revision>`: the whole package, but not what waits for approval. */
export async function removePackage(
  npm: Npm,
  of: { package: string; revision: string },
): Promise<ProtocolReply> {
  return inTurn(npm, of.package, async () => {
    await unchanged(npm, of.package, of.revision);
    const listing: PackageListing = await npm.registry.package(npm.asked, of.package);
    const staged = await npm.registry.staged(npm.asked);
    const waits = new Set(staged.filter(one => one.package === of.package).map(one => one.version));
    for (const { version } of listing.versions)
      if (!waits.has(version)) await npm.registry.remove(npm.asked, { package: of.package, version });
    return done();
  });
}

/** `DELETE <tarball>/-rev/<revision>`: npm's last step of taking a version away; mostly it is gone already. */
export async function removeVersion(
  npm: Npm,
  of: { package: string; version: string; revision: string },
): Promise<ProtocolReply> {
  return inTurn(npm, of.package, async () => {
    const visible = await unchanged(npm, of.package, of.revision);
    if (visible.versions.some(({ version }) => version === of.version))
      await npm.registry.remove(npm.asked, of);
    return done();
  });
}

/** `GET /-/package/<package>/dist-tags` */
export async function listTags({ registry, asked }: Npm, name: string): Promise<ProtocolReply> {
  return json(visibleOf(await registry.outline(asked, name)).tags);
}

/** `PUT /-/package/<package>/dist-tags/<tag>`: the body is the version, a JSON string. */
export async function setTag(npm: Npm, of: { package: string; tag: string }): Promise<ProtocolReply> {
  const tag = checkTag(of.tag);
  const wanted = await smallJson(npm);
  const listing = await npm.registry.package(npm.asked, of.package);
  const version = listing.versions.find(one => one.version === wanted);
  const [tarball] = version?.files ?? [];
  if (!version || !tarball) throw refuse('VERSION_UNKNOWN', `${of.package}@${String(wanted)}`);
  if (version.held !== undefined) throw refuse('ARTIFACT_HELD', version.held);
  await npm.registry.tagVersion(npm.asked, { package: of.package, digest: tarball.canonical, tag });
  return done(201);
}

/** `DELETE /-/package/<package>/dist-tags/<tag>` */
export async function removeTag(
  { registry, asked }: Npm,
  of: { package: string; tag: string },
): Promise<ProtocolReply> {
  const { tags } = visibleOf(await registry.outline(asked, of.package));
  if (of.tag === 'latest') throw refuse('TAG_INVALID', 'latest always names a version: move it instead');
  if (own(tags, of.tag) === undefined) throw refuse('TAG_UNKNOWN', of.tag);
  await registry.removeTag(asked, of.package, of.tag).catch(error => {
    throw isRefusal(error, 'MANIFEST_UNKNOWN') ? refuse('TAG_UNKNOWN', of.tag) : error;
  });
  return done();
}
