/** Conditional requests with entity tags. https://www.rfc-editor.org/rfc/rfc9110#section-13 */
import { type Headers, headerOf } from './headers.ts';

/** One entity tag, weak or strong; the opaque part may hold commas. */
const ENTITY_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
const MAX_HEADER = 8192;

/**
 * Whether the client holds this already, so that a GET or HEAD is answered with 304 (its headers, no body). Ask it
 * after the gate: what is forbidden is refused, also to whoever has a copy.
 * @param etag quoted, as the reply would carry it
 */
export function notModified(headers: Headers, etag: string): boolean {
  const known = headers['if-none-match'];
  const text = Array.isArray(known) ? known.join(',') : known;
  if (text === undefined || text.length > MAX_HEADER) return false;
  if (text.trim() === '*') return true;
  return (text.match(ENTITY_TAG) ?? []).some(tag => strong(tag) === strong(etag));
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
