import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/cli/client.ts';
import { Refused, Unreachable } from '../../src/cli/errors.ts';
import { cli, leaves, startFakeServer } from './support.ts';

type Answer = Parameters<typeof startFakeServer>[0];

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

async function fake(answer: Answer) {
  const server = await startFakeServer(answer);
  close = server.close;
  const options = { url: server.url, userAgent: 'test', backoff: [1, 1, 1] };
  return { ...server, client: createClient(options) };
}

const refusal = (code: string, status: number, more: object = {}) => ({
  status,
  json: { type: 'x', title: 'No', status, code, ...more },
});

/** Runs the command line against the fake, with nothing kept from anywhere else. */
const against = (url: string, args: readonly string[]) =>
  cli(args, {
    env: { STRONGROOM_URL: url, STRONGROOM_TOKEN: 'sr_test', STRONGROOM_CONFIG: '/nonexistent/x' },
  });

describe('paging', () => {
  it('fetches a page only when its first item is wanted', async () => {
    const { client, requests } = await fake(({ path }) =>
      path.includes('cursor') ? { json: { items: [3] } } : { json: { items: [1, 2], next: 'a+b/=' } },
    );
    const items = client.items<number>('/things', { project: 'x y' }, 7);
    expect(requests).toHaveLength(0);
    expect([(await items.next()).value, (await items.next()).value]).toEqual([1, 2]);
    expect(requests.map(({ path }) => path)).toEqual(['/things?project=x+y&limit=7']);
    expect((await items.next()).value).toBe(3);
    expect((await items.next()).done).toBe(true);
    expect(requests[1]?.path).toBe('/things?project=x+y&limit=7&cursor=a%2Bb%2F%3D');
  });

  it('goes over an empty page that is not the last', async () => {
    const { client } = await fake((_request, times) =>
      times === 1 ? { json: { items: [], next: 'n' } } : { json: { items: ['late'] } },
    );
    expect(await Array.fromAsync(client.items('/things'))).toEqual(['late']);
  });
});

describe('commands', () => {
  it('are repeated under one key when the connection breaks', async () => {
    const { client, requests } = await fake((_request, times) =>
      times < 3 ? 'break off' : { status: 201, json: { id: '1' } },
    );
    expect(await client.send('POST', '/things', { a: 1 })).toEqual({ id: '1' });
    const keys = requests.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(requests.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}', '{"a":1}']);
  });

  it('have a key of their own each', async () => {
    const { client, requests } = await fake(() => ({ status: 204 }));
    expect(await client.send('DELETE', '/things/1')).toBeUndefined();
    await client.send('DELETE', '/things/1');
    expect(requests[0]?.headers['idempotency-key']).not.toBe(requests[1]?.headers['idempotency-key']);
    expect(requests[0]?.headers['content-type']).toBeUndefined();
  });

  it('give up on a connection that breaks every time', async () => {
    const { client, requests } = await fake(() => 'break off');
    await expect(client.send('POST', '/things')).rejects.toThrow(Unreachable);
    expect(requests).toHaveLength(4);
  });
});

describe('answers', () => {
  it('become refusals with all the server told', async () => {
    const { client } = await fake(() => refusal('ARTIFACT_HELD', 403, { detail: 'why', holds: [1] }));
    const error = await client.get('/x').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Refused);
    expect((error as Refused).problem).toMatchObject({
      code: 'ARTIFACT_HELD',
      status: 403,
      detail: 'why',
      holds: [1],
    });
  });

  it('are waited for when the server is busy for a moment', async () => {
    const { client, requests } = await fake((_request, times) =>
      times === 1 ? refusal('VIEWS_BEHIND', 503) : { json: { ok: true } },
    );
    expect(await client.get('/x')).toEqual({ ok: true });
    expect(requests).toHaveLength(2);
  });

  it.each([
    ['INTERNAL', 503, {}],
    ['TOO_MANY_REQUESTS', 429, { 'retry-after': '900' }],
    ['NAME_TAKEN', 409, {}],
  ])('%s is not asked for again', async (code, status, headers) => {
    const { client, requests } = await fake(() => ({ ...refusal(code, status), headers }));
    await expect(client.send('POST', '/x')).rejects.toThrow(Refused);
    expect(requests).toHaveLength(1);
  });

  it('of another server are recognised', async () => {
    const { client } = await fake(() => ({ text: '<html>hello</html>' }));
    await expect(client.get('/x')).rejects.toThrow('is it another server?');
  });

  it('that lead elsewhere are not followed: a token stays with its server', async () => {
    const { client, requests } = await fake(() => ({
      status: 302,
      headers: { location: 'https://elsewhere/' },
    }));
    await expect(client.get('/x')).rejects.toThrow('sends us to https://elsewhere/');
    expect(requests).toHaveLength(1);
  });

  it('that never come end with 3, at once when nobody listens', async () => {
    const { code, stderr } = await against('http://127.0.0.1:1', ['project', 'list']);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringContaining('cannot reach http://127.0.0.1:1'),
    });
  });
});

