/** Users, service accounts, their credentials and roles. */

import { checkPasswordPolicy } from '../access/passwords.ts';
import { mintToken } from '../access/tokens.ts';
import { credentials, credentialsStream, type TokenLimits } from '../domain/access/credentials.ts';
import { grants, grantsStream } from '../domain/access/grants.ts';
import { type PrincipalKind, principals, principalsStream } from '../domain/access/principals.ts';
import { refuse } from '../domain/errors.ts';
import type { Role, Scope } from '../domain/values/actions.ts';
import type { JsonObject } from '../domain/values/json.ts';
import { parsePrincipalName } from '../domain/values/names.ts';
import type { Position } from '../eventlog/port.ts';
import { type Caller, isLimited } from './caller.ts';
import type { Core } from './core.ts';
import { Admission, admit, execute } from './handle.ts';
import { latest } from './placing.ts';
import { placeOfScope } from './policies.ts';
import type { Made } from './projects.ts';
import { INSTANCE, noRight } from './rights.ts';
import { derivedId } from './streams.ts';

function change(
  core: Core,
  caller: Caller,
  facts: JsonObject & { kind: string },
  target: string,
): Promise<Admission> {
  return admit(core, { caller, action: 'access-change', at: INSTANCE, facts: { change: facts }, target });
}

export interface NewPrincipal {
  readonly name: string;
  readonly kind: PrincipalKind;
  readonly password?: string | undefined;
}

/** @throws NAME_INVALID, NAME_TAKEN, REQUEST_INVALID for a poor password */
export async function createPrincipal(core: Core, caller: Caller, wanted: NewPrincipal): Promise<Made> {
  parsePrincipalName(wanted.name);
  if (wanted.password !== undefined) checkPasswordPolicy(wanted.password);
  const admission = await change(
    core,
    caller,
    { kind: 'create-principal', principalKind: wanted.kind },
    wanted.kind,
  );
  const nameHash = await core.access.nameHash(wanted.name);
  const principalId = derivedId(`${admission.commandId}\nprincipal`).replaceAll('-', '').slice(0, 20);
  const made = await execute(core, admission, {
    aggregate: principals,
    stream: principalsStream(),
    command: {
      kind: 'CreatePrincipal',
      principalId,
      principalKind: wanted.kind,
      nameHash,
      name: await core.sealing.seal(principalId, wanted.name),
    },
  });
  if (wanted.password === undefined) return { id: principalId, position: made.position };
  const set = await storePassword(core, admission, principalId, wanted.password);
  return { id: principalId, position: latest(made.position, set) };
}

/** A person sets their own password; for others it takes the right to change access. */
export async function setPassword(core: Core, caller: Caller, principalId: string, password: string) {
  checkPasswordPolicy(password);
  await existing(core, caller, principalId);
  const admission = await forPrincipal(core, caller, principalId, 'set-password');
  return storePassword(core, admission, principalId, password);
}

async function storePassword(core: Core, admission: Admission, principalId: string, password: string) {
  const secretId = derivedId(`${admission.commandId}\npassword ${principalId}`);
  // the verifier is durable before the event that names it, and the old one goes after
  await core.access.vault.storePassword(principalId, secretId, await core.access.passwords.hash(password));
  const { position } = await execute(core, admission, {
    aggregate: credentials,
    stream: credentialsStream(principalId),
    command: { kind: 'SetPassword', principalId, secretId },
  });
  await core.access.vault.removePasswords(principalId, secretId);
  return position;
}

/**
 * To one's own credentials everybody may do this; to others' it takes the right to change access. A limited credential
 * makes no new ones: they would not have its limits.
 */
async function forPrincipal(
  core: Core,
  caller: Caller,
  principalId: string,
  kind: string,
): Promise<Admission> {
  const makes = kind !== 'revoke-token';
  if (makes && isLimited(caller)) throw noRight(caller, 'access-change');
  const facts = { change: { kind, principalId } };
  const request = { caller, action: 'access-change' as const, at: INSTANCE, facts, target: principalId };
  return caller.id === principalId && !isLimited(caller)
    ? Admission.ofOneself(core, request)
    : admit(core, request);
}

