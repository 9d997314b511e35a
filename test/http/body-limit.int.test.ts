/** A body that is too large is refused before the client is asked to send it. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, adminAt } from '../conformance/client.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const MIB = 1024 * 1024;

let registry: TestRegistry;
let admin: Actor;
beforeAll(async () => {
  registry = await startRegistry({ env: { STRONGROOM_MAX_BLOB_BYTES: String(MIB) } });
  admin = await adminAt(registry);
});
afterAll(() => registry?.stop());

/** Announces a body and waits to be asked for it. */
function announce(method: string, path: string, length: number): Promise<{ status: number; asked: boolean }> {
  return new Promise((done, failed) => {
    let asked = false;
    const sent = request(`${registry.url}${path}`, {
      method,
      headers: { authorization: admin.authorization ?? '', expect: '100-continue', 'content-length': length },
    });
    sent.on('continue', () => {
      asked = true;
      sent.destroy();
      done({ status: 100, asked });
    });
    sent.on('response', response => {
      response.resume();
      sent.destroy();
      done({ status: response.statusCode ?? 0, asked });
    });
    sent.on('error', error => (asked ? undefined : failed(error)));
    sent.flushHeaders();
  });
}

describe('a body that is announced', () => {
  it.each([
    ['PUT', '/pkg/main/generic/generic/a/1.0/file.bin'],
    ['PUT', '/pkg/main/maven/maven/g/a/1.0/a-1.0.jar'],
    ['PUT', '/pkg/main/go/go/upload'],
    ['POST', '/pkg/main/helm/helm/api/charts'],
  ])('is refused when it is too large: %s %s', async (method, path) => {
    expect(await announce(method, path, 100 * MIB)).toEqual({ status: 413, asked: false });
  });

  it.each([
    ['PUT', '/pkg/main/generic/generic/a/1.0/file.bin', MIB],
    ['PUT', '/pkg/main/maven/maven/g/a/1.0/a-1.0.jar', MIB],
    ['PUT', '/pkg/main/go/go/upload', MIB],
    ['POST', '/pkg/main/helm/helm/api/charts', MIB],
    ['POST', `/v2/main/oci/app/blobs/uploads/?digest=sha256:${'0'.repeat(64)}`, MIB],
  ])('that is a file by itself is no larger than a file: %s %s', async (method, path, limit) => {
    expect(await announce(method, path, limit + 1)).toEqual({ status: 413, asked: false });
    expect(await announce(method, path, limit)).toEqual({ status: 100, asked: true });
  });

  it('is asked for when it is not', async () => {
    expect(await announce('PUT', '/pkg/main/generic/generic/a/1.0/file.bin', 1000)).toEqual({
      status: 100,
      asked: true,
    });
  });

  it('is not taken beyond the limit of a file either', async () => {
    const path = '/pkg/main/generic/generic/a/1.0/file.bin';
    const answer = await admin.ask('PUT', path, { body: Buffer.alloc(MIB + 1) });
    expect([answer.status, answer.text]).toEqual([413, expect.stringContaining('at most 1048576 bytes')]);
    expect((await admin.ask('GET', path)).status).toBe(404);
  });
});
