/** What the tests of the whole system share: random images, checks of what was acknowledged, views as text. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, readConfig } from '../../src/config.ts';
import { openStores } from '../../src/main/stores.ts';
import { documentIn, openSystem, type System } from '../../src/main/system.ts';
import { dumpViews } from '../../src/projections/dump.ts';
import { createRunner } from '../../src/projections/runner.ts';
import { openViews } from '../../src/projections/store.ts';
import { type Actor, type Answer, actor, basic, type Target } from '../conformance/client.ts';
import type { Place } from '../conformance/fixture.ts';
import { type Blob, base, image, type Manifest, sha256 } from '../conformance/oci-images.ts';
import { ADMIN_PASSWORD } from '../support/registry.ts';

export const MAIN: Place = { project: 'main', repository: 'oci' };

/** Admin with a token: a password costs tens of milliseconds with every request. */
export async function tokenOf(registry: Target): Promise<string> {
  const { id } = await registry.api<{ id: string }>('GET', '/whoami');
  const made = await registry.api<{ token: string }>('POST', `/principals/${id}/tokens`, { label: 'test' });
  return made.token;
}

export const withToken = (url: string, token: string): Actor =>
  actor(url, { name: 'admin', id: '', authorization: basic('admin', token) });

export function randomBlob(size: number): Blob {
  const bytes = randomBytes(size);
  return { bytes, digest: sha256(bytes), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' };
}

/** An image of its own with one layer of this many random bytes. */
export const randomImage = (size = 2000): Manifest => image({ layers: [randomBlob(size)] });

export interface Pushed {
  readonly name: string;
  readonly tag: string;
  readonly manifest: Manifest;
}

const manifestPath = (place: Place, name: string, reference: string) =>
  `${base(place, name)}/manifests/${reference}`;

export const getManifest = (who: Actor, place: Place, name: string, reference: string): Promise<Answer> =>
  who.ask('GET', manifestPath(place, name, reference));

/** What is wrong with an image that must be there by tag and by digest with all its bytes; undefined: nothing. */
export async function flaw(who: Actor, place: Place, { name, tag, manifest }: Pushed) {
  for (const reference of [tag, manifest.digest]) {
    const answer = await getManifest(who, place, name, reference);
    if (answer.status !== 200 || !answer.body.equals(manifest.bytes))
      return `${name}:${reference} ${answer.status} ${answer.text.slice(0, 200)}`;
  }
  for (const { digest, bytes } of manifest.blobs) {
    const answer = await who.ask('GET', `${base(place, name)}/blobs/${digest}`);
    if (answer.status !== 200 || !answer.body.equals(bytes))
      return `${name} blob ${digest} ${answer.status} ${answer.text.slice(0, 200)}`;
  }
  return undefined;
}

/** Checks many, a few at a time; gives all that is wrong. */
export async function flaws(who: Actor, place: Place, pushed: readonly Pushed[]): Promise<string[]> {
  const found: string[] = [];
  const waiting = [...pushed];
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const wrong = await flaw(who, place, next);
      if (wrong !== undefined) found.push(wrong);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return found;
}

export function configFor(data: string, environment: Readonly<Record<string, string>> = {}): Config {
  return readConfig({
    STRONGROOM_DATA: data,
    STRONGROOM_PORT: '0',
    STRONGROOM_ADMIN_PASSWORD: ADMIN_PASSWORD,
    STRONGROOM_LOG_LEVEL: 'silent',
    ...environment,
  });
}

/** The registry without a listener. Nothing else may use its data meanwhile. */
export async function withSystem<T>(config: Config, work: (system: System) => Promise<T>): Promise<T> {
  const system = await openSystem(config, error => {
    throw error;
  });
  try {
    return await work(system);
  } finally {
    await system.close();
  }
}

/** All rows of the views of an installation that does not run; missing ones are built. */
export async function viewsOf(config: Config): Promise<string> {
  const stores = await openStores(config, { onBroken: () => undefined });
  const url = config.viewsUrl === 'sqlite' ? `sqlite:${join(config.data, 'views.db')}` : config.viewsUrl;
  const store = await openViews({ url });
  const documents = (digest: string) => documentIn(stores.evidence, digest);
  const runner = createRunner({ log: stores.log, store, documents });
  try {
    await runner.started;
    return await dumpViews(store);
  } finally {
    await runner.close();
    await store.close();
    await stores.close();
  }
}

export const newFolder = (name = 'strongroom-') => mkdtemp(join(tmpdir(), name));
export const removeFolder = (path: string) => rm(path, { recursive: true, force: true });

/** Waits until the check gives something. @throws after `ms`, with what the last check threw */
export async function until<T>(check: () => Promise<T | undefined | false>, ms = 20_000): Promise<T> {
  let reason: unknown;
  for (const end = performance.now() + ms; performance.now() < end; await sleep(25)) {
    try {
      const found = await check();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      reason = error;
    }
  }
  throw new Error(`it did not come about within ${ms} ms`, { cause: reason });
}
