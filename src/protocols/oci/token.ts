/**
 * Scopes and answers of the token endpoint, which clients visit after a Bearer challenge.
 * https://distribution.github.io/distribution/spec/auth/token/ and …/auth/scope/
 */
import { isRefusal } from '../../domain/errors.ts';
import type { ProtocolReply } from '../protocol.ts';
import { formatName, type OciName, parseName } from './name.ts';
import type { OciRoute } from './parse.ts';

export const SCOPE_ACTIONS = ['pull', 'push', 'delete', '*'] as const;
export type ScopeAction = (typeof SCOPE_ACTIONS)[number];

export type TokenScope =
  | { readonly on: 'repository'; readonly name: OciName; readonly actions: readonly ScopeAction[] }
  | { readonly on: 'catalog' };

const MAX_SCOPES = 100;

/**
 * Parses `scope` parameters: several of them, each of several scopes separated by spaces. A token grants less than was
 * asked, never an error, so what cannot be granted here (other resource types, malformed names, unknown actions)
 * is left out; the request that needs it will be refused with its own reason.
 */
export function parseScopes(parameters: readonly string[]): TokenScope[] {
  const texts = parameters.flatMap(parameter => parameter.split(' ')).filter(text => text !== '');
  return texts.slice(0, MAX_SCOPES).flatMap(text => parseScope(text) ?? []);
}

/** `<type>[(<class>)]:<name>:<actions>`; a name may contain colons of its own. */
function parseScope(text: string): TokenScope | undefined {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first < 0 || last === first) return undefined;
  const type = text.slice(0, first);
  const subject = text.slice(first + 1, last);
  const wanted = text.slice(last + 1).split(',');
  if (type === 'registry')
    return subject === 'catalog' && wanted.includes('*') ? { on: 'catalog' } : undefined;
  const name = type === 'repository' ? tryName(subject) : undefined;
  const actions = SCOPE_ACTIONS.filter(action => wanted.includes(action));
  return name && actions.length > 0 ? { on: 'repository', name, actions } : undefined;
}

function tryName(text: string): OciName | undefined {
  try {
    return parseName(text.split('/'));
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** What a request needs, as a challenge writes it: scopes separated by spaces, '' for none. */
export function scopeOf(route: OciRoute): string {
  switch (route.kind) {
    case 'base':
    case 'token':
      return '';
    case 'catalog':
      return 'registry:catalog:*';
    case 'tags':
    case 'referrers':
    case 'manifest-get':
    case 'blob-get':
      return `repository:${formatName(route.name)}:pull`;
    case 'manifest-delete':
    case 'blob-delete':
      return `repository:${formatName(route.name)}:delete`;
    case 'upload-start': {
      const source = route.intent.by === 'mount' ? route.intent.from : undefined;
      const target = `repository:${formatName(route.name)}:pull,push`;
      return source ? `${target} repository:${formatName(source)}:pull` : target;
    }
    case 'manifest-put':
    case 'upload-status':
    case 'upload-append':
    case 'upload-finish':
    case 'upload-cancel':
      return `repository:${formatName(route.name)}:pull,push`;
  }
}

/** The answer of the token endpoint, under both names that clients read. `expiresIn` in seconds, at least 60. */
export function renderToken(token: string, expiresIn: number, issuedAt: Date): ProtocolReply {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: JSON.stringify({
      token,
      access_token: token,
      expires_in: expiresIn,
      issued_at: issuedAt.toISOString(),
    }),
  };
}