describe('the examples of --help', () => {
  const here = new Set(['start', 'version', 'login', 'logout', 'backup', 'restore', 'verify', 'admin']);
  const remote = leaves().filter(({ path }) => !here.has(path[0] as string) && path[1] !== 'set-password');
  const words = (line: string) =>
    [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
      word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'),
    );

  it.each(remote.map(({ path }) => [path]))('%j can be given as it is', async path => {
    const { stdout } = await cli([...path, '--help']);
    const args = words(/\$ strongroom (.+)/.exec(stdout)?.[1] as string);
    const { url, requests } = await fake(() => refusal('UNAUTHENTICATED', 401));
    const { code, stderr } = await against(url, args);
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr: expect.stringMatching(/^UNAUTHENTICATED: No\n {2}what to do: log in/),
    });
    expect(requests).toHaveLength(1);
    expect(requests[0]?.headers.authorization).toBe('Bearer sr_test');
  });
});

describe('what is found different', () => {
  const decisions = ['a', 'b', 'c', 'd', 'e', 'f'].map(id => ({ id }));
  const replaying: Answer = ({ path }) => {
    if (path.startsWith('/decisions?')) return { json: { items: decisions } };
    const id = path.split('/')[2];
    return {
      json: { id, outcome: 'deny', identical: id !== 'c', differences: id === 'c' ? ['other bytes'] : [] },
    };
  };

  it('ends a replay of all with 1, after all were made again', async () => {
    const { url, requests } = await fake(replaying);
    const { code, stdout } = await against(url, ['decision', 'replay', '--all']);
    expect(code).toBe(1);
    expect(stdout).toBe('c: other bytes\n6 decisions made again: 5 the same byte for byte, 1 different\n');
    expect(requests).toHaveLength(7);
  });

  it('is in the JSON beside what is the same, in order', async () => {
    const { url } = await fake(replaying);
    const { code, stdout } = await against(url, ['decision', 'replay', '--all', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).map(({ id }: { id: string }) => id)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('ends a replay of one with 1, or with 0', async () => {
    const { url } = await fake(replaying);
    expect((await against(url, ['decision', 'replay', 'c'])).code).toBe(1);
    expect((await against(url, ['decision', 'replay', 'a'])).code).toBe(0);
  });

  it('ends doctor with 1 when the server is not ready', async () => {
    const views = { state: 'halted', position: '1', lag: { seconds: 0 } };
    const log = { id: 'l', epoch: 1, head: '1' };
    const found = {
      ready: false,
      checks: { log: 'ok', views: 'the views are halted' },
      log,
      views,
      jobs: { failures: {} },
    };
    const { url } = await fake(() => ({ json: found }));
    const { code, stdout } = await against(url, ['doctor']);
    expect(code).toBe(1);
    expect(stdout).toContain('the views are halted');
  });

  it('ends whoami with 4 when you are nobody', async () => {
    const { url } = await fake(() => ({ json: { id: 'anonymous', kind: 'anonymous', roles: [] } }));
    expect((await against(url, ['whoami'])).code).toBe(4);
  });
});

describe('tokens', () => {
  it('whose reply was lost are revoked, and another one is made', async () => {
    const { url, requests } = await fake(({ method }, times) => {
      if (method === 'DELETE') return { status: 204 };
      return {
        status: 201,
        json: times === 1 ? { id: 'lost', token: '' } : { id: 'new', token: 'sr_new_x' },
      };
    });
    const { stdout } = await against(url, ['token', 'create', '--expires-in', '1h', '--quiet']);
    expect(stdout).toBe('sr_new_x\n');
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /principals/me/tokens',
      'DELETE /principals/me/tokens/lost',
      'POST /principals/me/tokens',
    ]);
    const { expiresAt } = JSON.parse(requests[0]?.body as string);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(3_500_000);
  });
});

describe('following', () => {
  const event = (position: string) => ({
    position,
    stream: 's',
    revision: 0,
    type: 'T',
    recordedAt: '',
    meta: {},
  });

  it('goes on from its position after the server was away', async () => {
    const { url, requests } = await fake(({ path }, times) => {
      if (path.includes('after=head')) return { json: { items: [], next: '10', atHead: true } };
      if (times === 2) return { json: { items: [event('11')], next: '12', atHead: true } };
      // four attempts are one request's; then the command itself tries again
      if (times < 7) return 'break off';
      return { json: { items: [event('13')], next: '13', atHead: true } };
    });
    const { code, stdout, stderr } = await against(url, [
      'events',
      'tail',
      '--limit',
      '2',
      '--json',
      '--types',
      'T',
    ]);
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).position),
    ).toEqual(['11', '13']);
    expect(stderr).toContain('following after position 10');
    expect(stderr).toContain('trying again');
    expect(stderr).toContain('go on with --after 13');
    expect(requests.at(-1)?.path).toContain('after=12');
    expect(requests.at(-1)?.path).toContain('types=T');
  }, 20_000);

  it('ends with 3 when the server was never there', async () => {
    expect((await against('http://127.0.0.1:1', ['events', 'tail'])).code).toBe(3);
  });

  it('reads page after page up to the head', async () => {
    const { url } = await fake((_request, times) => ({
      json: { items: [event(`${times}`)], next: `${times}`, atHead: times === 3 },
    }));
    const { stdout, stderr } = await against(url, ['events', 'list', '--quiet']);
    expect(stdout).toBe('1\n2\n3\n');
    expect(stderr).toBe('');
  });
});
