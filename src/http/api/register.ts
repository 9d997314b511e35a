/** Mounts the management API: validates with zod, answers repeated commands from their record, renders problems. */
import { createHmac } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Vault } from '../../access/vault.ts';
import type { Caller } from '../../application/caller.ts';
import type { Logger } from '../../application/core.ts';
import { isRefusal, refuse } from '../../domain/errors.ts';
import type { Identify } from '../identify.ts';
import type { Metrics } from '../metrics.ts';
import { problem } from '../problem.ts';
import { observe, toRefusal } from '../protocols.ts';
import { openApi } from './openapi.ts';
import type { AnyRoute, ApiContext } from './route.ts';

export interface ApiTools extends ApiContext {
  readonly routes: readonly AnyRoute[];
  readonly identify: Identify;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly vault: Pick<Vault, 'claimCommand' | 'completeCommand' | 'secret'>;
  readonly version: string;
}

/** How long a repeated command is answered from its record. */
const RECORD_MS = 24 * 3600 * 1000;

export function registerApi(app: FastifyInstance, given: ApiTools): void {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  const tools = { ...given, closing: closing.signal };
  for (const route of tools.routes)
    app.route({
      method: route.method,
      url: `/api/v1${route.path}`,
      handler: (request, reply) => answer(route, { request, reply, tools }),
    });
  const document = openApi(tools.routes, tools.version);
  app.get('/api/openapi.json', async () => document);
  app.setErrorHandler((error, request, reply) => {
    const correlationId = tools.identify.correlationId(request.raw);
    return send(reply, problem(foreign(error, tools, correlationId), correlationId), correlationId);
  });
  app.setNotFoundHandler((request, reply) => {
    const correlationId = tools.identify.correlationId(request.raw);
    return send(reply, problem(refuse('ROUTE_UNKNOWN'), correlationId), correlationId);
  });
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly tools: ApiTools & {
    /** the server stops: what waits for something to happen waits no longer */
    readonly closing: AbortSignal;
  };
}

async function answer(route: AnyRoute, exchange: Exchange): Promise<FastifyReply> {
  const { request, reply, tools } = exchange;
  const started = performance.now();
  const correlationId = tools.identify.correlationId(request.raw);
  let status: number = route.status ?? 200;
  try {
    const body = await perform(route, exchange, correlationId);
    reply.header('x-request-id', correlationId).header('cache-control', 'no-store').code(status);
    return body === undefined ? reply.send() : reply.type('application/json').send(body);
  } catch (error) {
    const told = problem(foreign(error, tools, correlationId), correlationId);
    status = told.status;
    return send(reply, told, correlationId);
  } finally {
    observe(tools, { protocol: 'api', method: request.method, status, started, correlationId });
  }
}

/** The body as text, or undefined when there is none. */
async function perform(route: AnyRoute, { request, reply, tools }: Exchange, correlationId: string) {
  const key = request.headers['idempotency-key'];
  const caller = await tools.identify.caller(request.raw, correlationId, {
    idempotencyKey: Array.isArray(key) ? key[0] : key,
  });
  // nobody's commands are refused all the same: strangers leave no record
  if (route.method === 'GET' || caller.commandId === undefined || caller.kind === 'anonymous')
    return run(route, { request, reply, tools }, caller);
  const text = JSON.stringify([request.method, request.url, request.body ?? null]);
  // keyed, since a body may hold a password
  const secret = await tools.vault.secret('command-fingerprint');
  const command = {
    key: caller.commandId,
    fingerprint: createHmac('sha256', secret).update(text).digest('hex'),
  };
  const expiresAt = tools.core.now().getTime() + RECORD_MS;
  const claim = await tools.vault.claimCommand(command, expiresAt);
  if (claim.state === 'done') return claim.reply.body === '' ? undefined : claim.reply.body;
  const body = await run(route, { request, reply, tools }, caller);
  const kept = body !== undefined && route.recorded ? JSON.stringify(route.recorded(JSON.parse(body))) : body;
  await tools.vault.completeCommand(command, { status: route.status ?? 200, body: kept ?? '' }, expiresAt);
  return body;
}

async function run(
  route: AnyRoute,
  { request, reply, tools }: Exchange,
  caller: Caller,
): Promise<string | undefined> {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const input = {
    caller,
    params: read(route.params, request.params, 'path'),
    query: read(route.query, request.query, 'query'),
    body: read(route.body, request.body ?? {}, 'body'),
    signal: AbortSignal.any([gone.signal, tools.closing]),
  };
  const result: unknown = await route.handle(input, tools);
  return result === undefined || route.status === 204 ? undefined : JSON.stringify(result);
}

function read(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${[where, ...path].join('.')}: ${message}`,
  );
  throw refuse('REQUEST_INVALID', { reason: problems.slice(0, 10).join('; ') });
}

/** Errors of the web framework (bad JSON, too large a body) in the words of the catalogue. */
function foreign(error: unknown, tools: ApiTools, correlationId: string) {
  if (!isRefusal(error) && error instanceof Error && 'statusCode' in error) {
    if (error.statusCode === 413) return refuse('CONTENT_TOO_LARGE', 'a request has at most 1 MiB');
    if (error.statusCode === 415)
      return refuse('REQUEST_INVALID', 'send JSON with content-type application/json');
    if (typeof error.statusCode === 'number' && error.statusCode < 500)
      return refuse('REQUEST_INVALID', error.message.slice(0, 200));
  }
  return toRefusal(error, tools.logger, correlationId);
}

function send(
  reply: FastifyReply,
  { status, headers, body }: ReturnType<typeof problem>,
  correlationId: string,
) {
  return reply.code(status).headers(headers).header('x-request-id', correlationId).send(body);
}
