/** Requests of nuget, dotnet and IDEs. https://learn.microsoft.com/en-us/nuget/api/overview */
import type { Asked, Document, PublishedVersion } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Action } from '../../domain/values/actions.ts';
import type { Protocol, ProtocolReply } from '../protocol.ts';
import { type Context, sendDocument, sendFile, sendText } from '../shared/content.ts';
import { asciiLine, refusalOf, refusedWith } from '../shared/refusal.ts';
import { nupkgName } from './names.ts';
import {
  type ContentRoute,
  type ListingRoute,
  type NuGetRoute,
  parseNuGetPath,
  type RegistrationRoute,
} from './parse.ts';
import {
  availableIn,
  type Fragment,
  leftOut,
  noneIn,
  readable,
  readFragments,
  registrationIndex,
  registrationItem,
  registrationLeaf,
  registrationPage,
  writeFragments,
} from './registration.ts';
import { autocomplete, search } from './search.ts';
import { pushPackage, pushSymbols } from './upload.ts';
import { serviceIndex, urlsAt } from './urls.ts';

const JSON_TYPE = 'application/json';

export const serve: Protocol['handle'] = async (request, registry) => {
  const route = parseNuGetPath(request.path);
  const action = actionOf(request.method, route);
  const repository = await registry.repository(request.caller, route.name, action, 'nuget');
  const asked: Asked = { caller: request.caller, repository };
  const context = { request, registry };
  switch (route.kind) {
    case 'push':
      return pushed(await pushPackage(context, asked));
    case 'symbols':
      return pushed(await pushSymbols(context, asked));
    case 'listing':
      return list(context, asked, route);
    default:
      return read(context, asked, route);
  }
};

type ReadRoute = Exclude<NuGetRoute, { kind: 'push' | 'symbols' | 'listing' }>;

function actionOf(method: string, { kind }: NuGetRoute): Action {
  if (kind === 'push' || kind === 'symbols') {
    if (method === 'PUT') return 'push';
    throw refuse('METHOD_UNSUPPORTED', 'packages are pushed here with PUT');
  }
  if (kind === 'listing') {
    if (method === 'DELETE' || method === 'POST') return 'delete';
    throw refuse('METHOD_UNSUPPORTED', 'use DELETE to unlist a version and POST to list it again');
  }
  if (method === 'GET' || method === 'HEAD') return 'pull';
  throw refuse('METHOD_UNSUPPORTED', 'use GET or HEAD');
}

function read(context: Context, asked: Asked, route: ReadRoute): Promise<ProtocolReply> {
  const { request } = context;
  const urls = urlsAt(`${request.origin}${route.base}`);
  switch (route.kind) {
    case 'service':
      return Promise.resolve(sendText(context, JSON.stringify(serviceIndex(urls.base)), JSON_TYPE));
    case 'search':
      return search({ context, asked, urls }).then(body => sendText(context, body, JSON_TYPE));
    case 'autocomplete':
      return autocomplete({ context, asked, urls }).then(body => sendText(context, body, JSON_TYPE));
    case 'versions':
      return versions(context, asked, route.package);
    case 'content':
      return content(context, asked, route);
    default:
      return registration(context, asked, route);
  }
}

/** Clients print what is in this header. */
const warningOf = ([first]: readonly string[]): Record<string, string> =>
  first === undefined ? {} : { 'x-nuget-warning': asciiLine(first, MAX_WARNING) };
const MAX_WARNING = 500;

const pushed = ({ changed, warnings }: PublishedVersion): ProtocolReply => ({
  status: changed ? 201 : 200,
  headers: { 'cache-control': 'no-store', 'content-length': '0', ...warningOf(warnings) },
});

/** To delete means to hide: whoever names the version still gets it. To delete it for good is for the management API. */
async function list(
  { request, registry }: Context,
  asked: Asked,
  route: ListingRoute,
): Promise<ProtocolReply> {
  const relist = request.method === 'POST';
  await registry.yank(asked, route, relist ? undefined : '');
  return relist ? { status: 200, headers: { 'content-length': '0' } } : { status: 204 };
}

async function content(context: Context, asked: Asked, route: ContentRoute): Promise<ProtocolReply> {
  const released = await context.registry.file(asked, route);
  return sendFile(context, asked, released, warningOf(released.warnings));
}

