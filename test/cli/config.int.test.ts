import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readConfig, removeProfile, saveProfile } from '../../src/cli/config.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-cli-'));
  path = join(folder, 'strongroom', 'config.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const profile = (url: string) => ({ url, token: 't', issued: true });

it('keeps profiles in a file that only its owner reads, and leaves nothing beside it', async () => {
  await saveProfile(path, 'default', profile('http://a'));
  await saveProfile(path, 'work', profile('http://b'));
  expect((await readConfig(path)).profiles).toEqual({
    default: profile('http://a'),
    work: profile('http://b'),
  });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
  expect(await readdir(dirname(path))).toEqual(['config.json']);
});

it('takes back the rights of a file that was open to others', async () => {
  await mkdir(dirname(path));
  await writeFile(path, '{"profiles":{}}', { mode: 0o644 });
  await saveProfile(path, 'default', profile('http://a'));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it('removes one profile', async () => {
  await saveProfile(path, 'default', profile('http://a'));
  await saveProfile(path, 'work', profile('http://b'));
  await removeProfile(path, 'default');
  expect(Object.keys((await readConfig(path)).profiles)).toEqual(['work']);
});

it('is empty without a file', async () => {
  expect(await readConfig(path)).toEqual({ profiles: {} });
});

it.each([['{'], ['{}'], ['null'], ['{"profiles":{"default":{"url":"http://a"}}}']])(
  'refuses a damaged file and leaves it alone: %s',
  async text => {
    await mkdir(dirname(path));
    await writeFile(path, text);
    await expect(readConfig(path)).rejects.toThrow('repair or remove it');
    await expect(saveProfile(path, 'default', profile('http://a'))).rejects.toThrow(path);
    expect(await readFile(path, 'utf8')).toBe(text);
  },
);
