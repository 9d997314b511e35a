/** Requests of Maven, Gradle and their like: GET and HEAD of files, checksums and metadata; PUT and DELETE. */
import { hash } from 'node:crypto';
import type { Asked, Released } from '../../application/registry.ts';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { Action } from '../../domain/values/actions.ts';
import type { Protocol, ProtocolReply } from '../protocol.ts';
import { type Context, sendDocument, sendFile, sendText } from '../shared/content.ts';
import { refusalOf, refusedWith } from '../shared/refusal.ts';
import { metadataDocument } from './indexes.ts';
import { isSnapshot } from './layout.ts';
import { fileOfLiteral } from './listing.ts';
import {
  ALGORITHMS,
  type Algorithm,
  type ChecksumRoute,
  type FileRoute,
  type FolderRoute,
  type MavenRoute,
  type MetadataRoute,
  parseMaven,
  type SnapshotMetadataRoute,
} from './parse.ts';
import { createShownMetadata } from './shown.ts';
import { putChecksum, putFile, putMetadata } from './upload.ts';

const ACTIONS: Readonly<Record<string, Action>> = {
  PUT: 'push',
  DELETE: 'delete',
  GET: 'pull',
  HEAD: 'pull',
};

export const serve: Protocol['handle'] = async (request, registry) => {
  const action = ACTIONS[request.method];
  if (!action) throw refuse('METHOD_UNSUPPORTED', 'use GET, HEAD, PUT or DELETE');
  const route = parseMaven(request.path);
  // before a body is read, also of what is no artifact: strangers learn nothing of names
  const repository = await registry.repository(request.caller, route.name, action, 'maven');
  const asked: Asked = { caller: request.caller, repository };
  const context = { request, registry };
  if (action === 'push') return put(context, asked, route);
  if (action === 'delete') return remove(context, asked, route);
  return get(context, asked, route);
};

function get(context: Context, asked: Asked, route: MavenRoute): Promise<ProtocolReply> {
  switch (route.kind) {
    case 'file':
      return getFile(context, asked, route);
    case 'checksum':
      return getChecksum(context, asked, route);
    case 'metadata':
    case 'snapshot-metadata':
      return getMetadata(context, asked, route);
    default:
      throw refuse('ROUTE_UNKNOWN', route.kind === 'unknown' ? route.why : 'folders are not listed');
  }
}

function put(context: Context, asked: Asked, route: MavenRoute): Promise<ProtocolReply> {
  switch (route.kind) {
    case 'file':
      return putFile(context, asked, route);
    case 'checksum':
      return putChecksum(context, asked, route);
    case 'metadata':
    case 'snapshot-metadata':
      return putMetadata(context);
    default:
      throw refuse('NAME_INVALID', route.kind === 'unknown' ? route.why : 'name a file to put');
  }
}

async function remove({ registry }: Context, asked: Asked, route: MavenRoute): Promise<ProtocolReply> {
  if (route.kind === 'file') await registry.removeFile(asked, route);
  else if (route.kind === 'folder') await registry.remove(asked, route satisfies FolderRoute);
  else if (route.kind === 'unknown') throw refuse('ROUTE_UNKNOWN', route.why);
  else throw refuse('METHOD_UNSUPPORTED', 'checksums and metadata follow from the files: delete these');
  return { status: 204 };
}

async function getFile(context: Context, asked: Asked, route: FileRoute): Promise<ProtocolReply> {
  const released = await release(context, asked, route);
  return sendFile(context, asked, released, headersOf(released));
}

/**
 * Through the read gate. A literal `-SNAPSHOT` name stands for the newest build: clients fall back on it when there is
 * no metadata, and so it is where they learn why.
 */
