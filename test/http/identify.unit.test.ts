import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Authenticator } from '../../src/access/authenticate.ts';
import { refuse } from '../../src/domain/errors.ts';
import { createIdentify } from '../../src/http/identify.ts';
import { caller } from '../application/support.ts';

type Asked = Parameters<Authenticator['authenticate']>[0];

/** Identification whose authenticator and consistency write down what happens, in order. */
function identify(more: { trustedProxies?: string[]; secure?: boolean; settle?: () => Promise<void> } = {}) {
  const asked: Asked[] = [];
  const order: string[] = [];
  const authenticator = {
    authenticate: async (credentials: Asked) => {
      order.push('authenticate');
      asked.push(credentials);
      return caller('ada');
    },
  } as unknown as Authenticator;
  const consistency = {
    settle: async () => {
      order.push('settle');
      await more.settle?.();
    },
    wait: async () => undefined,
  };
  const { trustedProxies = [], secure = false } = more;
  return { ...createIdentify({ authenticator, consistency, trustedProxies, secure }), asked, order };
}

const request = (headers: IncomingHttpHeaders, remoteAddress: string | undefined = '203.0.113.9') =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;

const PROXY = '10.0.0.1';
const behind = { trustedProxies: ['10.0.0.0/8', 'fd00::/8'] };

/** The address that the throttle sees. */
async function addressOf(
  headers: IncomingHttpHeaders,
  remote: string,
  trustedProxies = behind.trustedProxies,
) {
  const { caller: identified, asked } = identify({ trustedProxies });
  await identified(request(headers, remote), 'request-1');
  return asked[0]?.address;
}

describe('the address of a client', () => {
  it('is that of the connection', async () => {
    expect(await addressOf({}, '203.0.113.9', [])).toBe('203.0.113.9');
    expect(await addressOf({}, PROXY)).toBe(PROXY);
  });

  it('is what a trusted proxy says', async () => {
    expect(await addressOf({ 'x-forwarded-for': '198.51.100.7' }, PROXY)).toBe('198.51.100.7');
    expect(await addressOf({ 'x-forwarded-for': '2001:db8::7' }, 'fd00::1')).toBe('2001:db8::7');
  });

  it('is not what anybody else says', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7' };
    expect(await addressOf(headers, '203.0.113.9')).toBe('203.0.113.9');
    expect(await addressOf(headers, PROXY, [])).toBe(PROXY);
    expect(await addressOf(headers, '2001:db8::1')).toBe('2001:db8::1');
  });

  it('is the nearest that is no proxy of ours: what a client wrote before it is not believed', async () => {
    expect(await addressOf({ 'x-forwarded-for': '1.2.3.4, 198.51.100.7, 10.9.9.9' }, PROXY)).toBe(
      '198.51.100.7',
    );
  });

  it('is not looked for behind a hop that cannot be read', async () => {
    for (const nearest of ['unknown', '198.51.100.7:4711', '_hidden', ''])
      expect(await addressOf({ 'x-forwarded-for': `1.2.3.4, ${nearest}` }, PROXY)).toBe(PROXY);
  });

  it('is that of the proxy when all hops are ours or none is named', async () => {
    expect(await addressOf({ 'x-forwarded-for': '10.1.1.1, 10.2.2.2' }, PROXY)).toBe(PROXY);
    expect(await addressOf({ 'x-forwarded-for': '' }, PROXY)).toBe(PROXY);
  });

  it('is known when IPv4 arrives on a socket of IPv6', async () => {
    expect(await addressOf({ 'x-forwarded-for': '198.51.100.7' }, `::ffff:${PROXY}`)).toBe('198.51.100.7');
  });

  it('is empty, and behind no proxy, when the client has gone', async () => {
    const { caller: identified, asked, origin } = identify(behind);
    const gone = { headers: { 'x-forwarded-host': 'evil' }, socket: {} } as unknown as IncomingMessage;
    await identified(gone, 'request-1');
    expect([asked[0]?.address, origin(gone)]).toEqual(['', 'http://localhost']);
  });
});

describe('the origin', () => {
  it('is what the client asked for', () => {
    expect(identify().origin(request({ host: 'localhost:8080' }))).toBe('http://localhost:8080');
    expect(identify({ secure: true }).origin(request({ host: '[::1]:8443' }))).toBe('https://[::1]:8443');
  });

  it('is what a trusted proxy was asked for', () => {
    const headers = {
      host: 'strongroom:8080',
      'x-forwarded-proto': 'https, http',
      'x-forwarded-host': 'Registry.Example.org, inner',
    };
    expect(identify(behind).origin(request(headers, PROXY))).toBe('https://registry.example.org');
    expect(identify(behind).origin(request({ host: 'a', 'x-forwarded-proto': 'https' }, PROXY))).toBe(
      'https://a',
    );
  });

  it('is not what anybody else says', () => {
    const headers = { host: 'a:1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example.org' };
    expect(identify(behind).origin(request(headers))).toBe('http://a:1');
    expect(identify().origin(request(headers, PROXY))).toBe('http://a:1');
  });

  it('is nothing that a header or a document must not carry', () => {
    for (const host of ['a"b', 'a b', 'a/b', 'a\r\nx: y', '<a>', 'a@b', '', 'x'.repeat(256)])
      expect(identify().origin(request({ host }))).toBe('http://localhost');
    expect(identify().origin(request({}))).toBe('http://localhost');
    const proto = { host: 'a', 'x-forwarded-proto': 'javascript' };
    expect(identify(behind).origin(request(proto, PROXY))).toBe('http://a');
  });
});

describe('the caller', () => {
  it('is asked for when the views have settled, so that what was revoked binds', async () => {
    const { caller: identified, order } = identify();
    await identified(request({}), 'request-1');
    expect(order).toEqual(['settle', 'authenticate']);
  });

  it('is not asked for when the views do not settle', async () => {
    const failing = identify({ settle: () => Promise.reject(refuse('VIEWS_BEHIND')) });
    await expect(failing.caller(request({}), 'request-1')).rejects.toMatchObject({ code: 'VIEWS_BEHIND' });
    expect(failing.asked).toEqual([]);
  });

  it('is found by what the request carries', async () => {
    const { caller: identified, asked } = identify();
    await identified(request({ authorization: 'Basic x' }), 'request-1', { idempotencyKey: 'key-1' });
    await identified(request({}), 'request-2');
    expect(asked).toEqual([
      {
        authorization: 'Basic x',
        address: '203.0.113.9',
        correlationId: 'request-1',
        idempotencyKey: 'key-1',
      },
      {
        authorization: undefined,
        address: '203.0.113.9',
        correlationId: 'request-2',
        idempotencyKey: undefined,
      },
    ]);
  });
});

describe('the correlation id', () => {
  it('is the client’s when it is one', () => {
    const given = '0f8fad5b-d9cb-469f-a165-70867728950e';
    expect(identify().correlationId(request({ 'x-request-id': given }))).toBe(given);
  });

  it('is a new one otherwise, each time', () => {
    const { correlationId } = identify();
    for (const given of [
      undefined,
      '',
      'short',
      'x'.repeat(65),
      'a b c d e f',
      'drop\ntable',
      '{"a":1,"b":2}',
    ])
      expect(correlationId(request({ 'x-request-id': given }))).toMatch(/^[0-9a-f-]{36}$/);
    expect(correlationId(request({}))).not.toBe(correlationId(request({})));
  });
});
