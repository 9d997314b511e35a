/** Replies that package protocols share: a released file with ranges and conditions, and a composed document. */
import type { Asked, Document, Registry, Released } from '../../application/registry.ts';
import type { ProtocolReply, ProtocolRequest } from '../protocol.ts';
import { notModified, rangeHeader } from './conditional.ts';
import { headerOf, PRIVATE } from './headers.ts';
import { parseRange, renderContentRange } from './range.ts';
import { asciiLine } from './refusal.ts';

export interface Context {
  readonly request: ProtocolRequest;
  readonly registry: Registry;
}

/** Downloads smaller than this are sent from memory, bytes. */
const SMALL = 1024 * 1024;

/**
 * GET or HEAD of a file that the read gate released: 200, 206 or 304. The download is recorded before the first byte.
 * @param extra headers of the format (checksums…); they win over the usual ones
 * @throws RANGE_INVALID
 */
export async function sendFile(
  { request, registry }: Context,
  asked: Asked,
  released: Released,
  extra: Readonly<Record<string, string>> = {},
): Promise<ProtocolReply> {
  const { canonical, size, mediaType } = released.content;
  const etag = `"${canonical}"`;
  const headers: Record<string, string> = {
    ...PRIVATE,
    'content-type': mediaType,
    'accept-ranges': 'bytes',
    etag,
    ...warned(released),
    ...extra,
  };
  if (notModified(request.headers, etag, headers['last-modified'])) return { status: 304, headers };
  const range = parseRange(rangeHeader(request.headers, etag), size);
  const length = range ? range.end - range.start + 1 : size;
  const whole = {
    ...headers,
    'content-length': String(length),
    ...(range ? { 'content-range': renderContentRange(range, size) } : {}),
  };
  const status = range ? 206 : 200;
  if (request.method === 'HEAD') return { status, headers: whole };
  const body = !range && size <= SMALL ? await registry.read(released) : await registry.open(released, range);
  await registry.downloaded(asked, released);
  return { status, headers: whole, body };
}

/** What policies warn of, for clients that show it. */
export function warned({ warnings }: Pick<Released, 'warnings'>): Record<string, string> {
  const [first] = warnings;
  return first === undefined ? {} : { warning: `299 - "${asciiLine(first, 500).replaceAll('"', "'")}"` };
}

/**
 * GET or HEAD of a short text that is made for each who asks: 200.
 * @param extra headers of the format
 */
export function sendText(
  { request }: Pick<Context, 'request'>,
  body: string,
  contentType: string,
  extra: Readonly<Record<string, string>> = {},
): ProtocolReply {
  const length = String(Buffer.byteLength(body));
  const headers = { ...PRIVATE, 'content-type': contentType, 'content-length': length, ...extra };
  return request.method === 'HEAD' ? { status: 200, headers } : { status: 200, headers, body };
}

const SMALLEST_TO_COMPRESS = 1024;

/** GET or HEAD of a composed document: 200 or 304, compressed for who takes it. */
export async function sendDocument(
  { request }: Pick<Context, 'request'>,
  document: Document,
  contentType: string,
  extra: Readonly<Record<string, string>> = {},
): Promise<ProtocolReply> {
  const compressed =
    document.bytes.length >= SMALLEST_TO_COMPRESS && accepts(headerOf(request.headers, 'accept-encoding'));
  // each form is bytes of its own, and a strong tag names bytes
  const etag = compressed ? document.etag.replace(/"$/, '-gz"') : document.etag;
  const headers = {
    ...PRIVATE,
    vary: 'Accept, Accept-Encoding, Authorization',
    'content-type': contentType,
    etag,
    ...(compressed ? { 'content-encoding': 'gzip' } : {}),
    ...extra,
  };
  if (notModified(request.headers, etag)) return { status: 304, headers };
  const body = compressed ? await document.gzip() : document.bytes;
  const whole = { ...headers, 'content-length': String(body.length) };
  return request.method === 'HEAD' ? { status: 200, headers: whole } : { status: 200, headers: whole, body };
}

const accepts = (header: string | undefined) =>
  /(?:^|,)\s*gzip\s*(?:$|,|;(?!\s*q=0(?:\.0*)?\s*(?:$|,)))/i.test(header ?? '');
