/**
 * Requests of the distribution API as values: version 1.1, and what its development version adds
 * (`?tag=` on a manifest push, `?digest-algorithm=` on an upload, cancelling an upload).
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints
 */
import { refuse } from '../../domain/errors.ts';
import { type DigestAlgorithm, parseDigest } from '../../domain/values/digest.ts';
import { decodePath, decodeQuery, type Query } from '../shared/decode.ts';
import { type OciName, type OciReference, parseName, parseReference, parseTag } from './name.ts';
import { locate, methodsOf, type Resource, type Target } from './routes.ts';

/** What is asked for after `last`, at most `n` entries (clamped to MAX_PAGE); both as the client said. */
export interface Page {
  readonly n?: number;
  readonly last?: string;
}

/** How a client begins to send a blob. */
export type UploadIntent =
  | { readonly by: 'session' }
  | { readonly by: 'monolithic'; readonly digest: string }
  | { readonly by: 'mount'; readonly digest: string; readonly from?: OciName };

/** `head`: the same answer without its body. It passes the same gates. */
export type OciRoute =
  | { readonly kind: 'base'; readonly head: boolean }
  | { readonly kind: 'catalog'; readonly head: boolean; readonly page: Page }
  | {
      readonly kind: 'token';
      /** each `scope` parameter as it came; token.ts parses them */
      readonly scopes: readonly string[];
      readonly account?: string;
      readonly service?: string;
    }
  | { readonly kind: 'tags'; readonly head: boolean; readonly name: OciName; readonly page: Page }
  | {
      readonly kind: 'referrers';
      readonly head: boolean;
      readonly name: OciName;
      readonly digest: string;
      readonly artifactType?: string;
    }
  | {
      readonly kind: 'manifest-get';
      readonly head: boolean;
      readonly name: OciName;
      readonly reference: OciReference;
    }
  | {
      readonly kind: 'manifest-put';
      readonly name: OciName;
      readonly reference: OciReference;
      /** tags to set beside a push by digest, each once */
      readonly tags: readonly string[];
    }
  | { readonly kind: 'manifest-delete'; readonly name: OciName; readonly reference: OciReference }
  | { readonly kind: 'blob-get'; readonly head: boolean; readonly name: OciName; readonly digest: string }
  | { readonly kind: 'blob-delete'; readonly name: OciName; readonly digest: string }
  | {
      readonly kind: 'upload-start';
      readonly name: OciName;
      readonly intent: UploadIntent;
      readonly algorithm?: DigestAlgorithm;
    }
  | {
      readonly kind: 'upload-status';
      readonly head: boolean;
      readonly name: OciName;
      readonly upload: string;
    }
  | { readonly kind: 'upload-append'; readonly name: OciName; readonly upload: string }
  | {
      readonly kind: 'upload-finish';
      readonly name: OciName;
      readonly upload: string;
      readonly digest: string;
    }
  | { readonly kind: 'upload-cancel'; readonly name: OciName; readonly upload: string };

export { ROUTES } from './routes.ts';

/** Most entries of one page of tags or of the catalogue. */
export const MAX_PAGE = 1000;
const MAX_TAGS = 100;
const UPLOAD_ID = /^[A-Za-z0-9_=-]{1,250}$/;

/**
 * @param rawPath still percent-encoded, without the query
 * @param rawQuery without `?`
 * @throws ROUTE_UNKNOWN, METHOD_UNSUPPORTED (with the fact `allow`), NAME_INVALID, TAG_INVALID, DIGEST_INVALID,
 *   DIGEST_UNSUPPORTED, UPLOAD_UNKNOWN, REQUEST_INVALID
 */
export function parseRequest(method: string, rawPath: string, rawQuery: string): OciRoute {
  const target = locate(decodePath(rawPath));
  const allow = methodsOf(target.resource);
  if (!allow.includes(method)) throw refuse('METHOD_UNSUPPORTED', { allow: allow.join(', ') });
  const query = decodeQuery(rawQuery);
  return PARSERS[target.resource]({ method, head: method === 'HEAD', target, query });
}

interface Call {
  readonly method: string;
  readonly head: boolean;
  readonly target: Target;
  readonly query: Query;
}

