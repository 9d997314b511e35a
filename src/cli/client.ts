/** The management API over fetch: pages as they are asked for, commands that are safe to repeat, problems as errors. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './config.ts';
import { type Problem, Refused, Unreachable } from './errors.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Client {
  readonly url: string;
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>;
  /** Every item of a list; a page is fetched when its first item is asked for. @param most how many are wanted */
  items<T>(path: string, query?: Query, most?: number): AsyncGenerator<T, void>;
  /** A command: repeated on a broken connection under one Idempotency-Key, so that it happens once. */
  send<T>(method: Exclude<Method, 'GET'>, path: string, body?: unknown): Promise<T>;
}

export interface ClientOptions extends Connection {
  readonly userAgent: string;
  /** milliseconds before each repetition */
  readonly backoff?: readonly number[];
}

interface Request {
  readonly method: Method;
  readonly path: string;
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const BACKOFF = [200, 1000, 3000];
const MAX_PAGE = 1000;
const MAX_WAIT_SECONDS = 10;

export function createClient(options: ClientOptions): Client {
  const request = <T>(of: Request) => exchange<T>(options, of);
  const get = <T>(path: string, query?: Query, signal?: AbortSignal) =>
    request<T>({ method: 'GET', path, query, signal });
  return {
    url: options.url,
    get,
    send: (method, path, body) => request({ method, path, body }),
    async *items<T>(path: string, query: Query = {}, most = 100) {
      const limit = Math.max(1, Math.min(most, MAX_PAGE));
      let cursor: string | undefined;
      do {
        const page = await get<{ items: T[]; next?: string }>(path, { ...query, limit, cursor });
        yield* page.items;
        cursor = page.next;
      } while (cursor !== undefined);
    },
  };
}

/** Sends until there is an answer that stays: what broke off or comes from a busy server is sent again. */
async function exchange<T>(options: ClientOptions, request: Request): Promise<T> {
  const backoff = options.backoff ?? BACKOFF;
  const init = initOf(options, request);
  const url = `${options.url}/api/v1${request.path}${queryString(request.query)}`;
  for (let attempt = 0; ; attempt++) {
    const pause = backoff[attempt];
    const answer = await once(url, init).catch((error: unknown) => {
      if (request.signal?.aborted) throw error;
      if (pause === undefined || !brokeOff(error, attempt)) throw unreachable(options.url, error);
    });
    const wait = answer === undefined ? pause : busyFor(answer, pause);
    if (answer !== undefined && wait === undefined) return read<T>(options.url, answer);
    await sleep(wait);
  }
}

function initOf({ authorization, userAgent }: ClientOptions, { method, body, signal }: Request): RequestInit {
  return {
    method,
    // a token goes to the server that it is for, and nowhere else
    redirect: 'manual',
    headers: {
      accept: 'application/json',
      'user-agent': userAgent,
      ...(authorization === undefined ? {} : { authorization }),
      ...(method === 'GET' ? {} : { 'idempotency-key': randomUUID() }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  };
}

async function once(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function queryString(query: Query = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? '' : `?${given}`;
}

const NOBODY_THERE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const BROKEN_OFF = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT']);

/** Whether to send again. Nobody there counts only after somebody was: a server that restarts. */
function brokeOff(error: unknown, attempt: number): boolean {
  const code = causeOf(error).code ?? '';
  return BROKEN_OFF.has(code) || (attempt > 0 && NOBODY_THERE.has(code));
}

function causeOf(error: unknown): { code?: string; message: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  const cause = error.cause;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0];
  return cause instanceof Error ? cause : error;
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/;

function unreachable(url: string, error: unknown): Unreachable {
  const { code, message } = causeOf(error);
  if (code !== undefined && CERTIFICATE.test(code))
    return new Unreachable(
      `the certificate of ${url} is not trusted (${message}): name its authority in NODE_EXTRA_CA_CERTS`,
    );
  const hint =
    code === 'UND_ERR_HEADERS_TIMEOUT'
      ? 'it took too long to answer'
      : 'is it running, and is the address right?';
  return new Unreachable(`cannot reach ${url} (${message || code}): ${hint}`);
}

/** Milliseconds to wait for a server that says it is busy for a moment; undefined when its answer stays. */
function busyFor({ status, headers, text }: Answer, pause: number | undefined): number | undefined {
  if ((status !== 503 && status !== 429) || pause === undefined) return undefined;
  if (parse(text)?.code === 'INTERNAL') return undefined;
  const seconds = Number(headers.get('retry-after') ?? 0);
  if (status === 429 && seconds === 0) return undefined;
  return seconds > MAX_WAIT_SECONDS ? undefined : Math.max(pause, seconds * 1000);
}

function read<T>(url: string, { status, headers, text }: Answer): T {
  if (status >= 200 && status < 300) {
    if (text === '') return undefined as T;
    const body = parse(text);
    if (body !== undefined) return body as T;
  }
  const problem = parse(text);
  if (typeof problem?.code === 'string' && typeof problem.title === 'string')
    throw new Refused({ ...problem, status } as unknown as Problem);
  if (status >= 300 && status < 400)
    throw new Unreachable(
      `${url} sends us to ${headers.get('location')}: log in with the address of the server itself`,
    );
  throw new Unreachable(
    `${url} answered ${status} with something that Strongroom does not say: is it another server?`,
  );
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
