/** Manifests: the exact bytes that were pushed, under the type they were pushed with. */
import type { Asked, Reference } from '../../application/registry.ts';
import type { ProtocolReply } from '../protocol.ts';
import { notModified } from '../shared/conditional.ts';
import { headerOf, PRIVATE } from '../shared/headers.ts';
import type { Context } from './context.ts';
import { warningHeader } from './errors.ts';
import { MAX_MANIFEST, parseManifest } from './manifest.ts';
import type { OciReference } from './name.ts';
import type { OciRoute } from './parse.ts';
import { manifestLocation } from './reply.ts';

const referenceOf = (reference: OciReference): Reference =>
  reference.by === 'tag' ? { tag: reference.tag } : { digest: reference.digest };

const warned = (texts: readonly string[]): Record<string, string> =>
  texts.length > 0 ? { warning: warningHeader(texts) } : {};

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests */
export async function getManifest(
  route: Extract<OciRoute, { kind: 'manifest-get' }>,
  { request, registry }: Context,
): Promise<ProtocolReply> {
  const { caller } = request;
  const asked: Asked = { caller, repository: await registry.repository(caller, route.name, 'pull', 'oci') };
  const released = await registry.version(asked, route.name.image, referenceOf(route.reference));
  const { digest, size, mediaType } = released.content;
  const etag = `"${digest}"`;
  if (notModified(request.headers, etag)) return { status: 304, headers: { ...PRIVATE, etag } };
  const headers = {
    ...PRIVATE,
    'content-type': mediaType,
    'content-length': String(size),
    'docker-content-digest': digest,
    etag,
    ...warned(released.warnings),
  };
  if (route.head) return { status: 200, headers };
  const body = await registry.read(released);
  await registry.downloaded(asked, released);
  return { status: 200, headers, body };
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests */
export async function putManifest(
  route: Extract<OciRoute, { kind: 'manifest-put' }>,
  { request, registry }: Context,
): Promise<ProtocolReply> {
  const { caller } = request;
  const repository = await registry.repository(caller, route.name, 'push', 'oci');
  const bytes = await request.bytes(MAX_MANIFEST);
  const { mediaType, artifactType, references } = parseManifest(
    bytes,
    headerOf(request.headers, 'content-type'),
  );
  const { reference } = route;
  const asDigest = reference.by === 'digest' ? reference.digest : undefined;
  const published = await registry.publishManifest(
    { caller, repository },
    {
      package: route.name.image,
      bytes,
      digest: asDigest,
      mediaType,
      artifactType,
      references,
      tags: reference.by === 'tag' ? [reference.tag] : route.tags,
    },
  );
  const digest = asDigest ?? published.canonical;
  const subject = references.find(({ relation }) => relation === 'subject');
  const headers = {
    location: manifestLocation(route.name, digest),
    'docker-content-digest': digest,
    'content-length': '0',
    ...(subject ? { 'oci-subject': subject.digest } : {}),
    ...(route.tags.length > 0 ? { 'oci-tag': route.tags.join(', ') } : {}),
    ...warned(published.warnings),
  };
  return { status: 201, headers };
}

/** By tag: the tag alone. By digest: the manifest, and with it all its tags. */
export async function deleteManifest(
  route: Extract<OciRoute, { kind: 'manifest-delete' }>,
  { request, registry }: Context,
): Promise<ProtocolReply> {
  const { caller } = request;
  const asked: Asked = { caller, repository: await registry.repository(caller, route.name, 'delete', 'oci') };
  const { image } = route.name;
  if (route.reference.by === 'tag') await registry.removeTag(asked, image, route.reference.tag);
  else await registry.deleteVersion(asked, image, route.reference.digest);
  return { status: 202, headers: { 'content-length': '0' } };
}
