/** Conditional requests with entity tags. https://www.rfc-editor.org/rfc/rfc9110#section-13 */
import { type Headers, headerOf } from './headers.ts';

/** One entity tag, weak or strong; the opaque part may hold commas. */
const ENTITY_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
const MAX_HEADER = 8192;

/**
 * Whether the client holds this already, so that a GET or HEAD is answered with 304 (its headers, no body). Ask it
 * after the gate: what is forbidden is refused, also to whoever has a copy.
 * @param etag quoted, as the reply would carry it
 * @param modified `Last-Modified` of the reply, if it has one; it counts for who knows no tag
 */
export function notModified(headers: Headers, etag: string, modified?: string): boolean {
  const known = headers['if-none-match'];
  if (known !== undefined) return names(known, etag, strong);
  const since = Date.parse(headerOf(headers, 'if-modified-since') ?? '');
  return modified !== undefined && Date.parse(modified) <= since;
}

/**
 * Whether `If-Match` or `If-None-Match` forbids a change. A weak tag is never the same as another one in `If-Match`.
 * @param etag of what is there now; undefined: nothing is
 */
export function preconditionFails(headers: Headers, etag: string | undefined): boolean {
  const [match, none] = [headers['if-match'], headers['if-none-match']];
  if (match !== undefined && (etag === undefined || !names(match, etag, tag => tag))) return true;
  return none !== undefined && etag !== undefined && names(none, etag, strong);
}

/** @param seen how two tags are compared */
function names(header: string | string[], etag: string, seen: (tag: string) => string): boolean {
  const text = Array.isArray(header) ? header.join(',') : header;
  if (text.length > MAX_HEADER) return false;
  if (text.trim() === '*') return true;
  return (text.match(ENTITY_TAG) ?? []).some(tag => seen(tag) === seen(etag));
}

/**
 * The `Range` header to be honoured; undefined: none, or `If-Range` names other content, so that all of it is sent.
 * A date in `If-Range` never matches: content here has digests, not times.
 */
export function rangeHeader(headers: Headers, etag: string): string | undefined {
  const condition = headerOf(headers, 'if-range');
  return condition === undefined || condition.trim() === etag ? headerOf(headers, 'range') : undefined;
}

/** `If-None-Match` compares weakly. */
const strong = (etag: string): string => etag.replace(/^W\//, '');
