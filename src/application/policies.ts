/** Attaching policy sets, changing their level, taking them off. These commands pass the gate like all others. */
import { scopeKey } from '../domain/access/grants.ts';
import { refuse } from '../domain/errors.ts';
import { type EnforcementLevel, policy } from '../domain/policy/policy.ts';
import type { Scope } from '../domain/values/actions.ts';
import type { JsonObject } from '../domain/values/json.ts';
import type { Position } from '../eventlog/port.ts';
import { checkParams, shippedSets } from '../policies/library.ts';
import type { AttachmentRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { Admission, admit, execute } from './handle.ts';
import { type At, at, INSTANCE, mayDo } from './rights.ts';
import { derivedId } from './streams.ts';

const policyStream = (scope: Scope) => `policy-${scopeKey(scope)}`;

/** The place of a scope, with names. @throws PROJECT_UNKNOWN, REPOSITORY_UNKNOWN */
export async function placeOfScope(core: Core, scope: Scope): Promise<At> {
  if (scope.kind === 'instance') return INSTANCE;
  if (scope.kind === 'repository') {
    const repository = await core.queries.repositoryById(scope.id);
    if (!repository) throw refuse('REPOSITORY_UNKNOWN');
    return at(repository);
  }
  const project = await core.queries.projectById(scope.id);
  if (!project) throw refuse('PROJECT_UNKNOWN');
  return { project: { id: project.projectId, name: project.name } };
}

async function admitChange(
  core: Core,
  caller: Caller,
  scope: Scope,
  facts: JsonObject & { kind: string; set: string },
) {
  const place = await placeOfScope(core, scope);
  const target = `${facts.kind} ${facts.set}`;
  return admit(core, { caller, action: 'policy-change', at: place, facts: { change: facts }, target });
}

export interface NewAttachment {
  readonly scope: Scope;
  /** name of a shipped set */
  readonly set: string;
  readonly level: EnforcementLevel;
  readonly params?: JsonObject | undefined;
}

/** @throws POLICY_UNKNOWN, REQUEST_INVALID for parameters that the set does not take */
export async function attachPolicy(core: Core, caller: Caller, wanted: NewAttachment) {
  const { scope, level, params } = wanted;
  const set = shippedSets().find(({ name }) => name === wanted.set);
  if (!set) {
    const names = shippedSets().map(({ name }) => name);
    throw refuse('POLICY_UNKNOWN', `${wanted.set}; there are ${names.join(', ')}`);
  }
  if (params) checkParams(set, params);
  const facts = { kind: 'attach', set: set.name, level, ...(params ? { params } : {}) };
  const admission = await admitChange(core, caller, scope, facts);
  // the module must outlive this program's version: a decision made with it can be replayed for ever
  await core.evidence.put(set.bytes);
  const attachmentId = derivedId(`${admission.commandId}\nattach ${set.name}`);
  const command = {
    kind: 'AttachPolicy' as const,
    scope,
    attachmentId,
    set: set.name,
    module: set.moduleDigest,
    level,
    params,
  };
  const { position } = await execute(core, admission, {
    aggregate: policy,
    stream: policyStream(scope),
    command,
  });
  return { id: attachmentId, position };
}

export async function setPolicyLevel(core: Core, caller: Caller, of: AttachmentRow, level: EnforcementLevel) {
  const facts = { kind: 'set-level', set: of.set, level };
  const admission =
    level === 'off'
      ? await admitRemoval(core, caller, of, facts)
      : await admitChange(core, caller, of.scope, facts);
  const command = { kind: 'SetLevel' as const, scope: of.scope, attachmentId: of.attachmentId, level };
  return (await execute(core, admission, { aggregate: policy, stream: policyStream(of.scope), command }))
    .position;
}

export async function detachPolicy(
  core: Core,
  caller: Caller,
  of: AttachmentRow,
): Promise<Position | undefined> {
  const admission = await admitRemoval(core, caller, of, { kind: 'detach', set: of.set });
  const command = { kind: 'DetachPolicy' as const, scope: of.scope, attachmentId: of.attachmentId };
  return (await execute(core, admission, { aggregate: policy, stream: policyStream(of.scope), command }))
    .position;
}

/** Taking a policy off is never blocked by that policy: the gate is asked without it. */
async function admitRemoval(
  core: Core,
  caller: Caller,
  of: AttachmentRow,
  facts: JsonObject & { kind: string; set: string },
): Promise<Admission> {
  const place = await placeOfScope(core, of.scope);
  const request = {
    caller,
    action: 'policy-change' as const,
    at: place,
    facts: { change: facts },
    target: of.set,
  };
  return admit(core, request, of.attachmentId);
}

/** On the host, past the gate, recorded with its reason. */
export async function breakGlass(core: Core, caller: Caller, of: AttachmentRow, reason: string) {
  const place = await placeOfScope(core, of.scope);
  const request = { caller, action: 'policy-change' as const, at: place, facts: {}, target: of.set };
  const admission = await Admission.withoutPolicy(core, request);
  const sealed = await core.sealing.seal('host', reason);
  const command = {
    kind: 'BreakGlass' as const,
    scope: of.scope,
    attachmentId: of.attachmentId,
    reason: sealed,
  };
  return (await execute(core, admission, { aggregate: policy, stream: policyStream(of.scope), command }))
    .position;
}

/** The sets that can be attached, without their bytes. */
export function availableSets() {
  return shippedSets().map(
    ({ name, title, summary, moduleDigest, sourceDigest, paramsSchema, defaults }) => ({
      ...{ name, title, summary, module: moduleDigest, source: sourceDigest, params: paramsSchema, defaults },
    }),
  );
}

/** What binds a place is no secret to who may pull there. */
export async function maySeeAttachment(core: Core, caller: Caller, of: AttachmentRow): Promise<boolean> {
  const place = await placeOfScope(core, of.scope).catch(() => undefined);
  return place !== undefined && (await mayDo(core, caller, 'pull', place)).allowed;
}
