/** The configuration, from the environment. Every problem is told at once; nothing is needed to start. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseS3Address } from './blobs/s3/address.ts';

/** Plain digits: an empty text is no 0, and nobody means 0x10. */
const whole = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  z.string().regex(/^\d+$/, 'must be a whole number').pipe(z.coerce.number<string>().min(min).max(max));
const optional = z.string().min(1).optional();
/** A URL of one of these schemes. It may hold a password, so that no message repeats it. */
const url = (pattern: RegExp, like: string) => z.string().regex(pattern, `must be ${like}`).optional();

/** `10.0.0.7` or `10.0.0.0/8`, IPv4 or IPv6. */
function isNetwork(text: string): boolean {
  const [address = '', bits] = text.split(/\/(.*)/s);
  const family = isIP(address);
  if (family === 0 || bits === undefined) return family !== 0;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32);
}

function blobsUrl({ value, issues }: z.core.ParsePayload<string>): void {
  if (value === 'filesystem') return;
  try {
    parseS3Address(value);
  } catch (error) {
    issues.push({ code: 'custom', message: (error as Error).message, input: '' });
  }
}

const listed = (text: string) =>
  text
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '');

const schema = z.object({
  STRONGROOM_DATA: z.string().min(1).default('./data').describe('folder of all data of the embedded form'),
  STRONGROOM_HOST: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  STRONGROOM_PORT: whole(0, 65_535).default(8080).describe('port to listen on; 0: any'),
  STRONGROOM_TLS_CERT: optional.describe('PEM file of the certificate chain; with STRONGROOM_TLS_KEY: HTTPS'),
  STRONGROOM_TLS_KEY: optional.describe('PEM file of the private key'),
  STRONGROOM_ADMIN_PASSWORD: z
    .string()
    .min(8)
    .max(256)
    .optional()
    .describe('password of admin at the first start'),
  STRONGROOM_EVENTLOG_URL: url(
    /^(sqlite$|(postgres(ql)?|(esdb|kurrentdb)(\+discover)?):\/\/)/,
    'sqlite, postgres://…, or esdb://…',
  ).describe('sqlite (default), postgres://…, or esdb://…'),
  STRONGROOM_VIEWS_URL: url(/^(sqlite$|postgres(ql)?:\/\/)/, 'sqlite or postgres://…').describe(
    'sqlite (default) or postgres://…; default: as the log, when that is PostgreSQL',
  ),
  STRONGROOM_BLOBS_URL: z
    .string()
    .check(blobsUrl)
    .default('filesystem')
    .describe('filesystem, or s3://bucket/prefix with ?region=, endpoint=, pathStyle=; credentials in AWS_…'),
  STRONGROOM_REDIS_URL: url(/^rediss?:\/\//, 'redis://… or rediss://…').describe(
    'redis://…: jobs run on BullMQ; default: in the process',
  ),
  STRONGROOM_ROLE: z.enum(['all', 'app', 'worker']).default('all').describe('what this process does'),
  STRONGROOM_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('least severe log lines that are written'),
  STRONGROOM_TRUSTED_PROXIES: z
    .string()
    .default('')
    .refine(text => listed(text).every(isNetwork), 'must be addresses or networks, separated by commas')
    .describe('addresses or networks, by comma, whose Forwarded headers count'),
  STRONGROOM_MAX_BLOB_BYTES: whole(1)
    .default(64 * 1024 ** 3)
    .describe('largest blob'),
  STRONGROOM_LEASE_SECONDS: whole(1)
    .default(24 * 3600)
    .describe('how long uploaded bytes wait for a manifest'),
  STRONGROOM_RESTORE_SECONDS: whole(1)
    .default(7 * 24 * 3600)
    .describe('how long a deleted version can be restored'),
  STRONGROOM_MAX_STALENESS_SECONDS: whole(0).default(30).describe('how long pulls go on without the log'),
  STRONGROOM_COLLECT_SECONDS: whole(0)
    .default(24 * 3600)
    .describe('how often unreferenced bytes are collected; 0: never'),
  STRONGROOM_DOWNLOAD_RETENTION_DAYS: whole(0, 36_500)
    .default(0)
    .describe('how long records of who downloaded what are kept; 0: for ever'),
  STRONGROOM_MEMORY_CACHE_BYTES: whole(0)
    .default(64 * 1024 ** 2)
    .describe('small blobs kept in memory'),
});

