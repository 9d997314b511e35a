/** Answers OCI requests: one handler for each kind of route. */
import type { Registry } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { ProtocolReply, ProtocolRequest } from '../protocol.ts';
import { deleteBlob, getBlob } from './blobs.ts';
import type { Context } from './context.ts';
import { catalogue, referrers, tags } from './lists.ts';
import { deleteManifest, getManifest, putManifest } from './manifests.ts';
import { formatName } from './name.ts';
import { type OciRoute, parseRequest } from './parse.ts';
import { json } from './reply.ts';
import { parseScopes, tokenResponse } from './token.ts';
import { appendUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from './uploads.ts';

type Handler<K extends OciRoute['kind']> = (
  route: Extract<OciRoute, { kind: K }>,
  context: Context,
) => Promise<ProtocolReply>;

const HANDLERS: { readonly [K in OciRoute['kind']]: Handler<K> } = {
  base,
  token,
  catalog: catalogue,
  tags,
  referrers,
  'manifest-get': getManifest,
  'manifest-put': putManifest,
  'manifest-delete': deleteManifest,
  'blob-get': getBlob,
  'blob-delete': deleteBlob,
  'upload-start': startUpload,
  'upload-status': uploadStatus,
  'upload-append': appendUpload,
  'upload-finish': finishUpload,
  'upload-cancel': cancelUpload,
};

export async function serve(request: ProtocolRequest, registry: Registry): Promise<ProtocolReply> {
  const route = parseRequest(request.method, request.path, request.query);
  withinBearer(route, request);
  const handler = HANDLERS[route.kind] as (route: OciRoute, context: Context) => Promise<ProtocolReply>;
  return handler(route, { request, registry });
}

/** Clients ping this to learn how to log in. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support */
async function base(route: { head: boolean }, { request }: Context): Promise<ProtocolReply> {
  const { caller } = request;
  if (caller.kind === 'anonymous' && caller.issuedFor === undefined) throw refuse('UNAUTHENTICATED');
  return json({}, { 'docker-distribution-api-version': 'registry/2.0' }, route.head);
}

async function token(
  route: Extract<OciRoute, { kind: 'token' }>,
  { request, registry }: Context,
): Promise<ProtocolReply> {
  const service = route.service ?? new URL(request.origin).host;
  const issued = await registry.issueBearer(request.caller, service, parseScopes(route.scopes));
  return json(tokenResponse(issued), { 'cache-control': 'no-store' });
}

/** A bearer does no more than it was asked for: for more, the client asks for another one. */
function withinBearer(route: OciRoute, { caller, method }: ProtocolRequest): void {
  if (caller.issuedFor === undefined || caller.kind === 'anonymous' || !('name' in route)) return;
  const name = formatName(route.name);
  const needs = bearerActions(route, method);
  const covered = caller.issuedFor.some(
    scope =>
      scope.type === 'repository' &&
      scope.name === name &&
      scope.actions.some(action => action === '*' || needs.includes(action)),
  );
  if (!covered)
    throw refuse('UNAUTHENTICATED', { reason: 'the token was issued for something else', scope: name });
}

function bearerActions(route: OciRoute, method: string): readonly string[] {
  if (route.kind.startsWith('upload-')) return ['push'];
  if (method === 'GET' || method === 'HEAD') return ['pull', 'push'];
  return method === 'DELETE' ? ['delete'] : ['push'];
}
