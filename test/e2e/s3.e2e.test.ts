/** A stock client against a server whose bytes are in S3. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Clients, closure, makeImage, openClients, PLAIN, readBlob } from '../support/clients.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { describeWith } from '../support/services.ts';

describeWith(['s3', 'skopeo'], 'skopeo, with blobs in S3', () => {
  let s3: TestS3;
  let registry: TestRegistry;
  let clients: Clients;
  let env: Record<string, string>;

  beforeAll(async () => {
    s3 = await startS3();
    env = { ...s3.env, STRONGROOM_BLOBS_URL: s3.place() };
    registry = await startRegistry({ env });
    clients = openClients(registry);
    clients.authenticate('admin', registry.adminPassword);
  });
  afterAll(async () => {
    clients?.close();
    await registry?.stop();
    await s3?.stop();
  });

  test('pushes and pulls an image, byte for byte, also after a restart', async () => {
    const image = `docker://${clients.ref('main/oci/app')}:1`;
    const layout = makeImage(join(clients.home, 'layout'));
    const run = async (...args: string[]) => {
      const ran = await clients.skopeo(['copy', ...args]);
      expect(ran, `${ran.stderr}\n${registry.output()}`).toMatchObject({ code: 0 });
    };
    await run(PLAIN.to, `oci:${layout.dir}:${layout.tag}`, image);
    const { data, port } = registry;
    await registry.stop({ keep: true });
    registry = await startRegistry({ data, env: { ...env, STRONGROOM_PORT: String(port) } });
    const back = join(clients.home, 'back');
    await run(PLAIN.from, image, `oci:${back}:1`);
    for (const digest of closure(layout.dir, layout.descriptor.digest))
      expect(readBlob(back, digest).equals(readBlob(layout.dir, digest)), digest).toBe(true);
  });
});
