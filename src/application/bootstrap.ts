/** The first start, and every other: the administrator, project `main`, and a repository for each format. Idempotent. */
import { randomBytes } from 'node:crypto';
import { principals, principalsStream } from '../domain/access/principals.ts';
import { isRefusal } from '../domain/errors.ts';
import { systemCaller } from './caller.ts';
import type { Consistency } from './consistency.ts';
import type { Core } from './core.ts';
import { changeRole, createPrincipal, setPassword } from './people.ts';
import { createProject, createRepository } from './projects.ts';

export interface FirstStart {
  /** set when `admin` was created now, with a password that was not configured */
  readonly generatedPassword: string | undefined;
  readonly adminCreated: boolean;
}

export async function bootstrap(
  core: Core,
  consistency: Consistency,
  options: { formats: readonly string[]; adminPassword: string | undefined },
): Promise<FirstStart> {
  await consistency.settle();
  const admin = await ensureAdmin(core, consistency, options.adminPassword);
  await ensureRepositories(core, consistency, options.formats);
  return admin;
}

const caller = (core: Core) => systemCaller(core.newId());

async function ensureAdmin(
  core: Core,
  consistency: Consistency,
  configured: string | undefined,
): Promise<FirstStart> {
  const { byName } = await core.streams.load(principals, principalsStream());
  const known = byName[await core.access.nameHash('admin')];
  if (known === undefined && Object.keys(byName).length > 0)
    return { generatedPassword: undefined, adminCreated: false };
  const principal = known === undefined ? undefined : await core.queries.principalById(known);
  if (principal?.passwordSecretId) {
    await grantAdmin(core, consistency, principal.principalId);
    return { generatedPassword: undefined, adminCreated: false };
  }
  const password = configured ?? randomBytes(18).toString('base64url');
  const principalId =
    known ?? (await createPrincipal(core, caller(core), { name: 'admin', kind: 'user' })).id;
  await consistency.settle();
  await grantAdmin(core, consistency, principalId);
  // the password comes last: a start that was cut off before does it again
  await consistency.wait(await setPassword(core, caller(core), principalId, password));
  return { generatedPassword: configured === undefined ? password : undefined, adminCreated: true };
}

async function grantAdmin(core: Core, consistency: Consistency, principalId: string): Promise<void> {
  const grants = await core.queries.listGrants({ kind: 'instance' });
  if (grants.some(({ role }) => role === 'admin')) return;
  const wanted = { scope: { kind: 'instance' as const }, principalId, role: 'admin' as const };
  await consistency.wait(await changeRole(core, caller(core), 'GrantRole', wanted));
}

async function ensureRepositories(
  core: Core,
  consistency: Consistency,
  formats: readonly string[],
): Promise<void> {
  let main = await core.queries.projectByName('main');
  if (!main) {
    if ((await core.queries.listProjects({ limit: 1 })).length > 0) return;
    await consistency.wait((await createProject(core, caller(core), 'main')).position);
    main = await core.queries.projectByName('main');
  }
  if (!main) return;
  for (const format of formats) {
    if (await core.queries.repositoryByName('main', format)) continue;
    try {
      const made = await createRepository(core, caller(core), main, { name: format, format, kind: 'hosted' });
      await consistency.wait(made.position);
    } catch (error) {
      // another replica was faster
      if (!isRefusal(error, 'NAME_TAKEN')) throw error;
    }
  }
}

/** On the host: gives `admin` (or another user) a new password, and the role back. */
export async function resetPassword(
  core: Core,
  consistency: Consistency,
  of: { name: string; password?: string | undefined },
): Promise<{ password: string }> {
  await consistency.settle();
  const host = systemCaller(core.newId(), 'host');
  const known = await core.queries.principalByNameHash(await core.access.nameHash(of.name));
  const principalId =
    known?.principalId ?? (await createPrincipal(core, host, { name: of.name, kind: 'user' })).id;
  await consistency.settle();
  const password = of.password ?? randomBytes(18).toString('base64url');
  await consistency.wait(await setPassword(core, { ...host }, principalId, password));
  if (of.name === 'admin') await grantAdmin(core, consistency, principalId);
  return { password };
}
