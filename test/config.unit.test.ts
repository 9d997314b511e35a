import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig, settings } from '../src/config.ts';

/** What is wrong with an environment, line by line. */
function problems(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('needs nothing', () => {
    expect(readConfig({ PATH: '/bin' })).toEqual({
      data: './data',
      host: '127.0.0.1',
      port: 8080,
      tls: undefined,
      adminPassword: undefined,
      eventLogUrl: 'sqlite',
      viewsUrl: 'sqlite',
      blobsUrl: 'filesystem',
      redisUrl: undefined,
      role: 'all',
      logLevel: 'info',
      trustedProxies: [],
      maxBlobBytes: 64 * 1024 ** 3,
      leaseMs: 24 * 3_600_000,
      restoreWindowMs: 7 * 24 * 3_600_000,
      maxStalenessMs: 30_000,
      collectMs: 24 * 3_600_000,
      downloadRetentionMs: 0,
      memoryCacheBytes: 64 * 1024 ** 2,
    });
  });

  it('is read from the environment, times in milliseconds', () => {
    const environment = {
      STRONGROOM_DATA: '/var/lib/strongroom',
      STRONGROOM_HOST: '::',
      STRONGROOM_PORT: '0',
      STRONGROOM_TLS_CERT: 'cert.pem',
      STRONGROOM_TLS_KEY: 'key.pem',
      STRONGROOM_ADMIN_PASSWORD: 'correct horse',
      STRONGROOM_EVENTLOG_URL: 'esdb://eventstore:2113?tls=false',
      STRONGROOM_VIEWS_URL: 'postgresql://u:p@db/strongroom',
      STRONGROOM_BLOBS_URL: 's3://bucket/prefix?region=eu-central-1',
      STRONGROOM_REDIS_URL: 'rediss://redis:6379',
      STRONGROOM_ROLE: 'worker',
      STRONGROOM_LOG_LEVEL: 'debug',
      STRONGROOM_TRUSTED_PROXIES: '10.0.0.0/8, ::1,,fd00::/8 ',
      STRONGROOM_MAX_BLOB_BYTES: '1000',
      STRONGROOM_LEASE_SECONDS: '1',
      STRONGROOM_RESTORE_SECONDS: '2',
      STRONGROOM_MAX_STALENESS_SECONDS: '0',
      STRONGROOM_COLLECT_SECONDS: '0',
      STRONGROOM_DOWNLOAD_RETENTION_DAYS: '365',
      STRONGROOM_MEMORY_CACHE_BYTES: '0',
    };
    expect(readConfig(environment)).toEqual({
      data: '/var/lib/strongroom',
      host: '::',
      port: 0,
      tls: { cert: 'cert.pem', key: 'key.pem' },
      adminPassword: 'correct horse',
      eventLogUrl: 'esdb://eventstore:2113?tls=false',
      viewsUrl: 'postgresql://u:p@db/strongroom',
      blobsUrl: 's3://bucket/prefix?region=eu-central-1',
      redisUrl: 'rediss://redis:6379',
      role: 'worker',
      logLevel: 'debug',
      trustedProxies: ['10.0.0.0/8', '::1', 'fd00::/8'],
      maxBlobBytes: 1000,
      leaseMs: 1000,
      restoreWindowMs: 2000,
      maxStalenessMs: 0,
      collectMs: 0,
      downloadRetentionMs: 365 * 24 * 3_600_000,
      memoryCacheBytes: 0,
    });
    // every setting is in the test above
    expect(Object.keys(environment).sort()).toEqual(
      settings()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('keeps views where the log is, when that is PostgreSQL', () => {
    const url = 'postgres://u:p@db/strongroom';
    expect(readConfig({ STRONGROOM_EVENTLOG_URL: url }).viewsUrl).toBe(url);
    const other = 'postgres://u:p@views/strongroom';
    expect(readConfig({ STRONGROOM_EVENTLOG_URL: url, STRONGROOM_VIEWS_URL: other }).viewsUrl).toBe(other);
  });

  it('tells every problem at once', () => {
    const told = problems({
      STRONGROOM_PORT: '70000',
      STRONGROOM_ROLE: 'boss',
      STRONGROOM_COLOUR: 'red',
      STRONGROOM_TLS_KEY: 'key.pem',
      STRONGROOM_EVENTLOG_URL: 'mysql://db',
    });
    expect(told).toHaveLength(5);
    for (const name of ['STRONGROOM_PORT', 'STRONGROOM_ROLE', 'STRONGROOM_COLOUR', 'STRONGROOM_TLS_CERT'])
      expect(told.some(line => line.startsWith(name))).toBe(true);
  });

  it('names settings that are none, so that no mistake in a name goes unseen', () => {
    expect(problems({ STRONGROOM_PROT: '80', strongroom_port: '80' })).toEqual([
      'STRONGROOM_PROT is not a setting',
    ]);
  });

  it('leaves alone what commands and tests read', () => {
    expect(
      problems({ STRONGROOM_URL: 'x', STRONGROOM_TOKEN: 'x', STRONGROOM_TEST_POSTGRES_URL: 'x', HOME: '/' }),
    ).toEqual([]);
  });

  it.each([
    ['STRONGROOM_PORT', ''],
    ['STRONGROOM_PORT', '-1'],
    ['STRONGROOM_PORT', '8080.5'],
    ['STRONGROOM_PORT', '0x50'],
    ['STRONGROOM_PORT', '65536'],
    ['STRONGROOM_DATA', ''],
    ['STRONGROOM_LEASE_SECONDS', '0'],
    ['STRONGROOM_COLLECT_SECONDS', ''],
    ['STRONGROOM_COLLECT_SECONDS', 'never'],
    ['STRONGROOM_DOWNLOAD_RETENTION_DAYS', '0.5'],
    ['STRONGROOM_MAX_STALENESS_SECONDS', ''],
    ['STRONGROOM_MEMORY_CACHE_BYTES', '64M'],
    ['STRONGROOM_MAX_BLOB_BYTES', '1e99'],
    ['STRONGROOM_EVENTLOG_URL', ''],
    ['STRONGROOM_EVENTLOG_URL', 'sqlite2'],
    ['STRONGROOM_EVENTLOG_URL', 'http://eventstore:2113'],
    ['STRONGROOM_VIEWS_URL', 'esdb://eventstore:2113'],
    ['STRONGROOM_BLOBS_URL', ''],
    ['STRONGROOM_BLOBS_URL', 's3://key:secret@bucket'],
    ['STRONGROOM_BLOBS_URL', 's3://bucket?endpoint=s3.example.org'],
    ['STRONGROOM_REDIS_URL', 'localhost:6379'],
    ['STRONGROOM_TRUSTED_PROXIES', 'proxy.example.org'],
    ['STRONGROOM_TRUSTED_PROXIES', '10.0.0.0/'],
    ['STRONGROOM_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['STRONGROOM_TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['STRONGROOM_TRUSTED_PROXIES', '::1/129'],
    ['STRONGROOM_LOG_LEVEL', 'loud'],
    ['STRONGROOM_ADMIN_PASSWORD', 'short'],
  ])('%s=%j is a problem', (name, value) => {
    const told = problems({ [name]: value });
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(new RegExp(`^${name}: .+`));
  });

  it('repeats no secret', () => {
    const told = problems({
      STRONGROOM_ADMIN_PASSWORD: 'hunter2',
      STRONGROOM_EVENTLOG_URL: 'mysql://u:hunter2@db',
      STRONGROOM_VIEWS_URL: 'mysql://u:hunter2@db',
      STRONGROOM_REDIS_URL: 'http://u:hunter2@db',
      STRONGROOM_SECRET: 'hunter2',
    });
    expect(told).toHaveLength(5);
    expect(told.join('\n')).not.toContain('hunter2');
  });

  it('describes every setting', () => {
    for (const { name, meaning } of settings())
      expect([name, meaning]).toEqual([name, expect.stringMatching(/./)]);
    const fallbacks = Object.fromEntries(settings().map(({ name, fallback }) => [name, fallback]));
    expect(fallbacks).toMatchObject({ STRONGROOM_PORT: '8080', STRONGROOM_TLS_KEY: '' });
  });
});
