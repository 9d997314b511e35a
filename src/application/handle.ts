/**
 * The write gate. Nothing is appended on behalf of a caller but through an Admission, and an Admission comes only from
 * `admit`: authorise (roles), ask the policies, and only then decide and append.
 */
import type { Aggregate } from '../domain/kernel/decider.ts';
import type { EventMap } from '../domain/kernel/event.ts';
import type { Action, Role } from '../domain/values/actions.ts';
import type { JsonObject } from '../domain/values/json.ts';
import { type Caller, isLimited } from './caller.ts';
import type { Core } from './core.ts';
import { ask, denial, type Facts, type Verdict, warnings } from './gate.ts';
import { type At, mayDo, noRight } from './rights.ts';
import type { Outcome, Outcomes, Step } from './stepping.ts';

export interface Request {
  readonly caller: Caller;
  readonly action: Action;
  readonly at: At;
  readonly facts: Facts;
  /** what denials and the audit name as the target: package, version, tag or the thing changed */
  readonly target: string;
  readonly override?: { readonly hasReason: boolean } | undefined;
}

/** The right to append what follows from one request. Only `admit` makes one. */
export class Admission {
  readonly caller: Caller;
  readonly roles: readonly Role[];
  readonly at: At;
  readonly verdict: Verdict | undefined;
  readonly commandId: string;
  readonly #made = true;

  private constructor(
    request: Request,
    roles: readonly Role[],
    verdict: Verdict | undefined,
    commandId: string,
  ) {
    this.caller = request.caller;
    this.roles = roles;
    this.at = request.at;
    this.verdict = verdict;
    this.commandId = commandId;
  }

  /** Policy warnings to show to the client. */
  get warnings(): readonly string[] {
    return warnings(this.verdict);
  }

  /** True for what `admit` made: a look-alike has no private mark. */
  static isGenuine(value: Admission): boolean {
    return #made in value;
  }

  /**
   * @param without id of a policy attachment that is not asked, since it is being taken off
   * @throws FORBIDDEN, UNAUTHENTICATED, POLICY_DENIED, POLICY_FAILED
   */
  static async of(core: Core, request: Request, without?: string): Promise<Admission> {
    const { roles } = await authorise(core, request);
    const verdict = await ask(core, { ...request, roles, without });
    if (verdict?.decision.outcome === 'deny') throw await denied(core, request, roles, verdict);
    return new Admission(request, roles, verdict, request.caller.commandId ?? core.newId());
  }

  /** For what everybody may do to themselves with a credential that is not limited; policies are asked all the same. */
  static async ofOneself(core: Core, request: Request): Promise<Admission> {
    const { caller } = request;
    if (caller.kind === 'anonymous' || isLimited(caller)) throw noRight(caller, request.action);
    const verdict = await ask(core, { ...request, roles: [] });
    if (verdict?.decision.outcome === 'deny') throw await denied(core, request, [], verdict);
    return new Admission(request, [], verdict, caller.commandId ?? core.newId());
  }

  /**
   * For what no policy is asked about: bringing bytes in before anything names them, and the continuation of a saga
   * that was admitted when it began.
   */
  static async withoutPolicy(core: Core, request: Request): Promise<Admission> {
    const { roles } = await authorise(core, request);
    return new Admission(request, roles, undefined, request.caller.commandId ?? core.newId());
  }
}

export const admit = Admission.of.bind(Admission);

async function denied(core: Core, request: Request, roles: readonly Role[], verdict: Verdict) {
  const codes = verdict.decision.deny.map(finding => finding.code);
  await verdict.durable;
  await core.denials.record({ ...request, roles, codes, decision: verdict.recorded });
  return denial(verdict.decision);
}

/** @throws FORBIDDEN or UNAUTHENTICATED; a refused principal is counted */
export async function authorise(core: Core, request: Request): Promise<{ roles: readonly Role[] }> {
  const { caller, action, at: place } = request;
  const { allowed, roles } = await mayDo(core, caller, action, place);
  if (allowed) return { roles };
  const refusal = noRight(caller, action);
  if (refusal.code === 'FORBIDDEN') await core.denials.record({ ...request, roles, codes: [refusal.code] });
  throw refusal;
}

/** One command on one stream under an admission. */
export async function execute<C, S, M extends EventMap>(
  core: Core,
  admission: Admission,
  step: { aggregate: Aggregate<C, S, M>; stream: string; command: C & { readonly kind: string } },
): Promise<Outcome<S>> {
  if (!Admission.isGenuine(admission)) throw new TypeError('an admission comes from admit()');
  await admission.verdict?.durable;
  return core.streams.execute(step.aggregate, step.stream, step.command, metadata(core, admission));
}

export interface AdmittedStep {
  readonly admission: Admission;
  readonly step: Step;
}

/**
 * Several steps in order, each a command on one stream under its own admission, appended together where they can be.
 * Nothing is appended before the evidence of all is durable.
 */
export async function executeAll(core: Core, steps: readonly AdmittedStep[]): Promise<Outcomes> {
  if (!steps.every(({ admission }) => Admission.isGenuine(admission)))
    throw new TypeError('an admission comes from admit()');
  await Promise.all(steps.map(({ admission }) => admission.verdict?.durable));
  return core.streams.executeAll(
    steps.map(({ admission, step }) => ({ step, meta: metadata(core, admission) })),
  );
}

export interface Authority {
  readonly caller: Caller;
  readonly roles: readonly Role[];
  readonly at: At;
  readonly commandId: string;
  readonly verdict?: Pick<Verdict, 'recorded'> | undefined;
}

/** What every event carries beside its data; shape in domain/kernel/metadata.ts. */
export function metadata(core: Core, authority: Authority): JsonObject & { readonly commandId: string } {
  const { caller, roles, at: place, commandId, verdict } = authority;
  return {
    logId: core.log.logId,
    epoch: core.log.epoch,
    correlationId: caller.correlationId,
    commandId,
    actor: caller.id,
    actorKind: caller.kind,
    authentication: caller.authentication,
    roles: [...roles].sort(),
    observed: core.views.position(),
    producer: core.settings.producer,
    occurredAt: core.now().toISOString(),
    ...(caller.credential === undefined ? {} : { credential: caller.credential }),
    ...(place.project ? { projectId: place.project.id } : {}),
    ...(place.repository ? { repositoryId: place.repository.repositoryId } : {}),
    ...(verdict?.recorded ? { decision: JSON.parse(JSON.stringify(verdict.recorded)) as JsonObject } : {}),
  };
}
