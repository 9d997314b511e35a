/** Packages of every format through what a registry goes through: lost views, a crash, a backup and a restore. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backup } from '../../src/main/archive/backup.ts';
import { restore } from '../../src/main/archive/restore.ts';
import { verify } from '../../src/main/archive/verify.ts';
import { PROTOCOLS } from '../../src/protocols/index.ts';
import { type Actor, adminAt, jsonOf } from '../conformance/client.ts';
import type { PublishedVersion } from '../conformance/fixture.ts';
import { FIXTURES } from '../conformance/fixtures.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { configFor, newFolder, removeFolder, viewsOf, withSystem } from './support.ts';

interface Known {
  readonly format: keyof typeof FIXTURES;
  readonly versions: readonly PublishedVersion[];
  /** of the index, with times as they are */
  readonly index: string;
}

const formats = PROTOCOLS.map(({ format }) => format).filter(format => format !== 'oci');

let folder: string;
let registry: TestRegistry | undefined;
const known: Known[] = [];

beforeAll(async () => {
  folder = await newFolder();
  registry = await startRegistry({ data: join(folder, 'source') });
  const admin = await adminAt(registry);
  for (const format of formats) known.push(await publishedIn(admin, format));
});
afterAll(async () => {
  await registry?.stop();
  await removeFolder(folder);
});

/** Two versions, of which the second is deleted and restored, deprecated, yanked and released again. */
async function publishedIn(admin: Actor, format: Known['format']): Promise<Known> {
  const fixture = FIXTURES[format];
  const place = { project: 'main', repository: format };
  const name = fixture.packageName('widget');
  const versions: PublishedVersion[] = [];
  for (const label of ['v1', 'v2']) {
    const { answer, version } = await fixture.publish(admin, place, {
      package: name,
      label,
      seed: `${label} seed`,
    });
    expect(answer.status, answer.text).toBeLessThan(300);
    versions.push(version);
  }
  const of = { ...place, package: versions[1]?.package, version: versions[1]?.version };
  for (const [path, body] of [
    ['/artifact/delete', of],
    ['/artifact/restore', of],
    ['/artifact/deprecate', { ...of, message: 'use another' }],
    ['/artifact/yank', { ...of, reason: 'broken' }],
    ['/artifact/yank', { ...of, undo: true }],
  ] as const)
    expect((await admin.api('POST', path, body)).status, path).toBe(204);
  const held = await admin.api('POST', '/holds', { ...of, reason: 'for a while', everywhere: true });
  await admin.api('POST', `/holds/${jsonOf<{ id: string }>(held).id}/release`, of);
  const index = await admin.ask('GET', fixture.listPath(place, name));
  expect(fixture.labels(index)).toEqual(expect.arrayContaining(['v1', 'v2']));
  return { format, versions, index: index.text };
}

async function expectAllThere(of: TestRegistry): Promise<void> {
  const admin = await adminAt(of);
  for (const { format, versions, index } of known) {
    for (const { files } of versions)
      for (const { path, headers, bytes } of files) {
        const answer = await admin.ask('GET', path, headers ? { headers } : {});
        expect([path, answer.status, answer.body.equals(bytes)]).toEqual([path, 200, true]);
      }
    const place = { project: 'main', repository: format };
    const again = await admin.ask('GET', FIXTURES[format].listPath(place, versions[0]?.package ?? ''));
    const here = (text: string) => text.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, '');
    expect(here(again.text), format).toBe(here(index));
  }
}

test('after a crash and without its views it has the same packages, indexes and rows', async () => {
  const data = registry?.data ?? '';
  await registry?.stop({ keep: true, signal: 'SIGKILL' });
  const before = await viewsOf(configFor(data));
  expect(before).toContain('widget');
  for (const suffix of ['', '-wal', '-shm']) await rm(join(data, `views.db${suffix}`), { force: true });
  expect(await viewsOf(configFor(data))).toBe(before);
  registry = await startRegistry({ data });
  await expectAllThere(registry);
});

test('a backup is whole, and restored it has the same packages', async () => {
  const data = registry?.data ?? '';
  await registry?.stop({ keep: true });
  const file = join(folder, 'packages.tar');
  const config = configFor(data);
  await withSystem(config, system => backup(system, file));
  expect((await verify(file)).missing).toEqual([]);
  const target = configFor(join(folder, 'target'));
  await restore(target, file);
  const restored = await startRegistry({ data: target.data });
  await expectAllThere(restored).finally(() => restored.stop());
});
