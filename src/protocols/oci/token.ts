/**
 * Scopes and answers of the token endpoint, which clients visit after a Bearer challenge.
 * https://distribution.github.io/distribution/spec/auth/token/ and …/auth/scope/
 */
import { isRefusal } from '../../domain/errors.ts';
import { formatName, parseName } from './name.ts';
import type { OciRoute } from './parse.ts';

export const SCOPE_ACTIONS = ['pull', 'push', 'delete', '*'] as const;
export type ScopeAction = (typeof SCOPE_ACTIONS)[number];

/** What a token is asked for: actions on an image (`<project>/<repository>/<image>`), or the catalogue. */
export type TokenScope =
  | { readonly type: 'repository'; readonly name: string; readonly actions: readonly ScopeAction[] }
  | { readonly type: 'registry'; readonly name: 'catalog'; readonly actions: readonly ['*'] };

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

/** `<type>:<name>:<actions>`; a name may contain colons of its own. */
function parseScope(text: string): TokenScope | undefined {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first < 0 || last === first) return undefined;
  const type = text.slice(0, first);
  const name = text.slice(first + 1, last);
  const wanted = text.slice(last + 1).split(',');
  if (type === 'registry' && name === 'catalog' && wanted.includes('*'))
    return { type, name, actions: ['*'] };
  const actions = SCOPE_ACTIONS.filter(action => wanted.includes(action));
  if (type !== 'repository' || actions.length === 0 || !isName(name)) return undefined;
  return { type, name, actions };
}

function isName(text: string): boolean {
  try {
    return formatName(parseName(text.split('/'))) === text;
  } catch (error) {
    if (isRefusal(error)) return false;
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

/**
 * The answer of the token endpoint; the token stands under both names that clients read.
 * @param issued `expiresIn` in seconds, at least 60 as clients assume; `issuedAt` as RFC 3339
 */
export function tokenResponse(issued: {
  readonly token: string;
  readonly expiresIn: number;
  readonly issuedAt: string;
}) {
  const { token, expiresIn, issuedAt } = issued;
  return { token, access_token: token, expires_in: expiresIn, issued_at: issuedAt };
}
