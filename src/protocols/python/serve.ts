/** Uploads, the simple index, files and their sidecars. */
import type { Asked } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Action } from '../../domain/values/actions.ts';
import type { Protocol, ProtocolReply, ProtocolRequest } from '../protocol.ts';
import { type Context, sendDocument, sendFile } from '../shared/content.ts';
import { decodeQuery } from '../shared/decode.ts';
import { headerOf, PRIVATE } from '../shared/headers.ts';
import { asciiLine, refusalOf, refusedWith } from '../shared/refusal.ts';
import { readable } from '../shared/text.ts';
import { chooseForm, type IndexForm } from './accept.ts';
import { type PythonRoute, parsePython } from './parse.ts';
import { composeProject, FORMS, PROJECTS } from './simple.ts';
import { upload } from './upload.ts';

const BASE = '/pkg/{project}/{repository}/python';
const read = (pattern: string) =>
  ['GET', 'HEAD'].map(method => ({ method, pattern: `${BASE}${pattern}`, serves: true }));
export const ROUTES = [
  { method: 'POST', pattern: `${BASE}/`, serves: false },
  { method: 'POST', pattern: `${BASE}/legacy/`, serves: false },
  ...read('/simple/'),
  ...read('/simple/{package}/'),
  ...read('/files/{package}/{version}/{file}'),
  ...read('/files/{package}/{version}/{file}.metadata'),
  ...read('/files/{package}/{version}/{file}.provenance'),
];

export const serve: Protocol['handle'] = async (request, registry) => {
  const route = parsePython(request.path);
  const action = actionOf(request, route);
  const repository = await registry.repository(request.caller, route.name, action, 'python');
  const asked: Asked = { caller: request.caller, repository };
  const context = { request, registry };
  switch (route.kind) {
    case 'upload':
      return publish(context, asked);
    case 'redirect':
      return redirect(request, route.to);
    case 'projects':
      return projects(context, asked, formOf(request));
    case 'project':
      return project(context, asked, { name: route.project, base: `${request.origin}${route.base}` });
    case 'file': {
      const { project: name, version, file } = route;
      return sendFile(context, asked, await registry.file(asked, { package: name, version, file }));
    }
  }
};

/** @throws METHOD_UNSUPPORTED */
function actionOf({ method }: ProtocolRequest, { kind }: PythonRoute): Action {
  if (kind === 'upload' && method === 'POST') return 'push';
  if (kind === 'upload') throw refuse('METHOD_UNSUPPORTED', 'upload here with POST; the index is at simple/');
  if (method === 'GET' || method === 'HEAD') return 'pull';
  throw refuse(
    'METHOD_UNSUPPORTED',
    'use GET and HEAD here; distributions are uploaded to the repository itself',
  );
}

async function publish(context: Context, asked: Asked): Promise<ProtocolReply> {
  const { changed, warnings } = await upload(context, asked);
  const body = [changed ? 'published' : 'it was here already', ...warnings].join('\n');
  return text(200, `${body}\n`);
}

const TEXT = 'text/plain; charset=utf-8';
const text = (status: number, body: string): ProtocolReply => ({
  status,
  headers: {
    'content-type': TEXT,
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
  },
  body,
});

function redirect({ query }: ProtocolRequest, to: string): ProtocolReply {
  return {
    status: 301,
    headers: { ...PRIVATE, location: query === '' ? to : `${to}?${query}`, 'content-length': '0' },
  };
}

const formOf = ({ headers, query }: ProtocolRequest): IndexForm =>
  chooseForm(headerOf(headers, 'accept'), decodeQuery(query).one('format'));

async function project(
  context: Context,
  asked: Asked,
  { name, base }: { name: string; base: string },
): Promise<ProtocolReply> {
  const { registry, request } = context;
  const form = formOf(request);
  const kind = `simple ${form.body} ${base}`;
  const document = await registry.document(asked, { package: name, kind }, async composer =>
    composeProject(FORMS[form.body], {
      ...{ composer, base, outline: await registry.outline(asked, name) },
      describe: versions => registry.descriptions(asked, { package: name, versions }),
    }),
  );
  return sendDocument(context, document, form.type);
}

const PAGE = 1000;

/** Names only, read page by page: a list of 10^5 projects is some megabytes, and few clients ever ask for it. */
async function projects(context: Context, asked: Asked, form: IndexForm): Promise<ProtocolReply> {
  const { registry } = context;
  const { begin, item, end } = PROJECTS[form.body];
  const document = await registry.document(asked, { kind: `simple ${form.body}` }, async () => {
    const pieces = [Buffer.from(begin)];
    for (let after: string | undefined, more = true; more; ) {
      const page = await registry.search(asked, { words: [], after, limit: PAGE });
      const written = page.items.map(({ name }, index) => item(name, after === undefined && index === 0));
      pieces.push(Buffer.from(written.join('')));
      after = page.items.at(-1)?.name;
      more = page.more && after !== undefined;
    }
    return Buffer.concat([...pieces, Buffer.from(end)]);
  });
  return sendDocument(context, document, form.type);
}

const MAX_REASON = 120;

/** Plain text, and the reason phrase: pip, uv and twine show it. */
export const renderRefusal: Protocol['refuse'] = (error, { method }) => {
  const refusal = refusalOf(error);
  // where not all of it fits, what happened to this file says more than the rule
  const fits = refusal.message.length <= MAX_REASON || error.kind !== 'conflict';
  const reason = fits ? refusal.reason : asciiLine(readable(error.detail.reason ?? refusal.message));
  const allow = refusal.status === 405 ? { allow: 'GET, HEAD, POST' } : {};
  const body = `${refusal.message}\n`;
  return refusedWith({ ...refusal, reason }, method, { type: TEXT, body, headers: allow });
};
