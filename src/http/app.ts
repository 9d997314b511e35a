/** The HTTP server: fastify with the protocols, the management API and the operator's endpoints. */
import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { refuse } from '../domain/errors.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { type ApiTools, registerApi } from './api/register.ts';
import { createDrain } from './drain.ts';
import { type Health, registerHealth } from './health.ts';
import { problem } from './problem.ts';
import { answer, type ProtocolTools } from './protocols.ts';
import { markExpectsContinue } from './request.ts';
import { endSilence } from './silence.ts';

export interface AppOptions extends ProtocolTools {
  readonly protocols: readonly Protocol[];
  readonly api: ApiTools;
  readonly health: Health;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** What a JSON body of the management API may have, bytes. */
const BODY_LIMIT = 1024 * 1024;
/** A client that sends nothing of its body for a minute has gone. */
const SILENCE_MS = 60_000;
const DRAIN = { requestsMs: 25_000, silenceMs: 1000 };

export function createApp(options: AppOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    // what a body takes is a matter of silence, not of time: a big upload sends all the time
    connectionTimeout: 0,
    requestTimeout: 0,
    // what has arrived is answered, on connections that then close
    return503OnClosing: false,
    serverFactory: handler => server(handler, options),
    frameworkErrors: (_error, request, reply) => {
      const protocol = protocolOf(options.protocols, request.raw.url ?? '');
      reply.hijack();
      if (protocol) return void answer(protocol, { request: request.raw, response: reply.raw }, options);
      const correlationId = options.identify.correlationId(request.raw);
      const { status, headers, body } = problem(refuse('REQUEST_INVALID'), correlationId);
      const more = { 'content-length': Buffer.byteLength(body), 'x-request-id': correlationId };
      reply.raw.writeHead(status, { ...headers, ...more }).end(body);
    },
    clientErrorHandler: rejectConnection,
  });
  const drain = createDrain(app.server, DRAIN);
  app.addHook('preClose', async () => drain());
  mountProtocols(app, options);
  registerHealth(app, options);
  registerApi(app, options.api);
  return app;
}

function mountProtocols(app: FastifyInstance, options: AppOptions): void {
  app.register(async scope => {
    scope.removeAllContentTypeParsers();
    // bodies are the protocols': read when they want them, or never
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    // a media type that the framework cannot read is for the protocol to judge
    scope.setErrorHandler((_error, request, reply) => {
      const protocol = protocolOf(options.protocols, request.raw.url ?? '');
      reply.hijack();
      if (protocol) void answer(protocol, { request: request.raw, response: reply.raw }, options);
      else reply.raw.destroy();
    });
    for (const protocol of options.protocols) {
      for (const mount of protocol.mounts) {
        const handler = (
          request: { raw: IncomingMessage },
          reply: { raw: ServerResponse; hijack(): unknown },
        ) => {
          reply.hijack();
          void answer(protocol, { request: request.raw, response: reply.raw }, options);
        };
        scope.route({ method: METHODS, url: `${mount}*`, handler });
        scope.route({ method: METHODS, url: mount.slice(0, -1), handler });
      }
    }
  });
}

function protocolOf(protocols: readonly Protocol[], url: string): Protocol | undefined {
  return protocols.find(({ mounts }) => mounts.some(mount => isUnder(mount, url)));
}

/** Whether a raw URL lies under a mount, whose segments may be `:name`. */
function isUnder(mount: string, url: string): boolean {
  if (!mount.includes(':')) return url.startsWith(mount);
  const path = url.split('?', 1)[0] ?? '';
  const segments = path.split('/');
  const wanted = mount.split('/').slice(0, -1);
  return wanted.every((part, index) => (part.startsWith(':') ? segments[index] : segments[index] === part));
}

function server(handler: RequestListener, { tls, protocols }: AppOptions): Server {
  const made = tls
    ? createSecureServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, handler)
    : createServer(handler);
  // who announces a body to a protocol and waits is answered only after rights were checked
  made.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (protocolOf(protocols, request.url ?? '')) markExpectsContinue(request);
    else response.writeContinue();
    handler(request as never, response as never);
  });
  endSilence(made as Server, SILENCE_MS);
  made.headersTimeout = 30_000;
  made.requestTimeout = 0;
  made.keepAliveTimeout = 65_000;
  made.maxHeadersCount = 200;
  return made as Server;
}

/** What Node's parser cannot read: answered in one line, and the connection is closed. */
function rejectConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const body = JSON.stringify({
    errors: [{ code: 'UNSUPPORTED', message: 'the request is not valid HTTP' }],
  });
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body);
}