/** What can be downloaded, also when it is not listed. */
async function versions(context: Context, asked: Asked, name: string): Promise<ProtocolReply> {
  const { registry } = context;
  const document = await registry.document(asked, { package: name, kind: 'versions' }, async () => {
    const listing = await registry.package(asked, name);
    const available = availableIn(listing);
    if (available.length === 0) throw noneIn(listing);
    return JSON.stringify({ versions: available.map(({ version }) => version) });
  });
  return sendDocument(context, document, JSON_TYPE, await heldWarning(context, asked, name, 'newer'));
}

/** Composed once per change, as indexes are. */
async function heldWarning(
  { registry }: Context,
  asked: Asked,
  name: string,
  which: keyof ReturnType<typeof leftOut>,
): Promise<Record<string, string>> {
  const { bytes } = await registry.document(asked, { package: name, kind: 'held' }, async () =>
    JSON.stringify(leftOut(await registry.package(asked, name))),
  );
  const held: ReturnType<typeof leftOut> = JSON.parse(Buffer.from(bytes).toString());
  return held[which] === '' ? {} : warningOf([held[which]]);
}

async function registration(
  context: Context,
  asked: Asked,
  route: RegistrationRoute,
): Promise<ProtocolReply> {
  if (route.kind === 'leaf') return leaf(context, asked, route);
  const { registry, request } = context;
  const { hive, package: id } = route;
  const urls = urlsAt(`${request.origin}${route.base}`);
  const shown = { urls, hive, id };
  const part = route.kind === 'page' ? `page ${route.lower} ${route.upper}` : 'index';
  const kind = `${hive} ${part} ${urls.base}`;
  const document = await registry.document(asked, { package: id, kind }, async () => {
    const all = fragmentsIn(await fragments(context, asked, shown));
    if (route.kind === 'registration') return registrationIndex(shown, all);
    const page = registrationPage(shown, all, route);
    if (page === undefined) throw refuse('VERSION_UNKNOWN', `${id} has no versions between these`);
    return page;
  });
  const warning = route.kind === 'page' ? {} : await heldWarning(context, asked, id, 'all');
  return sendDocument(context, document, JSON_TYPE, warning);
}

type Shown = Parameters<typeof registrationIndex>[0];

/** Composed once per change, however many pages are asked for. */
const fragments = ({ registry }: Context, asked: Asked, shown: Shown): Promise<Document> =>
  registry.document(asked, { package: shown.id, kind: `${shown.hive} all ${shown.urls.base}` }, async () => {
    const listing = await registry.package(asked, shown.id);
    const inHive = availableIn(listing).filter(version => readable(shown.hive, version));
    if (inHive.length === 0) throw noneIn(listing);
    return writeFragments(
      inHive.map(one => ({ version: one.version, json: JSON.stringify(registrationItem(shown, one)) })),
    );
  });

const fragmentsIn = ({ bytes }: Document): Fragment[] => readFragments(bytes);

/** As forbidden as the package that it is about. */
async function leaf(
  context: Context,
  asked: Asked,
  route: Extract<RegistrationRoute, { kind: 'leaf' }>,
): Promise<ProtocolReply> {
  const { registry, request } = context;
  const { package: id, version, hive } = route;
  await registry.file(asked, { package: id, version, file: nupkgName(id, version) });
  const urls = urlsAt(`${request.origin}${route.base}`);
  const kind = `${hive} leaf ${version} ${urls.base}`;
  const document = await registry.document(asked, { package: id, kind }, async () => {
    const available = availableIn(await registry.package(asked, id));
    const found = available.find(one => one.version === version && readable(hive, one));
    if (!found) throw refuse('VERSION_UNKNOWN', `${id} ${version}`);
    return JSON.stringify(registrationLeaf({ urls, hive, id }, found));
  });
  return sendDocument(context, document, JSON_TYPE);
}

/** The reason phrase, which nuget prints, and for what is forbidden a warning, which newer clients print too. */
export const renderRefusal: Protocol['refuse'] = (error, { method }) => {
  const refusal = refusalOf(error);
  const forbidden = error.kind === 'denied' || error.kind === 'forbidden';
  return refusedWith(refusal, method, {
    type: 'text/plain; charset=utf-8',
    body: `${refusal.message}\n`,
    headers: forbidden ? warningOf([refusal.message]) : {},
  });
};
