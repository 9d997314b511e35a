/** PUT, GET, HEAD and DELETE of files, and listings of what is there. */
import type { Asked, ListedFile, PackageListing } from '../../application/registry.ts';
import { refuse, type StrongroomError } from '../../domain/errors.ts';
import type { Action } from '../../domain/values/actions.ts';
import type { Protocol, ProtocolReply, ProtocolRequest } from '../protocol.ts';
import { type Context, sendDocument, sendFile } from '../shared/content.ts';
import { decodeQuery } from '../shared/decode.ts';
import { headerOf } from '../shared/headers.ts';
import { refusalOf, refusedWith } from '../shared/refusal.ts';
import { type GenericFile, type GenericList, parseGeneric } from './parse.ts';

const PATTERN = '/pkg/{project}/{repository}/generic/{package}/{version}/{path}';
export const ROUTES = [
  { method: 'PUT', pattern: PATTERN, serves: false },
  { method: 'GET', pattern: PATTERN, serves: true },
  { method: 'HEAD', pattern: PATTERN, serves: true },
  { method: 'DELETE', pattern: PATTERN, serves: false },
  { method: 'GET', pattern: '/pkg/{project}/{repository}/generic/{package}/{version}/', serves: true },
  { method: 'GET', pattern: '/pkg/{project}/{repository}/generic/{package}/', serves: true },
  { method: 'GET', pattern: '/pkg/{project}/{repository}/generic/', serves: true },
] as const;

const ACTIONS: Readonly<Record<string, Action>> = {
  PUT: 'push',
  DELETE: 'delete',
  GET: 'pull',
  HEAD: 'pull',
};
const BINARY = 'application/octet-stream';
const MAX_PAGE = 1000;

export const serve: Protocol['handle'] = async (request, registry) => {
  const action = ACTIONS[request.method];
  if (!action) throw refuse('METHOD_UNSUPPORTED', 'use GET, HEAD, PUT or DELETE');
  const route = parseGeneric(request.path);
  const repository = await registry.repository(request.caller, route.name, action, 'generic');
  const asked: Asked = { caller: request.caller, repository };
  const context = { request, registry };
  if (route.kind === 'list') return list(context, asked, route);
  if (action === 'push') return put(context, asked, route);
  if (action === 'delete') return remove(context, asked, route);
  const released = await registry.file(asked, route);
  return sendFile(context, asked, released, checksums(released.version?.files, route.file));
};

/** `X-Checksum-*`, as other registries call them, beside the digest of RFC 9530. */
function checksums(
  files: readonly { name: string; canonical: string; hashes?: object | undefined }[] | undefined,
  name: string,
) {
  const file = files?.find(one => one.name === name);
  if (!file) return {};
  const sha256 = file.canonical.slice('sha256:'.length);
  const { md5, sha1, sha512 } = { md5: '', sha1: '', sha512: '', ...file.hashes };
  return {
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    'x-checksum-sha256': sha256,
    ...(sha1 ? { 'x-checksum-sha1': sha1, 'x-checksum-md5': md5, 'x-checksum-sha512': sha512 } : {}),
  };
}

async function put({ request, registry }: Context, asked: Asked, route: GenericFile): Promise<ProtocolReply> {
  if (headerOf(request.headers, 'if-none-match')?.trim() === '*')
    await refuseExisting(registry, asked, route);
  const content = await registry.receive(asked, request.body());
  verify(request, content.digests);
  const mediaType = mediaTypeOf(headerOf(request.headers, 'content-type'));
  const published = await registry.publish(asked, {
    package: route.package,
    version: route.version,
    mediaType: BINARY,
    files: [{ name: route.file, mediaType, content }],
    purl: `pkg:generic/${route.package}@${encodeURIComponent(route.version)}`,
    rules: { multiFile: true, reuse: 'same', replaceable: true },
  });
  const body = JSON.stringify({ path: route.file, size: content.size, digest: content.canonical });
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    location: request.path,
    etag: `"${content.canonical}"`,
  };
  return { status: published.changed ? 201 : 200, headers, body };
}

