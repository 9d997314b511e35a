/** Speaks HTTP to a registry under test as somebody: the management API and whatever a protocol needs. */
import type { TestRegistry } from '../support/registry.ts';

/** The registry under test, in a process of its own or in this one. */
export type Target = Pick<TestRegistry, 'url' | 'adminPassword' | 'api'>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly text: string;
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** Somebody with (or, for `anonymous`, without) credentials. */
export interface Actor {
  readonly name: string;
  /** principal id; `anonymous` for nobody */
  readonly id: string;
  /** what goes into the Authorization header, if anything does */
  readonly authorization: string | undefined;
  /** Any request; redirects are not followed. */
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** The management API with a JSON body. */
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
}

export const basic = (name: string, password: string) =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

export function actor(url: string, who: { name: string; id: string; authorization?: string }): Actor {
  const { authorization } = who;
  const ask = async (
    method: string,
    path: string,
    { headers = {}, body }: AskOptions = {},
  ): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...(authorization ? { authorization } : {}), ...headers },
      ...(body === undefined ? {} : { body: body }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, body: bytes, text: bytes.toString('utf8') };
  };
  return {
    name: who.name,
    id: who.id,
    authorization,
    ask,
    api: (method, path, body, headers = {}) =>
      ask(method, `/api/v1${path}`, {
        headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
}

export const anonymousAt = (url: string) => actor(url, { name: 'anonymous', id: 'anonymous' });

export async function adminAt(registry: Target): Promise<Actor> {
  const authorization = basic('admin', registry.adminPassword);
  const { id } = await registry.api<{ id: string }>('GET', '/whoami');
  return actor(registry.url, { name: 'admin', id, authorization });
}

export interface Granted {
  readonly role: string;
  readonly project?: string;
  readonly repository?: string;
}

let made = 0;

/** Makes a user with these roles; the password is proved once and then kept as a token, which costs less. */
export async function person(registry: Target, name: string, roles: readonly Granted[]): Promise<Actor> {
  const unique = `${name}-${++made}`;
  const { id } = await registry.api<{ id: string }>('POST', '/principals', {
    name: unique,
    password: `password of ${unique}`,
  });
  for (const role of roles) await registry.api('POST', '/grants', { ...role, principal: id });
  const { token } = await registry.api<{ token: string }>('POST', `/principals/${id}/tokens`, {
    label: 'test',
  });
  return actor(registry.url, { name: unique, id, authorization: basic(unique, token) });
}

/** An administrator, who may push to the project `main`, who may only read it, and somebody unknown. */
export async function castAt(registry: Target): Promise<[Actor, Actor, Actor, Actor]> {
  const admin = await adminAt(registry);
  const pusher = await person(registry, 'pusher', [{ role: 'contributor', project: 'main' }]);
  const viewer = await person(registry, 'viewer', [{ role: 'viewer', project: 'main' }]);
  return [admin, pusher, viewer, anonymousAt(registry.url)];
}

/** An event as the API shows it. */
export interface ShownEvent {
  readonly position: string;
  readonly stream: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly meta: Readonly<Record<string, unknown>> & {
    readonly actor: string;
    readonly commandId: string;
    readonly decision?: { readonly outcome: string };
  };
}

export async function head(registry: Target): Promise<string> {
  return (await registry.api<{ next: string }>('GET', '/events?after=head&limit=1')).next;
}

/** Everything after a position, in order. */
export async function eventsAfter(registry: Target, position: string): Promise<ShownEvent[]> {
  const events: ShownEvent[] = [];
  for (let after = position; ; ) {
    const page = await registry.api<{ items: ShownEvent[]; next: string; atHead: boolean }>(
      'GET',
      `/events?after=${after}&limit=1000`,
    );
    events.push(...page.items);
    if (page.atHead || page.items.length === 0) return events;
    after = page.next;
  }
}

/** Denials are events, too; what a refused request must not have changed is everything else. */
export const changes = (events: readonly ShownEvent[]) =>
  events.filter(({ type }) => type !== 'RequestsDenied');

/** The answer's JSON. */
export const jsonOf = <T = Record<string, unknown>>(answer: Answer): T => JSON.parse(answer.text) as T;
