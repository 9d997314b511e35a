/** Mounts the protocols: one wildcard for each, the raw path, and the protocol's own errors for everything. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../application/caller.ts';
import type { Logger } from '../application/core.ts';
import type { Registry } from '../application/registry.ts';
import { refuse, StrongroomError } from '../domain/errors.ts';
import type { Protocol, ProtocolReply } from '../protocols/protocol.ts';
import type { Identify } from './identify.ts';
import { readAway } from './linger.ts';
import type { Metrics } from './metrics.ts';
import { expectsContinue, toProtocolRequest } from './request.ts';
import { respond } from './respond.ts';

export interface ProtocolTools {
  /** largest file that is taken, bytes; bodies may be larger by what their encoding adds */
  readonly maxFileBytes: number;
  readonly registry: Registry;
  readonly identify: Identify;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** What base64 makes of a file, and room for what stands around it in a form or a document. */
const ENCODED = 4 / 3;
const ENVELOPE = 32 * 1024 * 1024;

const STRANGER: Caller = {
  id: 'anonymous',
  kind: 'anonymous',
  authentication: 'anonymous',
  correlationId: '',
};

/** Answers one request of a protocol, whatever happens. */
export async function answer(
  protocol: Protocol,
  raw: { request: IncomingMessage; response: ServerResponse },
  tools: ProtocolTools,
): Promise<void> {
  const started = performance.now();
  const correlationId = tools.identify.correlationId(raw.request);
  const reply = await reckon(protocol, raw, { tools, correlationId });
  const linger = closeUnread(raw) ? () => readAway(raw.request, LINGER) : undefined;
  try {
    await respond(raw.response, reply, { correlationId, linger });
  } catch (error) {
    tools.logger.warn({ correlationId, error: String(error) }, 'a reply was cut short');
  }
  const { method = '' } = raw.request;
  observe(tools, { protocol: protocol.format, method, status: reply.status, started, correlationId });
}

async function reckon(
  protocol: Protocol,
  raw: { request: IncomingMessage; response: ServerResponse },
  { tools, correlationId }: { tools: ProtocolTools; correlationId: string },
): Promise<ProtocolReply> {
  const origin = tools.identify.origin(raw.request);
  const authenticate = (authorization: string) =>
    tools.identify.caller(raw.request, correlationId, { authorization });
  const { maxFileBytes: maxFile } = tools;
  const facts = { origin, authenticate, maxFile, maxBody: maxFile * ENCODED + ENVELOPE };
  let request = toProtocolRequest(raw, { caller: { ...STRANGER, correlationId }, ...facts });
  try {
    const authorization = protocol.authorization?.(raw.request.headers);
    const caller = await tools.identify.caller(
      raw.request,
      correlationId,
      authorization === undefined ? {} : { authorization },
    );
    request = toProtocolRequest(raw, { caller, ...facts });
    return await protocol.handle(request, tools.registry);
  } catch (error) {
    return protocol.refuse(toRefusal(error, tools.logger, correlationId), request);
  }
}

export interface Answered {
  readonly protocol: string;
  readonly method: string;
  readonly status: number;
  /** performance.now() */
  readonly started: number;
  readonly correlationId: string;
}

/** Counts and logs an answered request: changes and refusals at `info`, reads at `debug`. Paths stay out of the log. */
export function observe(
  { metrics, logger }: Pick<ProtocolTools, 'metrics' | 'logger'>,
  { protocol, method, status, started, correlationId }: Answered,
): void {
  const seconds = (performance.now() - started) / 1000;
  metrics.request({ protocol, method, status, seconds });
  const reads = method === 'GET' || method === 'HEAD';
  const line = { correlationId, protocol, method, status, ms: Math.round(seconds * 1000) };
  if (reads && status < 400) logger.debug(line, 'request');
  else logger.info(line, 'request');
}

/** Anything unforeseen is logged whole and told as INTERNAL. */
export function toRefusal(error: unknown, logger: Logger, correlationId: string): StrongroomError {
  if (error instanceof StrongroomError) {
    if (error.kind === 'unavailable')
      logger.error({ correlationId, code: error.code, cause: String(error.cause ?? '') }, error.message);
    return error;
  }
  logger.error(
    { correlationId, error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
    'unforeseen',
  );
  return refuse('INTERNAL', { correlationId });
}

const LINGER = { totalMs: 30_000, silenceMs: 2000 };

/**
 * A refused body is not read to its end: more than a little of it, and the connection is closed after the reply.
 * @returns whether the client may be sending already: then it must be let finish to see the reply
 */
function closeUnread({ request, response }: { request: IncomingMessage; response: ServerResponse }): boolean {
  if (request.complete || response.headersSent || request.readableEnded) return false;
  const announced = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  const bodyless =
    request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined;
  if (bodyless || announced <= 64 * 1024) return false;
  response.setHeader('connection', 'close');
  return !expectsContinue(request);
}
