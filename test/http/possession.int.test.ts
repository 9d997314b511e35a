/** Knowing a digest is not possession: what is named in one repository opens no bytes of another. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Actor, person } from '../conformance/client.ts';
import { image, pushBlob } from '../conformance/oci-images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { randomBlob, tokenOf, withToken } from '../system/support.ts';

const SECRET = { project: 'secret', repository: 'images' };
const OWN = { project: 'main', repository: 'oci' };
const FOREIGN = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';

let registry: TestRegistry;
let pusher: Actor;
let admin: Actor;
beforeAll(async () => {
  registry = await startRegistry();
  admin = withToken(registry.url, await tokenOf(registry));
  await registry.api('POST', '/projects', { name: SECRET.project });
  await registry.api('POST', `/projects/${SECRET.project}/repositories`, {
    name: SECRET.repository,
    format: 'oci',
  });
  pusher = await person(registry, 'pusher', [{ role: 'contributor', project: 'main', repository: 'oci' }]);
});
afterAll(() => registry?.stop());

it('a foreign layer gives out its bytes only once they were brought here', async () => {
  const secret = randomBlob(2000);
  expect((await pushBlob(admin, SECRET, 'app', secret)).status).toBe(201);
  const thief = image({ layers: [{ ...secret, mediaType: FOREIGN }] });
  for (const blob of thief.blobs)
    if (blob.digest !== secret.digest) expect((await pushBlob(pusher, OWN, 'app', blob)).status).toBe(201);
  const put = await pusher.ask('PUT', '/v2/main/oci/app/manifests/latest', {
    headers: { 'content-type': thief.mediaType },
    body: thief.bytes,
  });
  expect(put.status, put.text).toBe(201);
  const get = () => pusher.ask('GET', `/v2/main/oci/app/blobs/${secret.digest}`);
  expect((await get()).status).toBe(404);
  expect((await pushBlob(pusher, OWN, 'app', secret)).status).toBe(201);
  expect((await get()).body).toEqual(secret.bytes);
});
