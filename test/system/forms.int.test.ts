/** The server form: several processes over PostgreSQL and Redis, and the cluster form's log beside it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startKurrentDouble } from '../support/kurrentdb-double.ts';
import { makeImage, readBlob } from '../support/oci-layout.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { describeWith } from '../support/services.ts';

const IMAGE = 'main/oci/app';

/** Pushes a small random image; gives the manifest's digest and bytes. */
async function push(registry: TestRegistry, tag: string): Promise<{ digest: string; bytes: Buffer }> {
  const dir = await mkdtemp(join(tmpdir(), 'strongroom-image-'));
  try {
    const image = makeImage(dir, { tag });
    for (const part of image.parts) {
      const url = `${registry.url}/v2/${IMAGE}/blobs/uploads/?digest=${part.digest}`;
      const body = readBlob(dir, part.digest);
      expect(
        (await fetch(url, { method: 'POST', headers: basic(registry), body: new Uint8Array(body) })).status,
      ).toBe(201);
    }
    const headers = { ...basic(registry), 'content-type': image.descriptor.mediaType };
    const url = `${registry.url}/v2/${IMAGE}/manifests/${tag}`;
    const put = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(image.bytes) });
    expect(put.status, await put.text()).toBe(201);
    return { digest: image.descriptor.digest, bytes: image.bytes };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const basic = ({ adminPassword }: TestRegistry) => ({
  authorization: `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`,
});

const pull = (registry: TestRegistry, reference: string) =>
  fetch(`${registry.url}/v2/${IMAGE}/manifests/${reference}`, { headers: basic(registry) });

describeWith(['postgres', 'redis'], 'the server form', () => {
  let postgres: TestPostgres;
  let redis: TestRedis;
  let data: string;
  let one: TestRegistry;
  let two: TestRegistry;

  beforeAll(async () => {
    postgres = (await startPostgres()) as TestPostgres;
    redis = (await startRedis()) as TestRedis;
    data = await mkdtemp(join(tmpdir(), 'strongroom-server-'));
    const env = {
      STRONGROOM_EVENTLOG_URL: await postgres.database(),
      STRONGROOM_REDIS_URL: redis.url,
      STRONGROOM_MAX_STALENESS_SECONDS: '2',
    };
    one = await startRegistry({ data, env: { ...env, STRONGROOM_ROLE: 'app' } });
    two = await startRegistry({ data, env: { ...env, STRONGROOM_ROLE: 'all' } });
  });
  afterAll(async () => {
    await one?.stop({ keep: true });
    await two?.stop({ keep: true });
    await redis?.stop();
    await postgres?.stop();
    await rm(data, { recursive: true, force: true });
  });

  it('what one process acknowledged, the other serves at once', async () => {
    for (let round = 0; round < 10; round++) {
      const [to, from] = round % 2 ? [one, two] : [two, one];
      const { digest, bytes } = await push(to, `v${round}`);
      const answer = await pull(from, `v${round}`);
      expect(answer.status, from.output()).toBe(200);
      expect(answer.headers.get('docker-content-digest')).toBe(digest);
      expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    }
  });

  it('a hold acknowledged by one process binds in the other at once, and so does its release', async () => {
    await push(one, 'held');
    const artifact = { project: 'main', repository: 'oci', package: 'app', tag: 'held' };
    for (let round = 0; round < 40; round++) {
      const hold = await one.api<{ id: string }>('POST', '/holds', { ...artifact, reason: `round ${round}` });
      expect((await pull(two, 'held')).status, `round ${round}`).toBe(403);
      await two.api('POST', `/holds/${hold.id}/release`, artifact);
      expect((await pull(one, 'held')).status, `round ${round}`).toBe(200);
    }
  });

  it('collects nothing that is named', async () => {
    const report = await two.api<{ removed: number }>('POST', '/collections', {});
    expect(report.removed).toBe(0);
  });

  it('goes on when one process is killed', async () => {
    one.process.kill('SIGKILL');
    const { digest } = await push(two, 'after');
    expect((await pull(two, 'after')).headers.get('docker-content-digest')).toBe(digest);
  });
});

describeWith(['postgres'], 'the cluster form, with a double for KurrentDB', () => {
  it('boots, takes a push, holds it, and knows it again after a restart', async () => {
    const postgres = (await startPostgres()) as TestPostgres;
    const kurrent = await startKurrentDouble();
    const env = { STRONGROOM_EVENTLOG_URL: kurrent.url, STRONGROOM_VIEWS_URL: await postgres.database() };
    let registry = await startRegistry({ env });
    try {
      const { digest } = await push(registry, 'v1');
      const artifact = { project: 'main', repository: 'oci', package: 'app', tag: 'v1' };
      const hold = await registry.api<{ id: string }>('POST', '/holds', { ...artifact, reason: 'wait' });
      expect((await pull(registry, 'v1')).status).toBe(403);
      await registry.stop({ keep: true });
      registry = await startRegistry({ data: registry.data, env });
      expect((await pull(registry, 'v1')).status).toBe(403);
      await registry.api('POST', `/holds/${hold.id}/release`, artifact);
      expect((await pull(registry, digest)).status).toBe(200);
    } finally {
      await registry.stop();
      await kurrent.close();
      await postgres.stop();
    }
  });
});
