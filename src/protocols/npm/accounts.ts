/** Logging in and out, and tokens. */

import { refuse } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/values/json.ts';
import type { ProtocolReply } from '../protocol.ts';
import type { Context } from '../shared/content.ts';
import { done, json, smallJson } from './context.ts';
import { asObject, textOf } from './document.ts';

/** `PUT /-/user/org.couchdb.user:<name>`: npm's log-in with name and password; the answer has a token. */
export async function login({ request, registry }: Context, user: string): Promise<ProtocolReply> {
  const body = asObject(await smallJson({ request }), 'the body');
  if (body.name !== user) throw refuse('REQUEST_INVALID', 'the body is about another user');
  const caller = await proved(request, user, textOf(body.password));
  const { id, token } = await registry.issueToken(caller, 'npm login');
  return json({ ok: true, id: `org.couchdb.user:${user}`, rev: `1-${id}`, token }, 201);
}

async function proved(request: Context['request'], user: string, password: string | undefined) {
  if (user.includes(':') || !password) throw refuse('CREDENTIALS_INVALID');
  return request.authenticate(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
}

/** `GET /-/whoami` */
export async function whoami({ request, registry }: Context): Promise<ProtocolReply> {
  return json({ username: await registry.nameOf(request.caller) });
}

/** `GET /-/npm/v1/user` */
export async function profile({ request, registry }: Context): Promise<ProtocolReply> {
  const name = await registry.nameOf(request.caller);
  return json({ name, email: '', email_verified: false, tfa: false, cidr_whitelist: null });
}

/** `GET /-/npm/v1/tokens`: what the caller has, without the secrets. */
export async function listTokens({ request, registry }: Context): Promise<ProtocolReply> {
  await registry.nameOf(request.caller);
  const tokens = await registry.tokens(request.caller);
  const objects = tokens.map(({ id, issuedAt, expiresAt }) => ({
    ...shown(id),
    created: issuedAt,
    ...(expiresAt === undefined ? {} : { expires: expiresAt }),
  }));
  return json({ objects, total: objects.length, urls: {} });
}

const shown = (id: string): JsonObject => ({
  key: id,
  token: `sr_${id.slice(0, 8)}`,
  name: '',
  readonly: false,
  cidr_whitelist: null,
});

/** Wishes that are refused rather than passed over: a token that may more than was asked for is a trap. */
const LIMITS = [
  ...['readonly', 'cidr_whitelist', 'packages', 'packages_all', 'scopes', 'orgs', 'expires', 'bypass_2fa'],
  ...['packages_and_scopes_permission', 'orgs_permission'],
];

/** `POST /-/npm/v1/tokens`: the password is proved again. */
export async function createToken({ request, registry }: Context): Promise<ProtocolReply> {
  const name = await registry.nameOf(request.caller);
  const body = asObject(await smallJson({ request }), 'the body');
  const limit = LIMITS.find(key => !isNothing(body[key]));
  if (limit !== undefined)
    throw refuse('REQUEST_INVALID', `make tokens with limits (${limit}) in the console, by CLI or API`);
  const caller = await proved(request, name, textOf(body.password));
  const label = (textOf(body.name) ?? '').slice(0, 200) || 'npm token';
  const { id, token } = await registry.issueToken(caller, label);
  return json({ ...shown(id), token, name: label }, 201);
}

const isNothing = (value: unknown) =>
  value === undefined || value === null || value === false || (Array.isArray(value) && value.length === 0);

/** `DELETE /-/npm/v1/tokens/token/<id or token>`, `DELETE /-/user/token/<token>` (log-out) */
export async function revokeToken({ request, registry }: Context, token: string): Promise<ProtocolReply> {
  await registry.nameOf(request.caller);
  await registry.revokeToken(request.caller, idOf(token));
  return done();
}

/** A token names its id; the caller can only revoke its own. */
const idOf = (token: string) => /^sr_([A-Za-z0-9-]{8,64})_/.exec(token)?.[1] ?? token;
