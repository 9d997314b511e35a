/** Sends a protocol's reply over Node's own response. */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { ProtocolReply } from '../protocols/protocol.ts';

/** What uploaded bytes are served with: no browser executes them, whatever their type says. */
const SAFE = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
};

/**
 * Resolves when the reply was sent or the client has gone.
 * @param linger what to wait for, once the reply is out, before the connection is closed
 */
export async function respond(
  response: ServerResponse,
  reply: ProtocolReply,
  { correlationId, linger }: { correlationId: string; linger?: (() => Promise<void>) | undefined },
): Promise<void> {
  if (response.destroyed) return discard(reply);
  const { body } = reply;
  const headers = { ...SAFE, ...reply.headers, 'x-request-id': correlationId };
  if (reply.reason === undefined) response.writeHead(reply.status, headers);
  else response.writeHead(reply.status, reasonPhrase(reply.reason), headers);
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    if (!linger) return void response.end(body);
    response.flushHeaders();
    if (body !== undefined) response.write(body);
    void linger().then(() => response.end());
    return;
  }
  await stream(body, response);
}

/** What may stand in a status line, at most 200 characters. https://www.rfc-editor.org/rfc/rfc9112#section-4 */
const reasonPhrase = (text: string) =>
  text
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .slice(0, 200)
    .trim();

/** A body that takes blocks back when they were sent, to use their memory again. */
interface Lender {
  release(block: Uint8Array): void;
}

/** One block at a time; the body reads ahead. After the head is out, a failure is told by cutting the connection. */
async function stream(body: Readable & Partial<Lender>, response: ServerResponse): Promise<void> {
  let gone = () => {};
  response.once('close', () => gone());
  try {
    for await (const block of body) {
      await new Promise<void>((sent, failed) => {
        gone = () => failed(new Error('the client has gone'));
        response.write(block, error => (error ? failed(error) : sent()));
      });
      // the kernel has its copy now, and only now
      body.release?.(block);
    }
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  }
}

function discard({ body }: ProtocolReply): void {
  if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)) body.destroy();
}
