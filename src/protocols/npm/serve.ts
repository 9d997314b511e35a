/** From a request to its handler: first the right, then the body. */
import { refuse } from '../../domain/errors.ts';
import type { Action } from '../../domain/values/actions.ts';
import { own } from '../../domain/values/own.ts';
import type { Protocol, ProtocolReply } from '../protocol.ts';
import type { Context } from '../shared/content.ts';
import { asciiLine, refusalOf, refusedWith } from '../shared/refusal.ts';
import { createToken, listTokens, login, profile, revokeToken, whoami } from './accounts.ts';
import { listTags, removePackage, removeTag, removeVersion, setTag, takeAway } from './change.ts';
import { json, type Npm, parseJson } from './context.ts';
import { attestations, file, manifest, packument } from './packages.ts';
import { type NpmResource, parseNpm } from './parse.ts';
import { MAX_DOCUMENT, put, stage } from './publish.ts';
import { search } from './search.ts';
import { advisories, audit, collaborators, packagesOfUser, visibility } from './services.ts';
import { approve, listStages, reject, stagedTarball, viewStage } from './stages.ts';

type Kind = NpmResource['kind'];
type Of<K extends Kind> = Extract<NpmResource, { kind: K }>;
type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** What a method does to a resource of a repository, and the right it takes. */
type Handlers = {
  readonly [K in Kind]?: {
    readonly [M in Method]?: readonly [Action, (npm: Npm, of: Of<K>) => Promise<ProtocolReply>];
  };
};

const HANDLERS: Handlers = {
  package: {
    GET: ['pull', (npm, of) => packument(npm, of.package)],
    PUT: ['push', (npm, of) => put(npm, of.package)],
  },
  revision: {
    PUT: ['delete', async (npm, of) => takeAway(npm, of, parseJson(await npm.request.bytes(MAX_DOCUMENT)))],
    DELETE: ['delete', removePackage],
  },
  manifest: { GET: ['pull', (npm, of) => manifest(npm, of.package, of.selector)] },
  file: { GET: ['pull', file] },
  'file-revision': { DELETE: ['delete', removeVersion] },
  tags: { GET: ['pull', (npm, of) => listTags(npm, of.package)] },
  tag: { PUT: ['tag', setTag], DELETE: ['delete', removeTag] },
  visibility: { GET: ['pull', (npm, of) => visibility(npm, of.package)] },
  collaborators: { GET: ['pull', (npm, of) => collaborators(npm, of.package)] },
  access: { POST: ['push', noAccess] },
  attestations: { GET: ['pull', attestations] },
  search: { GET: ['pull', search] },
  'stage-package': { POST: ['push', (npm, of) => stage(npm, of.package)] },
  stages: { GET: ['pull', listStages] },
  stage: {
    GET: ['pull', (npm, of) => viewStage(npm, of.id)],
    DELETE: ['delete', (npm, of) => reject(npm, of.id)],
  },
  'stage-approve': { POST: ['release', (npm, of) => approve(npm, of.id)] },
  'stage-tarball': { GET: ['release', (npm, of) => stagedTarball(npm, of.id)] },
  advisories: { POST: ['pull', advisories] },
  audit: { POST: ['pull', audit] },
  'user-packages': { GET: ['pull', (npm, of) => packagesOfUser(npm, of.user)] },
};

export const serve: Protocol['handle'] = async (request, registry) => {
  const { name, base, resource } = parseNpm(request.path);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const account = own(ACCOUNTS, `${method} ${resource.kind}`);
  if (account) return account({ request, registry }, { user: '', token: '', ...resource });
  const found = handlerOf(resource, method);
  const repository = await registry.repository(request.caller, name, found.action, 'npm');
  const asked = { caller: request.caller, repository };
  const reply = await found.run({ request, registry, asked, links: { root: `${request.origin}${base}` } });
  return request.method === 'HEAD' ? { status: reply.status, headers: reply.headers ?? {} } : reply;
};

function handlerOf(resource: NpmResource, method: string) {
  const methods: Partial<Record<string, readonly [Action, (npm: Npm, of: never) => Promise<ProtocolReply>]>> =
    HANDLERS[resource.kind] ?? {};
  const [action, handle] = (Object.hasOwn(methods, method) ? methods[method] : undefined) ?? [];
  if (!action || !handle) throw refuse('METHOD_UNSUPPORTED', 'npm has no such request');
  return { action, run: (npm: Npm) => handle(npm, resource as never) };
}

type Account = (context: Context, of: { user: string; token: string }) => Promise<ProtocolReply>;

/** What is about the caller and not about the repository, and says nothing of whether that is there. */
const ACCOUNTS: Readonly<Record<string, Account>> = {
  'GET ping': async () => json({}),
  'GET whoami': whoami,
  'GET profile': profile,
  'PUT login': (context, of) => login(context, of.user),
  'GET tokens': listTokens,
  'POST tokens': createToken,
  'DELETE token': (context, of) => revokeToken(context, of.token),
  'DELETE logout': (context, of) => revokeToken(context, of.token),
};

async function noAccess(): Promise<never> {
  throw refuse('METHOD_UNSUPPORTED', 'who may read a package is a matter of its repository');
}

/** npm shows `error` of the body and the header `npm-notice`; pnpm and yarn show the reason phrase or the body. */
export const renderRefusal: Protocol['refuse'] = (error, { method }) => {
  const refusal = refusalOf(error);
  const body = JSON.stringify({ error: refusal.message, code: error.code });
  const told = error.kind === 'denied' ? { 'npm-notice': asciiLine(refusal.message, 300) } : {};
  return refusedWith(refusal, method, { type: 'application/json', body, headers: told });
};
