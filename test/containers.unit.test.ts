import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../src/config.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly environment?: Readonly<Record<string, string>>;
        readonly depends_on?: Readonly<Record<string, unknown>>;
        readonly healthcheck?: object;
        readonly volumes?: readonly string[];
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

describe('docker-compose.yml', () => {
  const secrets: Readonly<Record<string, string>> = {
    POSTGRES_PASSWORD: 'abc123',
    ADMIN_PASSWORD: 'correct horse',
  };
  const text = read('docker-compose.yml').replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, name: string) => {
    const value = secrets[name];
    if (value === undefined)
      throw new Error(`${name} is asked for, but the head of the file does not say so`);
    return value;
  });
  const compose = parse(text, { merge: true }) as Compose;
  const services = Object.entries(compose.services);

  it('starts the cluster form', () => {
    expect(Object.keys(compose.services).sort()).toEqual([
      'app',
      'eventstore',
      'postgres',
      'redis',
      'worker',
    ]);
  });

  it('leaves no variable without a value', () => {
    expect(text).not.toContain('${');
  });

  it.each(['app', 'worker'])('gives %s a configuration that it accepts', name => {
    const config = readConfig(compose.services[name]?.environment ?? {});
    expect(config).toMatchObject({
      role: name,
      data: '/data',
      eventLogUrl: 'esdb://eventstore:2113?tls=false',
      viewsUrl: 'postgres://strongroom:abc123@postgres:5432/strongroom',
      redisUrl: 'redis://redis:6379',
    });
  });

  it('reaches every host by the name of its service', () => {
    const urls = Object.values(compose.services.app?.environment ?? {}).filter(value =>
      value.includes('://'),
    );
    const hosts = urls.map(url => new URL(url).hostname);
    expect(hosts.filter(host => !(host in compose.services))).toEqual([]);
    expect(hosts).toHaveLength(3);
  });

  it('waits only for services that exist and have a health check', () => {
    const waits = services.flatMap(([, { depends_on }]) => Object.keys(depends_on ?? {}));
    expect(waits.length).toBeGreaterThan(0);
    // the app's health check is the image's
    const unchecked = waits.filter(name => name !== 'app' && !compose.services[name]?.healthcheck);
    expect(unchecked).toEqual([]);
    expect(read('Dockerfile')).toMatch(/^HEALTHCHECK /m);
  });

  it('keeps the data of every service in a volume that is declared', () => {
    const used = services.map(([name, { volumes }]) => [name, volumes?.[0]?.split(':')[0] ?? 'none']);
    expect(used.filter(([, volume]) => !(String(volume) in compose.volumes))).toEqual([]);
  });
});

describe('Dockerfile', () => {
  const lines = read('Dockerfile').replaceAll('\\\n', ' ').split('\n');
  const copied = lines
    .filter(line => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap(line => line.split(/\s+/).slice(1, -1));
  const ignored = read('.dockerignore').split('\n');

  it('copies only what exists and .dockerignore lets through', () => {
    expect(copied.filter(path => !existsSync(join(root, path)))).toEqual([]);
    expect(copied.filter(path => !ignored.includes(`!${path}`))).toEqual([]);
  });

  it('ends as somebody who is not root', () => {
    expect(lines.filter(line => line.startsWith('USER ')).at(-1)).toBe('USER node');
  });
});
