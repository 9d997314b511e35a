/** Answers helm and ChartMuseum's clients. */
import type { Asked } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Action } from '../../domain/values/actions.ts';
import type { Protocol, ProtocolReply } from '../protocol.ts';
import { type Context, sendDocument, sendFile } from '../shared/content.ts';
import { decodeQuery, type Query } from '../shared/decode.ts';
import { refusalOf, refusedWith } from '../shared/refusal.ts';
import { chartsOf, entryOf, fragmentOf, indexOf, json } from './entries.ts';
import { archiveName } from './names.ts';
import { type HelmRoute, parseHelm } from './parse.ts';
import { reply, upload } from './upload.ts';

const BASE = '/pkg/{project}/{repository}/helm';
const gets = (pattern: string, serves = true) => [
  { method: 'GET', pattern: `${BASE}/${pattern}`, serves },
  { method: 'HEAD', pattern: `${BASE}/${pattern}`, serves },
];
export const ROUTES = [
  ...gets('index.yaml'),
  ...gets('charts/{name}-{version}.tgz'),
  ...gets('charts/{name}-{version}.tgz.prov'),
  ...gets('api/charts'),
  ...gets('api/charts/{name}'),
  ...gets('api/charts/{name}/{version}'),
  { method: 'POST', pattern: `${BASE}/api/charts`, serves: false },
  { method: 'POST', pattern: `${BASE}/api/prov`, serves: false },
  { method: 'DELETE', pattern: `${BASE}/api/charts/{name}/{version}`, serves: false },
  ...gets('info', false),
  ...gets('health', false),
];

const YAML = 'application/x-yaml';
const JSON_TYPE = 'application/json';

export const serve: Protocol['handle'] = async (request, registry) => {
  const route = parseHelm(request.path);
  // the same for every repository, so that nobody learns which there are
  if (route.kind === 'health' || route.kind === 'info') return about(request.method, route.kind);
  const action = actionOf(request.method, route.kind);
  const repository = await registry.repository(request.caller, route.name, action, 'helm');
  const asked: Asked = { caller: request.caller, repository };
  const context = { request, registry };
  if (action === 'push') return upload(context, asked, route.kind === 'prov' ? 'prov' : 'chart');
  if (action === 'delete') return remove(context, asked, route);
  return read(context, asked, route);
};

function about(method: string, kind: 'health' | 'info'): ProtocolReply {
  if (method !== 'GET' && method !== 'HEAD') throw refuse('METHOD_UNSUPPORTED', 'use GET or HEAD');
  const { body, ...head } = reply(200, kind === 'health' ? { healthy: true } : { version: 'strongroom' });
  return method === 'HEAD' ? head : { ...head, ...(body === undefined ? {} : { body }) };
}

const METHODS: Readonly<Record<HelmRoute['kind'], Readonly<Record<string, Action>>>> = {
  index: { GET: 'pull', HEAD: 'pull' },
  file: { GET: 'pull', HEAD: 'pull' },
  charts: { GET: 'pull', HEAD: 'pull', POST: 'push' },
  chart: { GET: 'pull', HEAD: 'pull' },
  version: { GET: 'pull', HEAD: 'pull', DELETE: 'delete' },
  prov: { POST: 'push' },
  info: {},
  health: {},
};

function actionOf(method: string, kind: HelmRoute['kind']): Action {
  const action = METHODS[kind][method];
  if (action) return action;
  throw refuse('METHOD_UNSUPPORTED', `use ${Object.keys(METHODS[kind]).join(', ')}`);
}