async function existing(core: Core, caller: Caller, principalId: string) {
  const principal = await core.queries.principalById(principalId);
  if (principal || caller.id === principalId) return;
  await change(core, caller, { kind: 'look-up', principalId }, principalId);
  throw refuse('PRINCIPAL_UNKNOWN');
}

export async function setDisabled(core: Core, caller: Caller, principalId: string, disabled: boolean) {
  const kind = disabled ? 'DisablePrincipal' : 'EnablePrincipal';
  const admission = await change(
    core,
    caller,
    { kind: disabled ? 'disable' : 'enable', principalId },
    principalId,
  );
  const command = { kind, principalId } as const;
  return (await execute(core, admission, { aggregate: principals, stream: principalsStream(), command }))
    .position;
}

/** Deletes the principal and destroys the key under which their personal data is sealed. */
export async function deletePrincipal(core: Core, caller: Caller, principalId: string) {
  const admission = await change(core, caller, { kind: 'delete-principal', principalId }, principalId);
  const command = { kind: 'DeletePrincipal' as const, principalId };
  const { position } = await execute(core, admission, {
    aggregate: principals,
    stream: principalsStream(),
    command,
  });
  await core.access.vault.removePasswords(principalId);
  await core.access.forget(principalId);
  return position;
}

export interface NewToken {
  readonly principalId: string;
  readonly label: string;
  readonly limits: TokenLimits;
  readonly expiresAt?: string | undefined;
}

/** Issues a token. `token` is shown this once. */
export async function issueToken(
  core: Core,
  caller: Caller,
  wanted: NewToken,
): Promise<Made & { token: string }> {
  const { principalId, limits, expiresAt } = wanted;
  if (expiresAt !== undefined && Date.parse(expiresAt) <= core.now().getTime())
    throw refuse('REQUEST_INVALID', 'the expiry lies in the past');
  await existing(core, caller, principalId);
  const admission = await forPrincipal(core, caller, principalId, 'issue-token');
  // a retried command issues the same token anew, with another secret: the first was not seen
  const minted = mintToken(principalId, derivedId(`${admission.commandId}\ntoken ${principalId}`));
  await core.access.vault.storeToken(minted.tokenId, minted.verifier);
  const { position } = await execute(core, admission, {
    aggregate: credentials,
    stream: credentialsStream(principalId),
    command: {
      kind: 'IssueToken',
      principalId,
      tokenId: minted.tokenId,
      label: await core.sealing.seal(principalId, wanted.label),
      limits,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
  });
  return { id: minted.tokenId, position, token: minted.token };
}

export async function revokeToken(core: Core, caller: Caller, of: { principalId: string; tokenId: string }) {
  const admission = await forPrincipal(core, caller, of.principalId, 'revoke-token');
  const { position } = await execute(core, admission, {
    aggregate: credentials,
    stream: credentialsStream(of.principalId),
    command: { kind: 'RevokeToken', ...of },
  });
  await core.access.vault.removeToken(of.tokenId);
  return position;
}

export interface RoleChange {
  readonly scope: Scope;
  readonly principalId: string;
  readonly role: Role;
}

export async function changeRole(
  core: Core,
  caller: Caller,
  kind: 'GrantRole' | 'RevokeRole',
  wanted: RoleChange,
): Promise<Position | undefined> {
  const { scope, principalId, role } = wanted;
  const place = await placeOfScope(core, scope);
  const facts = { change: { kind: kind === 'GrantRole' ? 'grant' : 'revoke', principalId, role } };
  const target = `${role} ${principalId}`;
  const admission = await admit(core, { caller, action: 'access-change', at: place, facts, target });
  if (kind === 'GrantRole' && !(await core.queries.principalById(principalId)))
    throw refuse('PRINCIPAL_UNKNOWN');
  const command = { kind, scope, principalId, role };
  return (await execute(core, admission, { aggregate: grants, stream: grantsStream(scope), command }))
    .position;
}
