/** Large downloads share the memory that they are read into: nobody may get another's bytes, whoever hangs up. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ADMIN_PASSWORD, startRegistry, type TestRegistry } from '../support/registry.ts';

const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`;
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
// clients that were cut off keep connections open, for which a graceful end would wait
afterAll(() => registry.stop({ signal: 'SIGKILL' }));

async function push(bytes: Buffer): Promise<string> {
  const digest = digestOf(bytes);
  const url = `${registry.url}/v2/main/oci/app/blobs/uploads/?digest=${digest}`;
  const response = await fetch(url, { method: 'POST', headers: { authorization }, body: bytes });
  expect(response.status).toBe(201);
  return digest;
}

it('gives everybody their own bytes while others hang up in the middle', async () => {
  const digests = await Promise.all([5, 6, 7].map(mb => push(randomBytes(mb * 1_000_000 + mb))));
  const get = (digest: string, signal?: AbortSignal) =>
    fetch(`${registry.url}/v2/main/oci/app/blobs/${digest}`, {
      headers: { authorization },
      ...(signal ? { signal } : {}),
    });
  const whole = async (digest: string) =>
    digestOf(Buffer.from(await (await get(digest)).arrayBuffer())) === digest;
  const hangUp = async (digest: string) => {
    const stop = new AbortController();
    const reader = (await get(digest, stop.signal)).body!.getReader();
    await reader.read();
    stop.abort();
    return true;
  };
  for (let round = 0; round < 5; round++) {
    const pulls = digests.flatMap(digest => [whole(digest), hangUp(digest), whole(digest)]);
    expect(await Promise.all(pulls)).toEqual(pulls.map(() => true));
  }
});
