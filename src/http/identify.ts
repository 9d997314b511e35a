/** Who makes a request, and as what origin the client sees this server. Views are settled first, so that a revoked right binds. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Authenticator } from '../access/authenticate.ts';
import type { Caller } from '../application/caller.ts';
import type { Consistency } from '../application/consistency.ts';

export interface Identify {
  correlationId(request: IncomingMessage): string;
  origin(request: IncomingMessage): string;
  /** @param more an Idempotency-Key, and credentials that stand for the `Authorization` header */
  caller(
    request: IncomingMessage,
    correlationId: string,
    more?: { readonly idempotencyKey?: string | undefined; readonly authorization?: string | undefined },
  ): Promise<Caller>;
}

interface Tools {
  readonly authenticator: Authenticator;
  readonly consistency: Consistency;
  readonly trustedProxies: readonly string[];
  readonly secure: boolean;
}

export function createIdentify({ authenticator, consistency, trustedProxies, secure }: Tools): Identify {
  const trusted = proxies(trustedProxies);

  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  const behindProxy = (request: IncomingMessage) => isTrusted(request.socket.remoteAddress ?? '');
  /** The nearest address that is not one of ours. What lies behind a hop that is no address is not believed. */
  const address = (request: IncomingMessage): string => {
    const direct = request.socket.remoteAddress ?? '';
    if (!behindProxy(request)) return direct;
    const hops = String(request.headers['x-forwarded-for'] ?? '').split(',');
    const foreign = hops
      .map(text => text.trim())
      .reverse()
      .find(hop => !isTrusted(hop));
    return foreign !== undefined && isIP(foreign) !== 0 ? foreign : direct;
  };

  return {
    correlationId(request) {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : randomUUID();
    },
    origin(request) {
      const { proto, host = request.headers.host ?? 'localhost' } = behindProxy(request)
        ? forwarded(request)
        : {};
      const own = secure ? 'https' : 'http';
      const scheme = proto === 'https' || proto === 'http' ? proto : own;
      // the host goes into a header and a JSON document: only what a host may consist of
      return `${scheme}://${/^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost'}`;
    },
    async caller(request, correlationId, { idempotencyKey, authorization } = {}) {
      await consistency.settle();
      return authenticator.authenticate({
        authorization: authorization ?? request.headers.authorization,
        address: address(request),
        correlationId,
        idempotencyKey,
      });
    },
  };
}

const forwarded = ({
  headers,
}: IncomingMessage): { proto?: string | undefined; host?: string | undefined } => ({
  proto: first(headers['x-forwarded-proto']),
  host: first(headers['x-forwarded-host']),
});

const first = (value: string | string[] | undefined) =>
  (Array.isArray(value) ? value[0] : value)?.split(',')[0]?.trim().toLowerCase();

function proxies(list: readonly string[]): BlockList {
  const trusted = new BlockList();
  for (const entry of list) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  return trusted;
}
