/** The configuration, from the environment. Every problem is told at once; nothing is needed to start. */
import { z } from 'zod';

const duration = (ms: number) => z.coerce.number().int().positive().default(ms);
const optional = z.string().min(1).optional();

const schema = z
  .object({
    STRONGROOM_DATA: z.string().min(1).default('./data').describe('folder of all data of the embedded form'),
    STRONGROOM_HOST: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
    STRONGROOM_PORT: z.coerce
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(8080)
      .describe('port to listen on; 0: any'),
    STRONGROOM_TLS_CERT: optional.describe(
      'PEM file of the certificate chain; with STRONGROOM_TLS_KEY: HTTPS',
    ),
    STRONGROOM_TLS_KEY: optional.describe('PEM file of the private key'),
    STRONGROOM_ADMIN_PASSWORD: z
      .string()
      .min(8)
      .max(256)
      .optional()
      .describe('password of admin at the first start'),
    STRONGROOM_EVENTLOG_URL: optional.describe('sqlite (default), postgres://…, or esdb://…'),
    STRONGROOM_VIEWS_URL: optional.describe(
      'sqlite (default) or postgres://…; default: as the log, when that is PostgreSQL',
    ),
    STRONGROOM_REDIS_URL: optional.describe('redis://…: jobs run on BullMQ; default: in the process'),
    STRONGROOM_ROLE: z.enum(['all', 'app', 'worker']).default('all').describe('what this process does'),
    STRONGROOM_LOG_LEVEL: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('least severe log lines that are written'),
    STRONGROOM_TRUSTED_PROXIES: z
      .string()
      .default('')
      .describe('addresses or networks, by comma, whose Forwarded headers count'),
    STRONGROOM_MAX_BLOB_BYTES: z.coerce
      .number()
      .int()
      .positive()
      .default(64 * 1024 ** 3)
      .describe('largest blob'),
    STRONGROOM_LEASE_SECONDS: duration(24 * 3600).describe('how long uploaded bytes wait for a manifest'),
    STRONGROOM_RESTORE_SECONDS: duration(7 * 24 * 3600).describe(
      'how long a deleted version can be restored',
    ),
    STRONGROOM_MAX_STALENESS_SECONDS: z.coerce
      .number()
      .min(0)
      .default(30)
      .describe('how long pulls go on without the log'),
    STRONGROOM_COLLECT_SECONDS: z.coerce
      .number()
      .int()
      .min(0)
      .default(24 * 3600)
      .describe('how often unreferenced bytes are collected; 0: never'),
    STRONGROOM_MEMORY_CACHE_BYTES: z.coerce
      .number()
      .int()
      .min(0)
      .default(64 * 1024 ** 2)
      .describe('small blobs kept in memory'),
  })
  .refine(env => (env.STRONGROOM_TLS_CERT === undefined) === (env.STRONGROOM_TLS_KEY === undefined), {
    message: 'STRONGROOM_TLS_CERT and STRONGROOM_TLS_KEY belong together',
    path: ['STRONGROOM_TLS_CERT'],
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
  readonly memoryCacheBytes: number;
}

export class ConfigError extends Error {}

/** @throws ConfigError naming every problem */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const unknown = Object.keys(environment).filter(
    name => name.startsWith('STRONGROOM_') && !name.startsWith('STRONGROOM_TEST_') && !KNOWN.has(name),
  );
  const parsed = schema.safeParse(environment);
  const problems = [
    ...unknown.map(name => `${name} is not a setting`),
    ...(parsed.success ? [] : parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)),
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
    redisUrl: env.STRONGROOM_REDIS_URL,
    role: env.STRONGROOM_ROLE,
    logLevel: env.STRONGROOM_LOG_LEVEL,
    trustedProxies: env.STRONGROOM_TRUSTED_PROXIES.split(',')
      .map(text => text.trim())
      .filter(text => text !== ''),
    maxBlobBytes: env.STRONGROOM_MAX_BLOB_BYTES,
    leaseMs: env.STRONGROOM_LEASE_SECONDS * 1000,
    restoreWindowMs: env.STRONGROOM_RESTORE_SECONDS * 1000,
    maxStalenessMs: env.STRONGROOM_MAX_STALENESS_SECONDS * 1000,
    collectMs: env.STRONGROOM_COLLECT_SECONDS * 1000,
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