async function release({ registry }: Context, asked: Asked, route: FileRoute): Promise<Released> {
  const { package: name, version, named } = route;
  try {
    return await registry.file(asked, route);
  } catch (error) {
    const literal = isSnapshot(version) && named.build === undefined;
    if (!literal || !isRefusal(error, 'FILE_UNKNOWN')) throw error;
    const listed = (await registry.package(asked, name)).versions.find(one => one.version === version);
    const file = listed && fileOfLiteral(name, listed, named);
    if (file === undefined) throw error;
    return registry.file(asked, { package: name, version, file });
  }
}

type Hashes = { readonly [algorithm in Algorithm]?: string | undefined };

function hashesOf({ content, version }: Released): Hashes {
  const { canonical } = content;
  const file = version?.files.find(one => one.canonical === canonical);
  return { ...file?.hashes, sha256: canonical.slice('sha256:'.length) };
}

/** Newer clients compare with these and leave out the requests for checksums. */
const checksumHeaders = (hashes: Hashes): Record<string, string> =>
  Object.fromEntries(
    ALGORITHMS.flatMap(algorithm => {
      const hex = hashes[algorithm];
      return hex === undefined ? [] : [[`x-checksum-${algorithm}`, hex]];
    }),
  );

function headersOf(released: Released): Record<string, string> {
  const { content, version } = released;
  const name = version?.files.find(one => one.canonical === content.canonical)?.name ?? '';
  const since = version && (version.addedAt[name] ?? version.publishedAt);
  const modified = since === undefined ? {} : { 'last-modified': new Date(since).toUTCString() };
  return { ...checksumHeaders(hashesOf(released)), ...modified };
}

/** The checksum of a file is as secret as the file; that of metadata is of what the caller was just shown, else of what is now. */
async function getChecksum(
  context: Context,
  asked: Asked,
  { algorithm, of }: ChecksumRoute,
): Promise<ProtocolReply> {
  if (!of) throw refuse('FILE_UNKNOWN', 'checksums have no checksums');
  const hex =
    of.kind === 'file'
      ? hashesOf(await release(context, asked, of))[algorithm]
      : await checksumShown(context, asked, { of, algorithm });
  if (hex === undefined) throw refuse('FILE_UNKNOWN', `its ${algorithm} is not known`);
  return sendText(context, hex, 'text/plain');
}

const shown = createShownMetadata();

async function checksumShown(
  context: Context,
  asked: Asked,
  { of, algorithm }: { of: MetadataRoute | SnapshotMetadataRoute; algorithm: Algorithm },
): Promise<string> {
  // also for this there must be something on offer now
  const { bytes } = await metadataDocument(context, asked, of);
  return shown.take(asked, addressOf(of), algorithm) ?? hash(algorithm, bytes);
}

const addressOf = (of: MetadataRoute | SnapshotMetadataRoute) =>
  of.kind === 'metadata' ? `${of.package} ${of.group}` : `${of.package} ${of.version}`;

async function getMetadata(
  context: Context,
  asked: Asked,
  route: Extract<MavenRoute, { kind: 'metadata' | 'snapshot-metadata' }>,
): Promise<ProtocolReply> {
  const document = await metadataDocument(context, asked, route);
  const hashes = Object.fromEntries(ALGORITHMS.map(one => [one, hash(one, document.bytes)]));
  shown.note(asked, addressOf(route), hashes);
  return sendDocument(context, document, 'application/xml', checksumHeaders(hashes));
}

/**
 * The reason phrase for who shows nothing else, and the whole of it for newer clients (RFC 9457). These take a problem
 * for a failure even where its status says that nothing is there: only what is forbidden is told like that.
 */
export const renderRefusal: Protocol['refuse'] = (error, { method }) => {
  const refusal = refusalOf(error);
  const { status, reason: title, message: detail } = refusal;
  if (status !== 403)
    return refusedWith(refusal, method, { type: 'text/plain; charset=utf-8', body: `${detail}\n` });
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, code: error.code });
  return refusedWith(refusal, method, { type: 'application/problem+json', body: `${body}\n` });
};
