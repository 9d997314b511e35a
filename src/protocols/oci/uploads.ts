/** Pushing blobs, in every style. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs */

import type { Asked } from '../../application/registry.ts';
import type { StagedUpload } from '../../blobs/port.ts';
import { refuse } from '../../domain/errors.ts';
import type { ProtocolReply, ProtocolRequest } from '../protocol.ts';
import { headerOf } from '../shared/headers.ts';
import { parseContentRange, renderUploadRange } from './chunk.ts';
import type { Context } from './context.ts';
import type { OciName } from './name.ts';
import type { OciRoute } from './parse.ts';
import { blobCreated, uploadLocation } from './reply.ts';

async function pusher(name: OciName, { request, registry }: Context): Promise<Asked> {
  const { caller } = request;
  return { caller, repository: await registry.repository(caller, name, 'push', 'oci') };
}

export async function startUpload(
  route: Extract<OciRoute, { kind: 'upload-start' }>,
  context: Context,
): Promise<ProtocolReply> {
  const { registry, request } = context;
  const asked = await pusher(route.name, context);
  const { intent, name } = route;
  if (intent.by === 'mount') {
    const from = intent.from && { project: intent.from.project, repository: intent.from.repository };
    const mounted = from
      ? await registry.mountBlob(asked, { digest: intent.digest, repository: from })
      : await registry.present(asked, intent.digest);
    if (mounted) return blobCreated(name, intent.digest);
  }
  const upload = await registry.startUpload(asked);
  if (intent.by !== 'monolithic') return status(202, name, upload);
  await registry.appendUpload(upload, request.file(), { offset: 0, last: true });
  await registry.finishUpload(asked, { id: upload.id, digest: intent.digest });
  return blobCreated(name, intent.digest);
}

export async function uploadStatus(
  route: Extract<OciRoute, { kind: 'upload-status' }>,
  context: Context,
): Promise<ProtocolReply> {
  const asked = await pusher(route.name, context);
  return status(204, route.name, await context.registry.findUpload(asked, route.upload));
}

export async function appendUpload(
  route: Extract<OciRoute, { kind: 'upload-append' }>,
  context: Context,
): Promise<ProtocolReply> {
  const { registry } = context;
  const asked = await pusher(route.name, context);
  const upload = await registry.findUpload(asked, route.upload);
  return status(202, route.name, await append(upload, context, false));
}

export async function finishUpload(
  route: Extract<OciRoute, { kind: 'upload-finish' }>,
  context: Context,
): Promise<ProtocolReply> {
  const { registry, request } = context;
  const asked = await pusher(route.name, context);
  const upload = await registry.findUpload(asked, route.upload);
  if (hasBody(request)) await append(upload, context, true);
  await registry.finishUpload(asked, { id: upload.id, digest: route.digest });
  return blobCreated(route.name, route.digest);
}

export async function cancelUpload(
  route: Extract<OciRoute, { kind: 'upload-cancel' }>,
  context: Context,
): Promise<ProtocolReply> {
  const asked = await pusher(route.name, context);
  await context.registry.abortUpload(await context.registry.findUpload(asked, route.upload));
  return { status: 204 };
}

/** A chunk goes where its Content-Range says, which must be where the upload stands; else after what is there. */
async function append(
  upload: StagedUpload,
  { registry, request }: Context,
  last: boolean,
): Promise<StagedUpload> {
  const length = contentLength(request);
  const range = parseContentRange(headerOf(request.headers, 'content-range'), length);
  if (range && range.start !== upload.size)
    throw refuse('RANGE_INVALID', { reason: `the upload stands at ${upload.size}`, size: upload.size });
  const appended = await registry.appendUpload(upload, request.file(), {
    offset: range?.start ?? upload.size,
    last,
  });
  const expected = length ?? (range && range.end - range.start + 1);
  if (expected !== undefined && appended.size - upload.size !== expected)
    throw refuse('SIZE_INVALID', `${expected} bytes were announced, ${appended.size - upload.size} came`);
  return appended;
}

function status(code: number, name: OciName, upload: StagedUpload): ProtocolReply {
  const headers = {
    location: uploadLocation(name, upload.id),
    range: renderUploadRange(upload.size),
    'docker-upload-uuid': upload.id,
  };
  return { status: code, headers: code === 204 ? headers : { ...headers, 'content-length': '0' } };
}

function contentLength(request: ProtocolRequest): number | undefined {
  const text = headerOf(request.headers, 'content-length');
  return text === undefined ? undefined : Number(text);
}

function hasBody(request: ProtocolRequest): boolean {
  return request.headers['transfer-encoding'] !== undefined || (contentLength(request) ?? 0) > 0;
}