async function refuseExisting(
  registry: Context['registry'],
  asked: Asked,
  route: GenericFile,
): Promise<void> {
  const listing = await registry.package(asked, route.package).catch(absent);
  const version = listing?.versions.find(one => one.version === route.version);
  if (version?.files.some(({ name }) => name === route.file))
    throw refuse('PRECONDITION_FAILED', `${route.file} exists already`);
}

const absent = (error: unknown) => {
  if ((error as StrongroomError).kind === 'not_found') return undefined;
  throw error;
};

/** A client may say what it sends, to be told when something else arrived. @throws DIGEST_INVALID */
function verify({ headers }: ProtocolRequest, digests: Readonly<Record<string, string>>): void {
  for (const name of ['md5', 'sha1', 'sha256', 'sha512']) {
    const said = headerOf(headers, `x-checksum-${name}`)?.trim().toLowerCase();
    if (said !== undefined && said !== digests[name])
      throw refuse('DIGEST_INVALID', `the content has ${name} ${digests[name]}`);
  }
}

/** @returns the type as it was sent when it is one, without parameters */
function mediaTypeOf(header: string | undefined): string {
  const type = header?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const form = type === 'application/x-www-form-urlencoded';
  return /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/.test(type) && !form ? type : BINARY;
}

async function remove({ registry }: Context, asked: Asked, route: GenericFile): Promise<ProtocolReply> {
  await registry.removeFile(asked, route);
  return { status: 204 };
}

async function list(context: Context, asked: Asked, route: GenericList): Promise<ProtocolReply> {
  const { request, registry } = context;
  if (request.method === 'PUT') throw refuse('NAME_INVALID', 'name a package, a version and a path');
  if (request.method === 'DELETE') {
    const { package: name, version } = route;
    if (name === undefined || version === undefined)
      throw refuse('METHOD_UNSUPPORTED', 'name a version to delete');
    await registry.remove(asked, { package: name, version });
    return { status: 204 };
  }
  if (route.package === undefined) return listPackages(context, asked);
  const { package: name, version } = route;
  const document = await registry.document(
    asked,
    { package: name, kind: `list ${version ?? ''}` },
    async () => JSON.stringify(shown(await registry.package(asked, name), version)),
  );
  return sendDocument(context, document, 'application/json');
}

async function listPackages({ request, registry }: Context, asked: Asked): Promise<ProtocolReply> {
  const query = decodeQuery(request.query);
  const limit = Math.min(Math.max(1, Number(query.one('limit') ?? 100) || 100), MAX_PAGE);
  const { items, more } = await registry.packages(asked, { after: query.one('after'), limit });
  const next = more ? { next: items.at(-1)?.name } : {};
  const body = JSON.stringify({ packages: items.map(({ name }) => ({ name })), ...next });
  const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  return request.method === 'HEAD' ? { status: 200, headers } : { status: 200, headers, body };
}

/** What can be had; held files are left out. @throws VERSION_UNKNOWN */
function shown({ name, versions }: PackageListing, only: string | undefined) {
  const available = versions.filter(
    ({ held, version }) => held === undefined && (only ?? version) === version,
  );
  if (only !== undefined && available.length === 0) throw refuse('VERSION_UNKNOWN', `${name} ${only}`);
  return {
    package: name,
    versions: available.map(({ version, publishedAt, files }) => ({
      version,
      publishedAt,
      files: files.filter(({ held }) => held === undefined).map(shownFile),
    })),
  };
}

const shownFile = ({ name, size, canonical, mediaType, addedAt }: ListedFile) => ({
  path: name,
  ...{ size, digest: canonical, mediaType, uploadedAt: addedAt },
});

/** Plain text: what curl prints. */
export const renderRefusal: Protocol['refuse'] = (error, { method }) => {
  const refusal = refusalOf(error);
  return refusedWith(refusal, method, { type: 'text/plain; charset=utf-8', body: `${refusal.message}\n` });
};
