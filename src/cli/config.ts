/**
 * Where a command goes and as whom: the environment first, else the profile that `strongroom login` stored.
 * The file holds tokens, so it is its owner's alone.
 */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { UsageError } from './errors.ts';

export interface Profile {
  readonly url: string;
  readonly token: string;
  /** who it belongs to, as the server called them at log-in */
  readonly user?: string;
  /** `login` made the token, so `logout` revokes it */
  readonly issued: boolean;
}

export interface CliConfig {
  readonly profiles: Readonly<Record<string, Profile>>;
}

export interface Connection {
  readonly url: string;
  /** value of the Authorization header; absent: anonymous */
  readonly authorization?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_URL = 'http://127.0.0.1:8080';
export const DEFAULT_PROFILE = 'default';

/** `STRONGROOM_CONFIG`, else `strongroom/config.json` where the desktop keeps configuration. */
export function configPath(env: Environment): string {
  if (env.STRONGROOM_CONFIG) return env.STRONGROOM_CONFIG;
  // https://specifications.freedesktop.org/basedir-spec/latest/
  return join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'strongroom', 'config.json');
}

/** Empty when there is no file. @throws UsageError when it cannot be read or is damaged */
export async function readConfig(path: string): Promise<CliConfig> {
  try {
    return validate(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { profiles: {} };
    throw new UsageError(
      `${path} cannot be used (${(error as Error).message}): repair or remove it, then log in again`,
    );
  }
}

function validate(value: unknown): CliConfig {
  const profiles = (value as { profiles?: unknown } | null)?.profiles;
  if (typeof profiles !== 'object' || profiles === null) throw new Error('it has no profiles');
  for (const [name, profile] of Object.entries(profiles as Record<string, Partial<Profile> | null>))
    if (
      typeof profile?.url !== 'string' ||
      typeof profile.token !== 'string' ||
      typeof profile.issued !== 'boolean'
    )
      throw new Error(`profile ${name} is not one`);
  return { profiles: profiles as Record<string, Profile> };
}

/** Replaces the file as a whole, so that a second command never reads half of it. */
async function writeConfig(path: string, config: CliConfig): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

export async function saveProfile(path: string, name: string, profile: Profile): Promise<void> {
  const { profiles } = await readConfig(path);
  await writeConfig(path, { profiles: { ...profiles, [name]: profile } });
}

export async function removeProfile(path: string, name: string): Promise<void> {
  const { [name]: _gone, ...profiles } = (await readConfig(path)).profiles;
  await writeConfig(path, { profiles });
}

/** Where to and as whom. A profile's token goes only to the server that it is for. @throws UsageError */
export function connectionOf(env: Environment, profile: Profile | undefined): Connection {
  const url = parseUrl(env.STRONGROOM_URL || profile?.url || DEFAULT_URL);
  if (env.STRONGROOM_TOKEN) return { url, authorization: bearer(env.STRONGROOM_TOKEN) };
  if (env.STRONGROOM_PASSWORD) {
    if (!env.STRONGROOM_USER) throw new UsageError('STRONGROOM_PASSWORD needs STRONGROOM_USER beside it');
    return { url, authorization: basic(env.STRONGROOM_USER, env.STRONGROOM_PASSWORD) };
  }
  return profile && parseUrl(profile.url) === url ? { url, authorization: bearer(profile.token) } : { url };
}

export const bearer = (token: string): string => `Bearer ${token}`;
export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** The server's address without a slash at its end; https when only a host is named. @throws UsageError */
export function parseUrl(text: string): string {
  const url = URL.parse(
    text.includes('://')
      ? text
      : `${isLoopback(text.split(/[:/]/, 1)[0] ?? '') ? 'http' : 'https'}://${text}`,
  );
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new UsageError(`“${text}” is not the address of a server, such as https://registry.example.com`);
  if (url.username || url.password)
    throw new UsageError('leave the password out of the address: it is asked for');
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

const isLoopback = (host: string) => host === 'localhost' || host === '[::1]' || /^127\./.test(host);

/** Whether whoever listens on the way can read what is sent. */
export function isExposed(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && !isLoopback(hostname);
}
