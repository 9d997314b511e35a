/** Who may promote, and what the policies see of a promotion: when it is asked for, and again when it ends. */
import { toDomainEvent } from '../domain/catalogue.ts';
import { refuse } from '../domain/errors.ts';
import type { PromotionRequest } from '../domain/promotion/events.ts';
import { promotionStream } from '../domain/promotion/promotion.ts';
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { ask, warnings } from './gate.ts';
import { Admission, admit, authorise } from './handle.ts';
import { artifactFacts } from './pull-verdict.ts';
import { at, mayDo } from './rights.ts';

/** A promotion between two repositories, and who asks for it. */
export interface Asking {
  readonly requester: Caller;
  readonly request: PromotionRequest;
  readonly from: RepositoryInfo;
  readonly to: RepositoryInfo;
  readonly root: VersionRow;
  /** principals whose approval counts now */
  readonly approvals: readonly string[];
}

async function questionOf(core: Core, { requester, request, from, to, root, approvals }: Asking) {
  const facts = {
    artifact: await artifactFacts(core, root),
    ...(request.tag === undefined ? {} : { tag: { name: request.tag } }),
    promotion: {
      from: {
        projectId: from.projectId,
        repositoryId: from.repositoryId,
        name: `${from.projectName}/${from.name}`,
      },
      requestedBy: requester.id,
      approvals: approvals.map(principal => ({ principal })),
      approvedBy: [...approvals],
    },
  };
  const override = overrideOf(request);
  const target = `${request.package}@${request.version}`;
  return { caller: requester, action: 'promote' as const, at: at(to), facts, target, override };
}

/** Whether who asked wanted soft denials passed: for the promotion, and for the tags that come with it. */
export function overrideOf(request: PromotionRequest): { readonly hasReason: boolean } | undefined {
  return request.override ? { hasReason: request.reason !== undefined } : undefined;
}

/** @throws FORBIDDEN, POLICY_DENIED, POLICY_FAILED */
export async function admitPromotion(core: Core, asking: Asking): Promise<Admission> {
  return admit(core, await questionOf(core, asking));
}

/**
 * One that waits for approvals is judged when they are there. What the policies say by now is a warning to who asks:
 * it may be just the approval that they miss.
 */
export async function admitWaiting(core: Core, asking: Asking) {
  const question = await questionOf(core, asking);
  const { roles } = await authorise(core, question);
  const verdict = await ask(core, { ...question, roles });
  const denied = verdict?.decision.outcome === 'deny' ? verdict.decision.deny : [];
  const told = denied.map(({ msg }) => `as it is, it would be refused: ${msg}`);
  return {
    admission: await Admission.withoutPolicy(core, question),
    warnings: [...told, ...warnings(verdict)],
  };
}

/** Who asked for a promotion, as the gate sees them now. @throws FORBIDDEN when there is no such account any more */
export async function requesterOf(core: Core, promotionId: string): Promise<Caller> {
  const [first] = await core.log.readStream(promotionStream(promotionId), { from: 0, limit: 1 });
  if (!first) throw refuse('PROMOTION_UNKNOWN');
  const { actor: id, actorKind: kind, authentication, credential, correlationId } = toDomainEvent(first).meta;
  const principal = kind === 'system' || (await core.queries.principalById(id));
  if (!principal || (principal !== true && principal.disabled))
    throw refuse('FORBIDDEN', { reason: 'who asked for this promotion has no account any more' });
  const caller = { id, kind, authentication, correlationId, commandId: promotionId };
  return credential === undefined ? caller : { ...caller, credential };
}

/** Those of the approvers who may approve now: an account that was closed, or lost its right, approves nothing. */
export async function standing(
  core: Core,
  to: RepositoryInfo,
  approvers: readonly string[],
): Promise<readonly string[]> {
  const may = await Promise.all(
    approvers.map(async id => {
      const principal = await core.queries.principalById(id);
      if (!principal || principal.disabled) return false;
      const caller = { id, kind: principal.kind, authentication: 'internal' as const, correlationId: id };
      return (await mayDo(core, caller, 'promote', at(to))).allowed;
    }),
  );
  return approvers.filter((_id, index) => may[index]);
}
