/** Publishing a version: at once, or staged until somebody approves it. */
import type { Publication, PublicationFile, ReceivedFile } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/values/json.ts';
import type { ProtocolReply } from '../protocol.ts';
import { headerOf } from '../shared/headers.ts';
import { purlOf } from '../shared/purl.ts';
import { changePackage } from './change.ts';
import { json, type Npm } from './context.ts';
import { hasAttachments, type NewVersion, newVersionOf } from './document.ts';
import { descriptionOf, manifestOf } from './manifest.ts';
import { bundleOf, checkName, scopeOf, tarballOf, unscoped } from './names.ts';
import { STAGED } from './packument.ts';
import { readBundle } from './provenance.ts';
import { type PublishBody, readPublishBody } from './publish-body.ts';
import { inspectTarball } from './tarball.ts';

/** of a tarball, bytes */
const MAX_TARBALL = 256 * 1024 * 1024;
/** of the document without its tarball, bytes; whole packuments come back when something in them is changed */
export const MAX_DOCUMENT = 32 * 1024 * 1024;
const MAX_BODY = Math.ceil((MAX_TARBALL * 4) / 3) + MAX_DOCUMENT;

const TARBALL_TYPE = 'application/octet-stream';

type Body = PublishBody<ReceivedFile>;

/** `PUT /<package>`: a new version, or a packument with advice changed. */
export async function put(npm: Npm, name: string): Promise<ProtocolReply> {
  const body = await receive(npm, name);
  if (!hasAttachments(body.document)) return changePackage(npm, name, body.document);
  await npm.registry.publish(npm.asked, await prepared(npm, body, name));
  return json({ ok: true, success: true }, 201);
}

/** `POST /-/stage/package/<package>`: waits, unavailable, until it is approved. */
export async function stage(npm: Npm, name: string): Promise<ProtocolReply> {
  const body = await receive(npm, name);
  if (!hasAttachments(body.document)) throw refuse('PACKAGE_INVALID', 'there is no tarball to stage');
  const { tags = [], ...publication } = await prepared(npm, body, name);
  await npm.registry.publish(npm.asked, {
    ...publication,
    description: withTags(publication.description, tags),
    staged: { reason: STAGED },
  });
  const waiting = await npm.registry.staged(npm.asked);
  const found = waiting.find(one => one.package === name && one.version === publication.version);
  if (!found) throw refuse('VERSION_EXISTS', `${name} ${publication.version} is published already`);
  return json({ ok: true, stageId: found.holdId }, 201);
}

/** The tags that approval gives are kept with what waits. */
const withTags = (description: Publication['description'], tags: readonly string[]) =>
  description && { ...description, native: { ...description.native, tags: [...tags] } };

/** Rights were checked before; the size is, before anything is read. */
async function receive({ request, registry, asked }: Npm, name: string): Promise<Body> {
  checkName(name);
  if (Number(headerOf(request.headers, 'content-length') ?? 0) > MAX_BODY)
    throw refuse('CONTENT_TOO_LARGE', `a tarball has at most ${MAX_TARBALL} bytes`);
  return readPublishBody(request.body(), { document: MAX_DOCUMENT, attachments: 1 }, (_, data) =>
    registry.receive(asked, data, MAX_TARBALL),
  );
}

/** @throws PACKAGE_INVALID, DIGEST_INVALID when the tarball is another than the document says */
async function prepared(npm: Npm, { document, attachments }: Body, name: string): Promise<Publication> {
  const wanted = newVersionOf(document, name);
  const content = attachments.get(wanted.attachment);
  if (!content) throw refuse('PACKAGE_INVALID', 'the tarball is not among the attachments');
  verify(wanted, content);
  const inspected = await inspectTarball(await content.open(), wanted);
  const purl = purlOf({
    type: 'npm',
    namespace: scopeOf(name),
    name: unscoped(name),
    version: wanted.version,
  });
  const bundle = await bundleFile(npm, wanted, { purl, sha512: content.digests.sha512 });
  const native: JsonObject = {
    manifest: manifestOf(wanted, inspected),
    fileCount: inspected.fileCount,
    unpackedSize: inspected.unpackedSize,
    ...(bundle ? { predicateType: bundle.predicateType } : {}),
  };
  const tarball = { name: tarballOf(name, wanted.version), mediaType: TARBALL_TYPE, content };
  return {
    ...{ package: name, version: wanted.version, mediaType: TARBALL_TYPE, purl, tags: wanted.tags },
    files: bundle ? [tarball, { ...bundle.file, of: tarball.name }] : [tarball],
    description: descriptionOf(inspected.packageJson, native),
    readme: wanted.readme ?? inspected.readme,
    rules: { multiFile: false, reuse: 'same' },
  };
}

/** The provenance bundle as a file beside its tarball. */
async function bundleFile(
  { registry, asked }: Npm,
  { name, version, provenance }: NewVersion,
  subject: { purl: string; sha512: string },
): Promise<{ file: PublicationFile; predicateType: string } | undefined> {
  if (provenance === undefined) return undefined;
  const { mediaType, predicateType } = readBundle(provenance, subject);
  const content = await registry.receive(asked, Buffer.from(provenance));
  return { predicateType, file: { name: bundleOf(name, version), mediaType, content } };
}

function verify({ shasum, integrity }: NewVersion, { digests }: ReceivedFile): void {
  if (shasum !== undefined && shasum !== digests.sha1)
    throw refuse('DIGEST_INVALID', `the tarball has the shasum ${digests.sha1}`);
  const expected = `sha512-${Buffer.from(digests.sha512, 'hex').toString('base64')}`;
  const said = integrity?.split(/\s+/).find(one => one.startsWith('sha512-'));
  if (said !== undefined && said !== expected)
    throw refuse('DIGEST_INVALID', `the tarball has the integrity ${expected}`);
}
