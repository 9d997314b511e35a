/** Answers the go command's proxy requests. Errors are plain text: the go command prints them as they are. */
import type { Asked, OutlinedVersion, PackageOutline } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Protocol, ProtocolReply } from '../protocol.ts';
import { type Context, sendDocument, sendFile, sendText } from '../shared/content.ts';
import { refusalOf, refusedWith } from '../shared/refusal.ts';
import { byVersion, isPseudo, latestOf } from './module.ts';
import { type GoRoute, parseGo } from './parse.ts';
import { upload } from './upload.ts';

const BASE = '/pkg/{project}/{repository}/go';
const gets = (pattern: string) => [
  { method: 'GET', pattern: `${BASE}/${pattern}`, serves: true },
  { method: 'HEAD', pattern: `${BASE}/${pattern}`, serves: true },
];
export const ROUTES = [
  ...gets('{module}/@v/list'),
  ...gets('{module}/@latest'),
  ...gets('{module}/@v/{version}.info'),
  ...gets('{module}/@v/{version}.mod'),
  ...gets('{module}/@v/{version}.zip'),
  { method: 'PUT', pattern: `${BASE}/upload`, serves: false },
  { method: 'POST', pattern: `${BASE}/upload`, serves: false },
];

const TEXT = 'text/plain; charset=utf-8';

export const serve: Protocol['handle'] = async (request, registry) => {
  const route = parseGo(request.path);
  const { method, caller } = request;
  const reads = method === 'GET' || method === 'HEAD';
  const uploads = route.kind === 'upload' && (method === 'PUT' || method === 'POST');
  if (!reads && !uploads)
    throw refuse('METHOD_UNSUPPORTED', 'use GET or HEAD, or PUT a module zip to upload');
  const repository = await registry.repository(caller, route.name, uploads ? 'push' : 'pull', 'go');
  const asked: Asked = { caller, repository };
  const context = { request, registry };
  return uploads ? upload(context, asked, route.base) : read(context, asked, route);
};

async function read(context: Context, asked: Asked, route: GoRoute): Promise<ProtocolReply> {
  switch (route.kind) {
    case 'list':
      return list(context, asked, route.module);
    case 'latest':
      return latest(context, asked, route.module);
    case 'info':
      return info(context, asked, route);
    case 'mod':
    case 'zip':
      return file(context, asked, route);
    default:
      // hosted modules are in no public checksum database: the go command asks the next one
      throw refuse('ROUTE_UNKNOWN');
  }
}

const available = ({ versions }: PackageOutline): readonly OutlinedVersion[] =>
  versions.filter(({ held, yanked }) => held === undefined && yanked === undefined);

async function list(context: Context, asked: Asked, module: string): Promise<ProtocolReply> {
  const document = await context.registry.document(asked, { package: module, kind: 'list' }, async () => {
    const names = available(await context.registry.outline(asked, module)).map(({ version }) => version);
    // pseudo-versions are asked for by name only: https://go.dev/ref/mod#goproxy-protocol
    const listed = names.filter(name => !isPseudo(name)).sort(byVersion);
    return listed.map(name => `${name}\n`).join('');
  });
  return sendDocument(context, document, TEXT);
}

async function latest(context: Context, asked: Asked, module: string): Promise<ProtocolReply> {
  const document = await context.registry.document(asked, { package: module, kind: 'latest' }, async () => {
    const versions = available(await context.registry.outline(asked, module));
    const name = latestOf(versions.map(({ version }) => version));
    const found = versions.find(({ version }) => version === name);
    if (!found) throw refuse('VERSION_UNKNOWN', `${module} has no version that can be had`);
    return infoOf(found.version, found.publishedAt);
  });
  return sendDocument(context, document, 'application/json');
}

/** Go writes times without fractions here. */
const infoOf = (version: string, time: string) =>
  JSON.stringify({ Version: version, Time: time.replace(/\.\d+Z$/, 'Z') });

type VersionRoute = Extract<GoRoute, { kind: 'info' | 'mod' | 'zip' }>;

const fileOf = ({ module, version, kind }: VersionRoute) => ({
  package: module,
  version,
  file: `${version}.${kind}`,
});

async function file(context: Context, asked: Asked, route: VersionRoute): Promise<ProtocolReply> {
  return sendFile(context, asked, await context.registry.file(asked, fileOf(route)));
}

/** As it was uploaded, else made from the zip's own release, so that it is refused with it. */
async function info(context: Context, asked: Asked, route: VersionRoute): Promise<ProtocolReply> {
  const released = await context.registry.file(asked, fileOf({ ...route, kind: 'zip' }));
  if (released.version?.files.some(({ name }) => name === `${route.version}.info`))
    return file(context, asked, route);
  return sendText(context, infoOf(route.version, released.version?.publishedAt ?? ''), 'application/json');
}

export const renderRefusal: Protocol['refuse'] = (error, { method }) => {
  const refusal = refusalOf(error);
  return refusedWith(refusal, method, { type: TEXT, body: `${refusal.message}\n` });
};
