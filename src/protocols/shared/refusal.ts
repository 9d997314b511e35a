/**
 * Refusals as package clients show them: a status, a reason phrase (for those that print nothing else), one readable
 * sentence, and the headers that go with the kind. The body is the format's own.
 */
import type { StrongroomError } from '../../domain/errors.ts';
import type { ProtocolReply } from '../protocol.ts';
import { STATUS } from './status.ts';
import { readable } from './text.ts';

export interface Refusal {
  readonly status: number;
  /** ASCII, at most 120 characters */
  readonly reason: string;
  /** the whole message, one line */
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

const MAX_MESSAGE = 1000;
const MAX_REASON = 120;
const DEFAULT_RETRY = 1;

/** @see reference of what clients show: docs/compatibility.md */
export function refusalOf(error: StrongroomError): Refusal {
  const status = STATUS[error.kind];
  const message = readable(error.message).slice(0, MAX_MESSAGE);
  return { status, message, reason: asciiLine(message), headers: headersOf(error) };
}

/** The refusal with a body of a media type; HEAD gets its headers alone. */
export function refusedWith(
  { status, reason, headers }: Refusal,
  method: string,
  content: {
    readonly type: string;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): ProtocolReply {
  const all = {
    ...headers,
    ...content.headers,
    'content-type': content.type,
    'content-length': String(Buffer.byteLength(content.body)),
    'cache-control': 'no-store',
  };
  return method === 'HEAD'
    ? { status, reason, headers: all }
    : { status, reason, headers: all, body: content.body };
}

/** What fits into a status line or a header: printable ASCII. */
export function asciiLine(text: string, max = MAX_REASON): string {
  const line = text
    .normalize('NFKD')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
  return line.length <= max ? line : `${line.slice(0, max - 3).trimEnd()}...`;
}

function headersOf(error: StrongroomError): Record<string, string> {
  const { kind, detail } = error;
  if (kind === 'unauthenticated') return { 'www-authenticate': 'Basic realm="Strongroom", charset="UTF-8"' };
  if (kind === 'throttled' || kind === 'unavailable')
    return { 'retry-after': String(detail.retryAfter ?? DEFAULT_RETRY) };
  if (kind === 'range' && typeof detail.size === 'number')
    return { 'content-range': `bytes */${detail.size}` };
  return {};
}