async function read(context: Context, asked: Asked, route: HelmRoute): Promise<ProtocolReply> {
  const { registry } = context;
  switch (route.kind) {
    case 'index': {
      const kind = `index ${route.base}`;
      const document = await registry.document(asked, { kind }, () => indexOf(registry, asked, route.base));
      return sendDocument(context, document, YAML);
    }
    case 'file':
      return sendFile(
        context,
        asked,
        await registry.file(asked, { package: route.chart, version: route.version, file: route.file }),
      );
    case 'charts':
      return charts(context, asked);
    case 'chart':
      return chart(context, asked, route.chart);
    case 'version':
      return version(context, asked, route);
    default:
      throw refuse('ROUTE_UNKNOWN');
  }
}

async function charts(context: Context, asked: Asked): Promise<ProtocolReply> {
  const { registry, request } = context;
  const query = decodeQuery(request.query);
  const [offset, limit] = [
    numberIn(query, 'offset') ?? 0,
    numberIn(query, 'limit') ?? Number.MAX_SAFE_INTEGER,
  ];
  const document = await registry.document(asked, { kind: `charts ${offset} ${limit}` }, () =>
    chartsOf(registry, asked, { offset, limit }),
  );
  return sendDocument(context, document, JSON_TYPE);
}

/** @throws REQUEST_INVALID */
function numberIn(query: Query, name: string): number | undefined {
  const text = query.one(name);
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,9}$/.test(text)) throw refuse('REQUEST_INVALID', `${name} is a whole number, 0 or more`);
  return Number(text);
}

async function chart(context: Context, asked: Asked, name: string): Promise<ProtocolReply> {
  const { registry } = context;
  const document = await registry.document(asked, { package: name, kind: 'chart' }, async () => {
    const found = await fragmentOf(registry, asked, name);
    if (!found) throw refuse('PACKAGE_UNKNOWN', name);
    return found.entries;
  });
  return sendDocument(context, document, JSON_TYPE);
}

type VersionRoute = Extract<HelmRoute, { kind: 'version' }>;

/** What an index says of one version. It has passed the gate: who asks for what is held is told why. */
async function version(context: Context, asked: Asked, route: VersionRoute): Promise<ProtocolReply> {
  const { registry } = context;
  const wanted = route.version === 'latest' ? await latest(context, asked, route.chart) : route.version;
  const file = archiveName({ name: route.chart, version: wanted });
  await registry.file(asked, { package: route.chart, version: wanted, file });
  const document = await registry.document(
    asked,
    { package: route.chart, kind: `version ${wanted}` },
    async () => {
      const { versions } = await registry.package(asked, route.chart);
      const listed = versions.find(one => one.version === wanted);
      if (!listed) throw refuse('VERSION_UNKNOWN', `${route.chart} ${wanted}`);
      return json(entryOf(route.chart, listed));
    },
  );
  return sendDocument(context, document, JSON_TYPE);
}

/** The highest release that can be had, else the highest pre-release. */
async function latest({ registry }: Context, asked: Asked, name: string): Promise<string> {
  const found = await fragmentOf(registry, asked, name);
  if (!found) throw refuse('PACKAGE_UNKNOWN', name);
  const entries = JSON.parse(Buffer.from(found.entries).toString()) as readonly { version: string }[];
  const release = entries.find(one => !one.version.replace(/\+.*$/, '').includes('-'));
  const wanted = (release ?? entries[0])?.version;
  if (wanted === undefined) throw refuse('VERSION_UNKNOWN', name);
  return wanted;
}

async function remove({ registry }: Context, asked: Asked, route: HelmRoute): Promise<ProtocolReply> {
  if (route.kind !== 'version' || route.version === 'latest')
    throw refuse('VERSION_INVALID', 'name the version to delete');
  await registry.remove(asked, { package: route.chart, version: route.version });
  return reply(200, { deleted: true });
}

/** `{"error": …}` as ChartMuseum answers; helm itself prints the status line, so the reason is there, too. */
export const renderRefusal: Protocol['refuse'] = (error, { method }) => {
  const refusal = refusalOf(error);
  return refusedWith(refusal, method, {
    type: JSON_TYPE,
    body: JSON.stringify({ error: refusal.message }),
  });
};