const PARSERS: { readonly [R in Resource]: (call: Call) => OciRoute } = {
  base: ({ head }) => ({ kind: 'base', head }),
  catalog: ({ head, query }) => ({ kind: 'catalog', head, page: parsePage(query) }),
  token: ({ query }) => ({
    kind: 'token',
    scopes: query.all('scope'),
    ...optional('account', query.one('account')),
    ...optional('service', query.one('service')),
  }),
  tags: ({ head, target, query }) => ({
    kind: 'tags',
    head,
    name: parseName(target.name),
    page: parsePage(query),
  }),
  manifest: parseManifestCall,
  blob: ({ method, head, target }) => {
    const about = { name: parseName(target.name), digest: parseDigest(target.last) };
    return method === 'DELETE' ? { kind: 'blob-delete', ...about } : { kind: 'blob-get', head, ...about };
  },
  uploads: parseUploadStart,
  upload: parseUploadCall,
  referrers: ({ head, target, query }) => ({
    kind: 'referrers',
    head,
    name: parseName(target.name),
    digest: parseDigest(target.last),
    // Media types have no spaces: one can only be a plus sign that the client did not encode.
    ...optional('artifactType', query.one('artifactType')?.replaceAll(' ', '+') || undefined),
  }),
};

function parseManifestCall({ method, head, target, query }: Call): OciRoute {
  const about = { name: parseName(target.name), reference: parseReference(target.last) };
  if (method === 'DELETE') return { kind: 'manifest-delete', ...about };
  if (method !== 'PUT') return { kind: 'manifest-get', head, ...about };
  const tags = [...new Set(query.all('tag'))].map(parseTag);
  if (tags.length > MAX_TAGS)
    throw refuse('REQUEST_INVALID', `a push may set at most ${MAX_TAGS} tags at once`);
  if (tags.length > 0 && about.reference.by === 'tag')
    throw refuse('REQUEST_INVALID', 'the parameter tag goes with a push by digest, not by tag');
  return { kind: 'manifest-put', ...about, tags };
}

function parseUploadStart({ target, query }: Call): OciRoute {
  const algorithm = query.one('digest-algorithm');
  return {
    kind: 'upload-start',
    name: parseName(target.name),
    intent: parseIntent(query),
    ...optional('algorithm', algorithm === undefined ? undefined : parseAlgorithm(algorithm)),
  };
}

function parseIntent(query: Query): UploadIntent {
  const mount = query.one('mount');
  const from = query.one('from');
  const digest = query.one('digest');
  if (mount !== undefined)
    return {
      by: 'mount',
      digest: parseDigest(mount),
      ...optional('from', from ? parseName(from.split('/')) : undefined),
    };
  return digest === undefined ? { by: 'session' } : { by: 'monolithic', digest: parseDigest(digest) };
}

function parseAlgorithm(text: string): DigestAlgorithm {
  if (text === 'sha256' || text === 'sha512') return text;
  throw refuse('DIGEST_UNSUPPORTED', { algorithm: text.slice(0, 64) });
}

function parseUploadCall({ method, head, target, query }: Call): OciRoute {
  const about = { name: parseName(target.name), upload: target.last };
  if (!UPLOAD_ID.test(target.last)) throw refuse('UPLOAD_UNKNOWN');
  if (method === 'PATCH') return { kind: 'upload-append', ...about };
  if (method === 'DELETE') return { kind: 'upload-cancel', ...about };
  if (method !== 'PUT') return { kind: 'upload-status', head, ...about };
  const digest = query.one('digest');
  if (digest === undefined)
    throw refuse('DIGEST_INVALID', 'an upload is finished with ?digest=<algorithm>:<hex>');
  return { kind: 'upload-finish', ...about, digest: parseDigest(digest) };
}

function parsePage(query: Query): Page {
  const n = query.one('n');
  const last = query.one('last');
  if (n !== undefined && !/^[0-9]{1,9}$/.test(n))
    throw refuse('REQUEST_INVALID', 'n is the number of entries to return: a whole number, 0 or more');
  if (last !== undefined && last.length > 255)
    throw refuse('REQUEST_INVALID', 'last is the last entry of the page before: at most 255 characters');
  return {
    ...optional('n', n === undefined ? undefined : Math.min(Number(n), MAX_PAGE)),
    ...optional('last', last),
  };
}

/** `{ [key]: value }`, or nothing at all when there is no value. */
function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V });
}