export type Environment = z.output<typeof schema>;

export interface Config {
  readonly data: string;
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly adminPassword: string | undefined;
  readonly eventLogUrl: string;
  readonly viewsUrl: string;
  readonly blobsUrl: string;
  readonly redisUrl: string | undefined;
  readonly role: Environment['STRONGROOM_ROLE'];
  readonly logLevel: Environment['STRONGROOM_LOG_LEVEL'];
  readonly trustedProxies: readonly string[];
  readonly maxBlobBytes: number;
  readonly leaseMs: number;
  readonly restoreWindowMs: number;
  readonly maxStalenessMs: number;
  /** 0: never */
  readonly collectMs: number;
  /** 0: for ever */
  readonly downloadRetentionMs: number;
  readonly memoryCacheBytes: number;
}

export class ConfigError extends Error {}

/** @throws ConfigError naming every problem */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const unknown = Object.keys(environment).filter(
    name => name.startsWith('STRONGROOM_') && !name.startsWith('STRONGROOM_TEST_') && !KNOWN.has(name),
  );
  const parsed = schema.safeParse(environment);
  const halfTls = !environment.STRONGROOM_TLS_CERT !== !environment.STRONGROOM_TLS_KEY;
  const problems = [
    ...unknown.map(name => `${name} is not a setting`),
    ...(parsed.success ? [] : parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)),
    // not a refinement of the schema: those wait until nothing else is wrong
    ...(halfTls ? ['STRONGROOM_TLS_CERT and STRONGROOM_TLS_KEY belong together'] : []),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems.join('\n'));
  return fromEnvironment(parsed.data);
}

/** Settings that other commands than `start` read, so that one environment serves them all. */
const OTHERS = [
  'STRONGROOM_URL',
  'STRONGROOM_TOKEN',
  'STRONGROOM_USER',
  'STRONGROOM_PASSWORD',
  'STRONGROOM_OPA',
  'STRONGROOM_CONFIG',
];
const KNOWN = new Set([...Object.keys(schema.shape), ...OTHERS]);

function fromEnvironment(env: Environment): Config {
  const eventLogUrl = env.STRONGROOM_EVENTLOG_URL ?? 'sqlite';
  const [cert, key] = [env.STRONGROOM_TLS_CERT, env.STRONGROOM_TLS_KEY];
  return {
    data: env.STRONGROOM_DATA,
    host: env.STRONGROOM_HOST,
    port: env.STRONGROOM_PORT,
    tls: cert && key ? { cert, key } : undefined,
    adminPassword: env.STRONGROOM_ADMIN_PASSWORD,
    eventLogUrl,
    viewsUrl: env.STRONGROOM_VIEWS_URL ?? (eventLogUrl.startsWith('postgres') ? eventLogUrl : 'sqlite'),
    blobsUrl: env.STRONGROOM_BLOBS_URL,
    redisUrl: env.STRONGROOM_REDIS_URL,
    role: env.STRONGROOM_ROLE,
    logLevel: env.STRONGROOM_LOG_LEVEL,
    trustedProxies: listed(env.STRONGROOM_TRUSTED_PROXIES),
    maxBlobBytes: env.STRONGROOM_MAX_BLOB_BYTES,
    leaseMs: env.STRONGROOM_LEASE_SECONDS * 1000,
    restoreWindowMs: env.STRONGROOM_RESTORE_SECONDS * 1000,
    maxStalenessMs: env.STRONGROOM_MAX_STALENESS_SECONDS * 1000,
    collectMs: env.STRONGROOM_COLLECT_SECONDS * 1000,
    downloadRetentionMs: env.STRONGROOM_DOWNLOAD_RETENTION_DAYS * 24 * 3_600_000,
    memoryCacheBytes: env.STRONGROOM_MEMORY_CACHE_BYTES,
  };
}

/** Every setting with its meaning and default, for `--help` and the README's table. */
export function settings(): readonly { name: string; meaning: string; fallback: string }[] {
  return Object.entries(schema.shape).map(([name, type]) => {
    const fallback = type.safeParse(undefined);
    return {
      name,
      meaning: type.description ?? '',
      fallback: fallback.success && fallback.data !== undefined ? String(fallback.data) : '',
    };
  });
}
