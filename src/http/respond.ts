/** Sends a protocol's reply over Node's own response. */
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { ProtocolReply } from '../protocols/protocol.ts';

/** What uploaded bytes are served with: no browser executes them, whatever their type says. */
const SAFE = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
};

/** Resolves when the reply was sent or the client has gone. */
export async function respond(
  response: ServerResponse,
  reply: ProtocolReply,
  correlationId: string,
): Promise<void> {
  if (response.destroyed) return discard(reply);
  const { body } = reply;
  const headers = { ...SAFE, ...reply.headers, 'x-request-id': correlationId };
  response.writeHead(reply.status, headers);
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    response.end(body);
    return;
  }
  // after the head is out, a failing body can only be told by cutting the connection: pipeline destroys it
  await pipeline(body, response);
}

function discard({ body }: ProtocolReply): void {
  if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)) body.destroy();
}
