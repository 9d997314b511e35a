/** GET, HEAD, PUT and DELETE of files, and listings of what is there. */
import type { Asked, Released } from '../../application/registry.ts';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { Action } from '../../domain/values/actions.ts';
import type { Protocol, ProtocolReply } from '../protocol.ts';
import { preconditionFails } from '../shared/conditional.ts';
import { type Context, sendDocument, sendFile, sendText } from '../shared/content.ts';
import { decodeQuery } from '../shared/decode.ts';
import { refusalOf, refusedWith } from '../shared/refusal.ts';
import { ALGORITHMS, checksumHeaders, hashesOf } from './digests.ts';
import {
  available,
  fileLinks,
  folderLink,
  HTML,
  HTML_HEADERS,
  renderHtml,
  renderJson,
  versionLinks,
  wantsHtml,
} from './listing.ts';
import { type GenericFile, type GenericList, parseGeneric } from './parse.ts';
import { checkConditions, put } from './upload.ts';

const BASE = '/pkg/{project}/{repository}/generic';
const PATTERN = `${BASE}/{package}/{version}/{path}` as const;
export const ROUTES = [
  { method: 'PUT', pattern: PATTERN, serves: false },
  { method: 'GET', pattern: PATTERN, serves: true },
  { method: 'HEAD', pattern: PATTERN, serves: true },
  { method: 'DELETE', pattern: PATTERN, serves: false },
  { method: 'GET', pattern: `${PATTERN}.{checksum}`, serves: true },
  { method: 'GET', pattern: `${PATTERN}/`, serves: true },
  { method: 'DELETE', pattern: `${PATTERN}/`, serves: false },
  { method: 'GET', pattern: `${BASE}/{package}/{version}/`, serves: true },
  { method: 'DELETE', pattern: `${BASE}/{package}/{version}/`, serves: false },
  { method: 'GET', pattern: `${BASE}/{package}/`, serves: true },
  { method: 'GET', pattern: `${BASE}/`, serves: true },
] as const;

const ACTIONS: Readonly<Record<string, Action>> = {
  GET: 'pull',
  HEAD: 'pull',
  PUT: 'push',
  DELETE: 'delete',
};
const MAX_PAGE = 1000;
const TEXT = 'text/plain; charset=utf-8';

export const serve: Protocol['handle'] = async (request, registry) => {
  const action = ACTIONS[request.method];
  if (!action) throw refuse('METHOD_UNSUPPORTED', 'use GET, HEAD, PUT or DELETE');
  const route = parseGeneric(request.path);
  const repository = await registry.repository(request.caller, route.name, action, 'generic');
  const asked: Asked = { caller: request.caller, repository };
  const context = { request, registry };
  if (action === 'delete') return remove(context, asked, route);
  if (route.kind === 'file')
    return action === 'push' ? put(context, asked, route) : get(context, asked, route);
  if (action === 'push') throw refuse('NAME_INVALID', 'name a package, a version and a path');
  return route.package === undefined
    ? listPackages(context, asked)
    : listFiles(context, asked, { ...route, package: route.package });
};

async function get(context: Context, asked: Asked, route: GenericFile): Promise<ProtocolReply> {
  const released = await context.registry.file(asked, route).catch(async (error: unknown) => {
    const sum = isRefusal(error, 'FILE_UNKNOWN') ? await checksumOf(context, asked, route) : undefined;
    if (sum === undefined) throw error;
    return sum;
  });
  if (typeof released === 'string') return sendText(context, released, TEXT);
  const { canonical } = released.content;
  if (preconditionFails({ 'if-match': context.request.headers['if-match'] }, `"${canonical}"`))
    throw refuse('PRECONDITION_FAILED', `${route.file} is ${canonical}`);
  return sendFile(context, asked, released, headersOf(released, route.file));
}

function headersOf({ version }: Released, name: string): Record<string, string> {
  const file = version?.files.find(one => one.name === name);
  if (!version || !file) return {};
  const since = version.addedAt[name] ?? version.publishedAt;
  return { ...checksumHeaders(hashesOf(file)), 'last-modified': new Date(since).toUTCString() };
}

