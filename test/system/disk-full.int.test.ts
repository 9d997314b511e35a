/** A disk that is full, or read-only, under a running server: clear errors, nothing lost, and it goes on by itself. */
import { execFileSync } from 'node:child_process';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Actor, type Answer, jsonOf } from '../conformance/client.ts';
import { pushImage } from '../conformance/oci-images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import {
  flaws,
  MAIN,
  newFolder,
  type Pushed,
  randomImage,
  removeFolder,
  tokenOf,
  until,
  withToken,
} from './support.ts';

const mount = (...args: readonly string[]) => execFileSync('mount', args, { stdio: 'pipe' });
const unmount = (path: string) => execFileSync('umount', ['-l', path], { stdio: 'pipe' });

/** Whether this machine lets us mount at all: only root may, and not in every container. */
async function mountable(): Promise<boolean> {
  const folder = await newFolder();
  try {
    mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
    unmount(folder);
    return true;
  } catch {
    return false;
  } finally {
    await removeFolder(folder);
  }
}

const possible = await mountable();

describe.skipIf(!possible)(`a disk that fails${possible ? '' : ' [without tmpfs]'}`, () => {
  let disk = '';
  let registry: TestRegistry;
  let who: Actor;
  let count = 0;
  const acknowledged: Pushed[] = [];

  beforeAll(async () => {
    disk = await newFolder();
    mount('-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disk);
    registry = await startRegistry({ data: join(disk, 'data'), env: { STRONGROOM_MEMORY_CACHE_BYTES: '0' } });
    who = withToken(registry.url, await tokenOf(registry));
  });

  afterAll(async () => {
    await registry?.stop({ keep: true });
    unmount(disk);
    await removeFolder(disk);
  });

  /** One push; what was acknowledged is remembered. */
  async function push(size: number): Promise<Answer> {
    const pushed = { name: `image-${count % 4}`, tag: `tag-${count++}`, manifest: randomImage(size) };
    const answer = await pushImage(
      who,
      { place: MAIN, name: pushed.name, reference: pushed.tag },
      pushed.manifest,
    );
    if (answer.status === 201) acknowledged.push(pushed);
    return answer;
  }

  /** Leaves this many bytes free. */
  async function fill(left: number): Promise<void> {
    await free();
    const { bavail, bsize } = await statfs(disk);
    const filler = Buffer.alloc(Math.max(0, bavail * bsize - left));
    // when others write at the same time there is less than we saw: then it is full all the more
    await writeFile(join(disk, 'filler'), filler).catch(error => expect(error.code).toBe('ENOSPC'));
  }

  const free = () => rm(join(disk, 'filler'), { force: true });

  function expectClear(answer: Answer): void {
    expect([503, 507]).toContain(answer.status);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    const [error] = jsonOf<{ errors: { code: string; message: string }[] }>(answer).errors;
    expect(error?.code).toBe('UNAVAILABLE');
    expect(error?.message).toMatch(/full|storage|views have not/i);
    expect(error?.message).not.toContain(disk);
  }

  test('full while pushing: refused with the reason, and it goes on when there is space', {
    timeout: 120_000,
  }, async () => {
    for (let ready = 0; ready < 4; ready++) expect((await push(20_000)).status).toBe(201);
    await fill(1_500_000);
    const refused: Answer[] = [];
    const pusher = async () => {
      let answer = await push(200_000);
      while (answer.status === 201) answer = await push(200_000);
      refused.push(answer);
    };
    await Promise.all(Array.from({ length: 6 }, pusher));
    for (const answer of refused) expectClear(answer);
    await free();
    await until(async () => (await push(1000)).status === 201);

    // space enough for everything but the bytes
    await fill(120_000);
    const large = await push(400_000);
    expectClear(large);
    expect(large.text).toContain('the disk is full');

    // the last bytes go, too: now the log itself cannot grow
    await fill(0);
    const pushing = push(50_000);
    expect((await who.ask('GET', '/healthz')).status).toBe(200);
    expect((await who.ask('GET', '/readyz')).status).toBe(503);
    await free();
    const answer = await pushing;
    if (answer.status !== 201) expectClear(answer);

    await until(async () => (await push(20_000)).status === 201);
    await until(async () => (await who.ask('GET', '/readyz')).status === 200);
    expect(registry.process.exitCode).toBeNull();
    expect(await flaws(who, MAIN, acknowledged)).toEqual([]);
  });

  test('full again and again at another byte: whatever step fails, it is told and undone', async () => {
    const seen = new Set<number>();
    for (let left = 0; left < 400_000; left += 20_000) {
      await fill(left);
      const pushing = push(30_000);
      // where the log took it and the views cannot, the reply waits for them: there is space again before it gives up
      await Promise.race([pushing, sleep(300)]);
      await free();
      const answer = await pushing;
      seen.add(answer.status);
      if (answer.status !== 201) expectClear(answer);
    }
    expect([...seen].sort()).toEqual([201, 503]);
    await until(async () => (await push(1000)).status === 201);
    expect(await flaws(who, MAIN, acknowledged)).toEqual([]);
  });

  test('read-only staging: pushes are refused, pulls go on, and it recovers', async () => {
    const staging = join(disk, 'data', 'staging');
    mount('--bind', staging, staging);
    mount('-o', 'remount,bind,ro', staging);
    try {
      const answer = await push(1000);
      expect(answer.status).toBe(503);
      expect(answer.text).toContain('read-only');
      expect(await flaws(who, MAIN, acknowledged.slice(-5))).toEqual([]);
    } finally {
      unmount(staging);
    }
    await until(async () => (await push(1000)).status === 201);
  });

  test('what was acknowledged is there after a restart, too', async () => {
    await registry.stop({ keep: true, signal: 'SIGKILL' });
    registry = await startRegistry({ data: join(disk, 'data') });
    who = withToken(registry.url, await tokenOf(registry));
    expect(await flaws(who, MAIN, acknowledged)).toEqual([]);
  });
});
