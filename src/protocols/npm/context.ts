/** What a handler of this format is given, and the few replies that all of them make. */
import type { Asked } from '../../application/registry.ts';
import { refuse } from '../../domain/errors.ts';
import type { Json } from '../../domain/values/json.ts';
import type { ProtocolReply } from '../protocol.ts';
import type { Context } from '../shared/content.ts';
import { JsonProblem, readJson } from '../shared/json.ts';
import type { Links } from './packument.ts';

/** A request to a repository that the caller may use. */
export interface Npm extends Context {
  readonly asked: Asked;
  readonly links: Links;
}

export function json(value: Json, status = 200): ProtocolReply {
  const body = JSON.stringify(value);
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
  };
  return { status, headers, body };
}

export const done = (status = 200): ProtocolReply => json({ ok: true }, status);

/** A small JSON body. @throws REQUEST_INVALID, CONTENT_TOO_LARGE */
export async function smallJson({ request }: Pick<Context, 'request'>, max = 64 * 1024): Promise<Json> {
  return parseJson(await request.bytes(max));
}

/** @throws REQUEST_INVALID */
export function parseJson(bytes: Uint8Array): Json {
  try {
    return readJson(bytes, { depth: 32, values: 200_000 });
  } catch (error) {
    if (error instanceof JsonProblem)
      throw refuse('REQUEST_INVALID', `the body is not acceptable: ${error.message}`);
    throw error;
  }
}
