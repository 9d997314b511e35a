/**
 * Clients that announce a body and then say nothing: their connections would stay for ever, one for each who cares to
 * open them. Who sends, waits for an answer or reads one, or is not listened to himself, is left in peace.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { expectsContinue } from './request.ts';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** @param ms how long nothing may come of a body that is not whole */
export function endSilence(server: Server, ms: number): void {
  const latest = new WeakMap<Socket, Exchange>();
  /** sockets that were silent when they were looked at, and how much had come by then */
  const silent = new WeakMap<Socket, number>();
  const heard = (request: IncomingMessage, response: ServerResponse) =>
    void latest.set(request.socket, { request, response });
  server.on('request', heard);
  server.on('checkContinue', heard);
  // looked at twice: that we listen again may have been a moment ago
  server.timeout = ms / 2;
  // Node calls this also for connections that were kept alive for long enough
  server.on('timeout', (socket: Socket) => {
    const exchange = latest.get(socket);
    const idle = !exchange || (exchange.request.complete && exchange.response.writableFinished);
    const ours = exchange !== undefined && isOurs(exchange);
    if (idle || (!ours && silent.get(socket) === socket.bytesRead)) return void socket.destroy();
    if (ours) silent.delete(socket);
    else silent.set(socket, socket.bytesRead);
    socket.setTimeout(ms / 2);
  });
}

/** Whether it is not the client who should go on. */
function isOurs({ request, response }: Exchange): boolean {
  if (request.complete) return !response.writableFinished;
  return expectsContinue(request) || request.readableLength > 0;
}
