/** A server with an npm repository, the clients logged in to it, and the steps that their tests share. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Ran } from './clients.ts';
import { type NpmClients, openNpmClients } from './npm-clients.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

export interface NpmScene {
  readonly registry: TestRegistry;
  readonly clients: NpmClients;
  /** Basic credentials of admin */
  readonly auth: { readonly authorization: string };
  /** the token that the clients are logged in with */
  readonly token: string;
  /** The output of a run that must succeed. */
  ok(ran: Ran): string;
  /** A folder with a package to publish. */
  source(name: string, version: string, more?: object): string;
  /** Publishes as npm does; each version becomes the latest. */
  published(name: string, ...versions: readonly string[]): Promise<void>;
  hold(name: string, version: string, reason: string): Promise<string>;
  release(id: string, name: string, version: string): Promise<void>;
  close(): Promise<void>;
}

const PLACE = { project: 'main', repository: 'npm' };

export async function openNpmScene(): Promise<NpmScene> {
  const registry = await startRegistry();
  const clients = openNpmClients(registry);
  const { id } = await registry.api<{ id: string }>('GET', '/whoami');
  const { token } = await registry.api<{ token: string }>('POST', `/principals/${id}/tokens`, {
    label: 'npm',
  });
  clients.authenticate(token);
  const scene: NpmScene = {
    registry,
    clients,
    auth: { authorization: `Basic ${Buffer.from(`admin:${registry.adminPassword}`).toString('base64')}` },
    token,
    ok({ code, stdout, stderr }) {
      expect(code, `${stdout}\n${stderr}\n${registry.output()}`).toBe(0);
      return stdout;
    },
    source: (name, version, more = {}) =>
      clients.folder({
        'package.json': { name, version, description: 'a widget', license: 'MIT', ...more },
        'index.js': `module.exports = '${name} ${version}';`,
        'README.md': `# ${name}\n`,
      }),
    async published(name, ...versions) {
      for (const version of versions) {
        const cwd = scene.source(name, version);
        scene.ok(await clients.run('npm', ['publish', '--tag', 'latest'], { cwd }));
      }
    },
    async hold(name, version, reason) {
      const of = { ...PLACE, package: name, version };
      return (await registry.api<{ id: string }>('POST', '/holds', { ...of, reason })).id;
    },
    release: (hold, name, version) =>
      registry.api('POST', `/holds/${hold}/release`, { ...PLACE, package: name, version }),
    async close() {
      clients.close();
      await registry.stop();
    },
  };
  return scene;
}

/** What a run that must fail printed. */
export function refused({ code, stdout, stderr }: Ran): string {
  expect(code, stdout).not.toBe(0);
  return stderr + stdout;
}

/** A package name that no other test uses. */
export const freshName = (name = 'widget') => `@acme/${name}-${randomBytes(4).toString('hex')}`;

/** The version of a package that is installed in a folder. */
export const versionIn = (folder: string, name: string): string =>
  JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
