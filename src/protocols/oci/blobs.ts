/** Blobs. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs */

import type { Asked } from '../../application/registry.ts';
import { isRefusal } from '../../domain/errors.ts';
import type { ProtocolReply } from '../protocol.ts';
import { notModified, rangeHeader } from '../shared/conditional.ts';
import { PRIVATE } from '../shared/headers.ts';
import { parseRange, renderContentRange } from '../shared/range.ts';
import type { Context } from './context.ts';
import type { OciRoute } from './parse.ts';

/** Up to here a blob is answered from memory in one piece: a stream costs more than the bytes. */
const SMALL = 256 * 1024;

export async function getBlob(
  route: Extract<OciRoute, { kind: 'blob-get' }>,
  context: Context,
): Promise<ProtocolReply> {
  const { request, registry } = context;
  const asked = await askedFor(route, context);
  if (route.head) {
    const there = await present(asked, route.digest, context);
    if (there) return { status: 200, headers: headersOf(route.digest, there.size) };
  }
  const released = await registry.blob(asked, route.digest);
  const { size } = released.content;
  const etag = `"${route.digest}"`;
  if (notModified(request.headers, etag)) return { status: 304, headers: { ...PRIVATE, etag } };
  if (route.head) return { status: 200, headers: headersOf(route.digest, size) };
  const range = parseRange(rangeHeader(request.headers, etag), size);
  if (!range && size <= SMALL)
    return { status: 200, headers: headersOf(route.digest, size), body: await registry.read(released) };
  const body = await registry.open(released, range);
  if (!range) return { status: 200, headers: headersOf(route.digest, size), body };
  const headers = {
    ...headersOf(route.digest, range.end - range.start + 1),
    'content-range': renderContentRange(range, size),
  };
  return { status: 206, headers, body };
}

/** HEAD asks "must I upload this?" when the caller may push, and is answered even if what names the blob is held. */
async function present(asked: Asked, digest: string, { registry }: Context) {
  if (!(await registry.may(asked.caller, asked.repository, 'push'))) return undefined;
  return registry.present(asked, digest);
}

async function askedFor(
  route: Extract<OciRoute, { kind: 'blob-get' }>,
  { request, registry }: Context,
): Promise<Asked> {
  const { caller } = request;
  try {
    return { caller, repository: await registry.repository(caller, route.name, 'pull', 'oci') };
  } catch (error) {
    if (!route.head || !isRefusal(error, 'FORBIDDEN')) throw error;
    // somebody who may only push still asks what is there already
    return { caller, repository: await registry.repository(caller, route.name, 'push', 'oci') };
  }
}

export async function deleteBlob(
  route: Extract<OciRoute, { kind: 'blob-delete' }>,
  { request, registry }: Context,
): Promise<ProtocolReply> {
  const { caller } = request;
  const repository = await registry.repository(caller, route.name, 'delete', 'oci');
  await registry.unlinkBlob({ caller, repository }, route.digest);
  return { status: 202, headers: { 'content-length': '0' } };
}

function headersOf(digest: string, length: number): Record<string, string> {
  return {
    ...PRIVATE,
    'content-type': 'application/octet-stream',
    'content-length': String(length),
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    etag: `"${digest}"`,
  };
}
