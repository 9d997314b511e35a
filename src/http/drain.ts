/**
 * The end of a server: every request that arrived is answered, and nobody is waited for in vain. Node closes only the
 * connections that are idle when it is told to; those that become so later would stay for as long as they are kept alive.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

export interface DrainOptions {
  /** how long requests may go on, ms: a client that hangs must not keep the server from ending */
  readonly requestsMs: number;
  /** how long a connection may take to begin its first request, ms */
  readonly silenceMs: number;
}

const LOOK_MS = 50;

/** Watches a server from its start; what it gives begins the end. */
export function createDrain(server: Server, options: DrainOptions): () => void {
  const silent = new Set<Socket>();
  const heard = ({ socket }: IncomingMessage) => void silent.delete(socket);
  // of TLS the connection that requests come by, not the one below it
  server.on('cert' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', heard);
  server.on('checkContinue', heard);

  return () => {
    const looking = setInterval(() => server.closeIdleConnections(), LOOK_MS);
    const impatient = setTimeout(() => {
      for (const socket of silent) socket.destroy();
    }, options.silenceMs);
    const late = setTimeout(() => server.closeAllConnections(), options.requestsMs);
    server.once('close', () => {
      clearInterval(looking);
      clearTimeout(impatient);
      clearTimeout(late);
    });
  };
}
