/** The whole registry with its bytes in S3: two processes without a common folder, outages, collection, archives. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemCaller } from '../../src/application/caller.ts';
import { collect } from '../../src/application/collect.ts';
import { backup } from '../../src/main/archive/backup.ts';
import { restore } from '../../src/main/archive/restore.ts';
import { verify } from '../../src/main/archive/verify.ts';
import type { Actor } from '../conformance/client.ts';
import { base, pushBlob, pushImage } from '../conformance/oci-images.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { type OwnS3, startOwnS3 } from '../support/s3.ts';
import { describeWith } from '../support/services.ts';
import {
  configFor,
  flaw,
  flaws,
  getManifest,
  MAIN,
  newFolder,
  type Pushed,
  randomBlob,
  randomImage,
  removeFolder,
  tokenOf,
  until,
  viewsOf,
  withSystem,
  withToken,
} from './support.ts';

const MIB = 1024 * 1024;

async function push(who: Actor, tag: string, size = 2000): Promise<Pushed> {
  const pushed = { name: 'app', tag, manifest: randomImage(size) };
  const answer = await pushImage(who, { place: MAIN, name: 'app', reference: tag }, pushed.manifest);
  expect(answer.status, answer.text).toBe(201);
  return pushed;
}

describeWith(['s3', 'postgres'], 'two processes that share PostgreSQL and S3, and no folder', () => {
  let s3: OwnS3;
  let postgres: TestPostgres;
  let one: TestRegistry;
  let two: TestRegistry;
  let toOne: Actor;
  let toTwo: Actor;

  beforeAll(async () => {
    s3 = await startOwnS3();
    postgres = (await startPostgres())!;
    const env = {
      ...s3.env,
      STRONGROOM_EVENTLOG_URL: await postgres.database(),
      STRONGROOM_BLOBS_URL: s3.place(),
      STRONGROOM_MEMORY_CACHE_BYTES: '0',
    };
    one = await startRegistry({ env });
    two = await startRegistry({ env });
    const token = await tokenOf(one);
    [toOne, toTwo] = [withToken(one.url, token), withToken(two.url, token)];
  });
  afterAll(async () => {
    await one?.stop();
    await two?.stop();
    await postgres?.stop();
    await s3?.stop();
  });

  test('what one acknowledged, the other serves', { timeout: 60_000 }, async () => {
    const pushed = [await push(toOne, 'small'), await push(toTwo, 'large', 11 * MIB)];
    expect(await flaws(toTwo, MAIN, pushed)).toEqual([]);
    expect(await flaws(toOne, MAIN, pushed)).toEqual([]);
    expect(await readdir(one.data)).not.toContain('blobs');
  });

  test('an upload goes from one to the other and survives a restart', { timeout: 60_000 }, async () => {
    const blob = randomBlob(3 * MIB);
    const began = await toOne.ask('POST', `${base(MAIN, 'app')}/blobs/uploads/`);
    expect(began.status).toBe(202);
    let location = began.headers.get('location')!;
    const chunk = async (who: Actor, from: number) => {
      const body = blob.bytes.subarray(from, from + MIB);
      const headers = { 'content-range': `${from}-${from + body.length - 1}` };
      const answer = await who.ask('PATCH', location, { body, headers });
      expect(answer.status, answer.text).toBe(202);
      expect(answer.headers.get('range')).toBe(`0-${from + body.length - 1}`);
      location = answer.headers.get('location')!;
    };
    await chunk(toOne, 0);
    await chunk(toTwo, MIB);
    await two.stop({ keep: true, signal: 'SIGKILL' });
    await chunk(toOne, 2 * MIB);
    const separator = location.includes('?') ? '&' : '?';
    const ended = await toOne.ask('PUT', `${location}${separator}digest=${blob.digest}`);
    expect(ended.status, ended.text).toBe(201);
    const back = await toOne.ask('GET', `${base(MAIN, 'app')}/blobs/${blob.digest}`);
    expect(back.body.equals(blob.bytes)).toBe(true);
  });

  test('while S3 is away everything is refused with a reason, and nothing is lost', {
    timeout: 60_000,
  }, async () => {
    const kept = await push(toOne, 'kept');
    await s3.halt();
    try {
      const ready = await fetch(`${one.url}/readyz`);
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain('S3 cannot be reached');
      for (const answer of [
        await getManifest(toOne, MAIN, 'app', 'kept'),
        await toOne.ask('GET', `${base(MAIN, 'app')}/blobs/${kept.manifest.blobs[0]!.digest}`),
        await pushBlob(toOne, MAIN, 'app', randomBlob(100)),
      ]) {
        expect(answer.status, answer.text).toBe(503);
        expect(answer.text).toContain('S3');
        expect(answer.headers.get('retry-after')).toBe('5');
      }
    } finally {
      await s3.resume();
    }
    await until(async () => (await fetch(`${one.url}/readyz`)).ok);
    expect(await flaw(toOne, MAIN, kept)).toBeUndefined();
    await push(toOne, 'again');
  });
});

describeWith(['s3'], 'an installation with its bytes in S3', () => {
  let s3: OwnS3;
  let folder: string;
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    s3 = await startOwnS3();
    folder = await newFolder();
  });
  afterAll(async () => {
    await s3?.stop();
    await removeFolder(folder);
  });

  /** Pushes some images to a registry over this configuration; gives what must be there afterwards. */
  async function filled(data: string, env: Readonly<Record<string, string>>): Promise<Pushed[]> {
    const registry = await startRegistry({ data, env: { ...s3.env, ...env } });
    try {
      const who = withToken(registry.url, await tokenOf(registry));
      return [await push(who, 'one'), await push(who, 'two', 9 * MIB), await push(who, 'three', 0)];
    } finally {
      await registry.stop({ keep: true });
    }
  }

  async function expectWhole(data: string, env: Readonly<Record<string, string>>, pushed: readonly Pushed[]) {
    const registry = await startRegistry({ data, env: { ...s3.env, ...env } });
    try {
      expect(await flaws(withToken(registry.url, await tokenOf(registry)), MAIN, pushed)).toEqual([]);
    } finally {
      await registry.stop({ keep: true });
    }
  }

  test('moves from the file system to S3 and back: the same bytes and rows', {
    timeout: 90_000,
  }, async () => {
    const pushed = await filled(at('files'), {});
    const files = configFor(at('files'));
    await withSystem(files, system => backup(system, at('files.tar')));

    const env = { STRONGROOM_BLOBS_URL: s3.place() };
    const bucket = configFor(at('bucket'), env);
    expect(await restore(bucket, at('files.tar'))).toMatchObject({ missing: [] });
    expect(await viewsOf(bucket)).toBe(await viewsOf(files));
    await expectWhole(at('bucket'), env, pushed);
    const made = await withSystem(bucket, system => backup(system, at('bucket.tar')));
    expect(await verify(at('bucket.tar'))).toMatchObject({ blobs: made.blobs, missing: [] });

    const home = configFor(at('home'));
    expect(await restore(home, at('bucket.tar'))).toMatchObject({ missing: [], blobs: made.blobs });
    await expectWhole(at('home'), {}, pushed);
  });

  test('collects what nothing names, and nothing else', { timeout: 60_000 }, async () => {
    const env = { STRONGROOM_BLOBS_URL: s3.place() };
    const pushed = await filled(at('collected'), env);
    await withSystem(configFor(at('collected'), env), async ({ core }) => {
      const { digest } = await core.blobs.put(Buffer.from('nothing names this'));
      expect(await collect(core, systemCaller(core.newId()))).toMatchObject({ removed: 0 });
      const later = { ...core, now: () => new Date(Date.now() + 2 * core.settings.leaseMs) };
      expect(await collect(later, systemCaller(core.newId()))).toMatchObject({ removed: 1 });
      expect(await core.blobs.stat(digest)).toBeUndefined();
    });
    await expectWhole(at('collected'), env, pushed);
  });

  test('does not start without its bucket, and says why', async () => {
    const url = s3.place().replace('s3://strongroom', 's3://another');
    const started = startRegistry({ data: at('wrong'), env: { ...s3.env, STRONGROOM_BLOBS_URL: url } });
    await expect(started).rejects.toThrow(/cannot start:\n.*the bucket does not exist/);
  });
});
