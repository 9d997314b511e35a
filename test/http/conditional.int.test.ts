/** Conditional requests, and the catalogue, on a real server: what is held is refused, also to whoever has a copy. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Actor, adminAt, jsonOf } from '../conformance/client.ts';
import { base, image, type Manifest, pushImage } from '../conformance/oci-images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const MAIN = { project: 'main', repository: 'oci' };

let registry: TestRegistry;
let admin: Actor;
let manifest: Manifest;
let paths: string[];
beforeAll(async () => {
  registry = await startRegistry();
  admin = await adminAt(registry);
  manifest = image();
  for (const name of ['app', 'other'])
    await pushImage(admin, { place: MAIN, name, reference: 'v1' }, name === 'app' ? manifest : image());
  const layer = manifest.blobs.at(-1)?.digest;
  paths = [`manifests/v1`, `manifests/${manifest.digest}`, `blobs/${layer}`].map(
    path => `${base(MAIN, 'app')}/${path}`,
  );
});
afterAll(() => registry.stop());

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  admin.ask(method, path, { headers });

it('answers 304 without a body to who has the content, and the content to who has another', async () => {
  for (const path of paths) {
    const etag = (await ask(path)).headers.get('etag') ?? '';
    const known = await ask(path, { 'if-none-match': `"x", W/${etag}` });
    expect([known.status, known.body.length, known.headers.get('etag')]).toEqual([304, 0, etag]);
    expect((await ask(path, { 'if-none-match': '"sha256:other"' })).status).toBe(200);
  }
});

it('gives a part only of what the client began with', async () => {
  const blob = paths[2] ?? '';
  const { body, headers } = await ask(blob);
  const range = 'bytes=1-3';
  const same = await ask(blob, { range, 'if-range': headers.get('etag') ?? '' });
  expect([same.status, same.body]).toEqual([206, body.subarray(1, 4)]);
  const changed = await ask(blob, { range, 'if-range': '"sha256:other"' });
  expect([changed.status, changed.body]).toEqual([200, body]);
});

it('refuses what is held, also to who has it, and leaves its name out of the catalogue', async () => {
  const names = async () => jsonOf<{ repositories: string[] }>(await ask('/v2/_catalog')).repositories;
  const etags = await Promise.all(paths.map(async path => (await ask(path)).headers.get('etag') ?? ''));
  expect(await names()).toEqual(['main/oci/app', 'main/oci/other']);
  const about = { project: 'main', repository: 'oci', package: 'app', version: manifest.digest };
  const { id } = jsonOf<{ id: string }>(await admin.api('POST', '/holds', { ...about, reason: 'bad' }));
  for (const [at, path] of paths.entries())
    expect((await ask(path, { 'if-none-match': etags[at] ?? '' })).status).toBe(403);
  expect(await names()).toEqual(['main/oci/other']);
  await admin.api('POST', `/holds/${id}/release`, {});
  expect(await names()).toEqual(['main/oci/app', 'main/oci/other']);
});
