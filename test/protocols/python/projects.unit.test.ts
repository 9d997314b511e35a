/** The list of all projects, over a registry that has many. */
import { describe, expect, it } from 'vitest';
import type { PackageName, Registry } from '../../../src/application/registry.ts';
import type { ProtocolRequest } from '../../../src/protocols/protocol.ts';
import { serve } from '../../../src/protocols/python/serve.ts';

const names = Array.from({ length: 2500 }, (_, index) => `p${String(index).padStart(5, '0')}`);

/** Pages by name, as the registry does. */
const registry = (all: readonly string[]) =>
  ({
    repository: async () => ({}),
    async search(_asked: unknown, { after = '', limit }: { after?: string; limit: number }) {
      const following = all.filter(name => name > after);
      const items = following.slice(0, limit).map(name => ({ name }) as PackageName);
      return { items, more: following.length > limit };
    },
    async document(_asked: unknown, _of: unknown, build: () => Promise<Uint8Array>) {
      return { bytes: await build(), etag: '"x"' };
    },
  }) as unknown as Registry;

async function listed(all: readonly string[], accept: string): Promise<string> {
  const request = { method: 'GET', path: '/pkg/main/python/python/simple/', query: '', headers: { accept } };
  const { status, body } = await serve(request as unknown as ProtocolRequest, registry(all));
  expect(status).toBe(200);
  return Buffer.from(body as Uint8Array).toString();
}

describe('all projects', () => {
  it.each([0, 1, 999, 1000, 1001, 2500])('%d of them, each once and in order', async count => {
    const some = names.slice(0, count);
    const json = JSON.parse(await listed(some, 'application/vnd.pypi.simple.v1+json'));
    expect(json).toEqual({ meta: { 'api-version': '1.4' }, projects: some.map(name => ({ name })) });
    const html = await listed(some, 'text/html');
    expect([...html.matchAll(/<a href="([^"]+)\/">/g)].map(([, name]) => name)).toEqual(some);
  });
});