/** `<file>.sha256` and the like, as `sha256sum -c` reads them. As secret as the file: through the same gate. */
async function checksumOf(
  { registry }: Context,
  asked: Asked,
  { file: path, ...of }: GenericFile,
): Promise<string | undefined> {
  const algorithm = ALGORITHMS.find(name => path.endsWith(`.${name}`));
  if (algorithm === undefined) return undefined;
  const name = path.slice(0, -algorithm.length - 1);
  const { version } = await registry.file(asked, { ...of, file: name });
  const file = version?.files.find(one => one.name === name);
  const value = file && hashesOf(file)[algorithm];
  return value && `${value}  ${name.slice(name.lastIndexOf('/') + 1)}\n`;
}

async function remove(
  context: Context,
  asked: Asked,
  route: GenericFile | GenericList,
): Promise<ProtocolReply> {
  const { registry } = context;
  if (route.kind === 'file') {
    await checkConditions(context, asked, route);
    await registry.removeFile(asked, route);
    return { status: 204 };
  }
  const { package: name, version, folder } = route;
  if (name === undefined || version === undefined)
    throw refuse('METHOD_UNSUPPORTED', 'name a version to delete');
  if (folder === undefined) await registry.remove(asked, { package: name, version });
  else await removeFolder(context, asked, { package: name, version, folder });
  return { status: 204 };
}

/** One file after the other; whoever is interrupted asks again. */
async function removeFolder(
  { registry }: Context,
  asked: Asked,
  { folder, ...of }: { readonly package: string; readonly version: string; readonly folder: string },
): Promise<void> {
  const { versions } = await registry.package(asked, of.package);
  const version = versions.find(one => one.version === of.version);
  const files = version?.files.filter(({ name }) => name.startsWith(`${folder}/`)) ?? [];
  if (files.length === 0) throw refuse('FILE_UNKNOWN', `${folder}/`);
  for (const { name } of files) await registry.removeFile(asked, { ...of, file: name });
}

async function listFiles(
  context: Context,
  asked: Asked,
  { package: name, version, folder }: GenericList & { readonly package: string },
): Promise<ProtocolReply> {
  const { request, registry } = context;
  const html = wantsHtml(request.headers);
  const kind = `list ${html ? `html ${request.path}` : 'json'} ${version ?? ''} ${folder ?? ''}`;
  const document = await registry.document(asked, { package: name, kind }, async () => {
    const versions = available(await registry.package(asked, name), { version, folder });
    if (!html) return renderJson(name, versions);
    const title = [name, version, folder].filter(part => part !== undefined).join('/');
    const links = version === undefined ? versionLinks(versions) : fileLinks(versions, folder);
    return renderHtml({ title, path: request.path, links });
  });
  return html
    ? sendDocument(context, document, HTML, HTML_HEADERS)
    : sendDocument(context, document, 'application/json');
}

async function listPackages(context: Context, asked: Asked): Promise<ProtocolReply> {
  const { request, registry } = context;
  const query = decodeQuery(request.query);
  const limit = Number(query.one('limit') ?? 100);
  if (!Number.isInteger(limit) || limit < 1) throw refuse('REQUEST_INVALID', 'limit is a number from 1 on');
  const page = { words: [], after: query.one('after'), limit: Math.min(limit, MAX_PAGE) };
  const { items, more } = await registry.search(asked, page);
  const next = more ? items.at(-1)?.name : undefined;
  const html = wantsHtml(request.headers);
  const following = `?after=${next}&limit=${limit}`;
  const links = [
    ...items.map(({ name }) => folderLink(name)),
    ...(next === undefined ? [] : [{ href: following, text: 'more' }]),
  ];
  return html
    ? sendText(context, renderHtml({ title: '', path: request.path, links }), HTML, HTML_HEADERS)
    : sendText(
        context,
        JSON.stringify({ packages: items.map(({ name }) => ({ name })), next }),
        'application/json',
      );
}

/** Plain text: what curl prints. */
export const renderRefusal: Protocol['refuse'] = (error, { method }) => {
  const refusal = refusalOf(error);
  const headers = error.code === 'METHOD_UNSUPPORTED' ? { allow: Object.keys(ACTIONS).join(', ') } : {};
  return refusedWith(refusal, method, { type: TEXT, body: `${refusal.message}\n`, headers });
};
