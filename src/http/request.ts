/** A client's request as protocols see it, over Node's own request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { isRefusal, refuse } from '../domain/errors.ts';
import type { ProtocolRequest } from '../protocols/protocol.ts';

/** Requests whose client waits for `100 Continue`; it is sent when somebody begins to read the body. */
const waiting = new WeakSet<IncomingMessage>();
export const markExpectsContinue = (request: IncomingMessage) => waiting.add(request);
/** Whether its client still waits to be told to send. */
export const expectsContinue = (request: IncomingMessage) => waiting.has(request);

interface Limits {
  /** bytes of a body, whatever is in it */
  readonly maxBody: number;
  /** bytes of a body that is a file by itself */
  readonly maxFile: number;
}

export function toProtocolRequest(
  raw: { request: IncomingMessage; response: ServerResponse },
  { maxBody, maxFile, ...facts }: Pick<ProtocolRequest, 'caller' | 'origin' | 'authenticate'> & Limits,
): ProtocolRequest {
  const { request, response } = raw;
  const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
  const atMost = (max: number) => {
    // refused before the client is asked to send it
    if (Number(request.headers['content-length'] ?? 0) > max) throw tooLarge(max);
    if (waiting.delete(request)) response.writeContinue();
    return request as Readable;
  };
  const body = () => atMost(maxBody);
  return {
    method: request.method ?? 'GET',
    path,
    query,
    headers: request.headers,
    ...facts,
    body,
    file: (max = maxFile) => atMost(Math.min(max, maxFile)),
    bytes: max => readAll(request, body, max),
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

async function readAll(request: IncomingMessage, body: () => Readable, max: number): Promise<Uint8Array> {
  const announced = request.headers['content-length'];
  if (announced !== undefined && Number(announced) > max) throw tooLarge(max);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // leaving early must not destroy the request: the refusal is sent over its connection
    for await (const chunk of body().iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > max) throw tooLarge(max);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (!isRefusal(error) && request.destroyed && !request.complete)
      throw refuse('SIZE_INVALID', 'the body was cut short');
    throw error;
  }
  if (announced !== undefined && Number(announced) !== size)
    throw refuse('SIZE_INVALID', 'the body was cut short');
  return Buffer.concat(chunks, size);
}

const tooLarge = (max: number) => refuse('CONTENT_TOO_LARGE', `at most ${max} bytes are taken here`);
