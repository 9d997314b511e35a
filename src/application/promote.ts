/**
 * Promotion: the same bytes become available in another repository, with where they came from, who asked and which
 * decision allowed it. A saga with a stream of its own: asked for here, approved in promotion-approval.ts, carried out
 * in promotion-steps.ts.
 */
import { isRefusal, refuse } from '../domain/errors.ts';
import type { PromotionRequest } from '../domain/promotion/events.ts';
import { type PromotionState, promotion, promotionStream } from '../domain/promotion/promotion.ts';
import type { Position } from '../eventlog/port.ts';
import type { PromotionRow, RepositoryInfo } from '../projections/queries.ts';
import { admitTag } from './admitting.ts';
import type { Caller } from './caller.ts';
import { closureOf, freeze } from './closure.ts';
import type { Core } from './core.ts';
import { authorise, execute } from './handle.ts';
import { find, type Reference } from './lookup.ts';
import { type Asking, admitPromotion, admitWaiting, overrideOf } from './promotion-gate.ts';
import { approvalsOf, carryOut, newLease, type Start, tell } from './promotion-steps.ts';
import { artifactFacts } from './pull-verdict.ts';
import { Released } from './resolve.ts';
import { at } from './rights.ts';
import { derivedId } from './streams.ts';

/** How long a promotion waits for its approvals. */
const APPROVAL_MS = 7 * 24 * 3600 * 1000;

export interface PromotionOrder {
  readonly from: RepositoryInfo;
  readonly to: RepositoryInfo;
  readonly package: string;
  readonly reference: Reference;
  /** the tag to assign in the target; absent: none */
  readonly tag?: string | undefined;
  /** at least one approval is waited for, also where the target asks for none */
  readonly waitForApproval?: boolean | undefined;
  readonly reason?: string | undefined;
  readonly override?: { readonly hasReason: boolean } | undefined;
}

export interface Promoted {
  readonly promotionId: string;
  readonly status: PromotionState['status'];
  readonly request: PromotionRequest;
  readonly position: Position | undefined;
  readonly warnings: readonly string[];
}

/**
 * Asks for a promotion, and carries it out unless it has to wait for approvals. A repeated command goes on with what
 * was asked for first, also when there is more by now, or less.
 */
export async function promote(core: Core, caller: Caller, order: PromotionOrder): Promise<Promoted> {
  const promotionId = derivedId(`${caller.commandId ?? core.newId()}\npromotion`);
  const repeated = caller.commandId !== undefined;
  const known = repeated ? await core.streams.load(promotion, promotionStream(promotionId)) : undefined;
  if (known?.request) return goOn(core, known);
  const asking = await ask(core, { ...caller, commandId: promotionId }, order, promotionId);
  const { request } = asking;
  const waits = request.approvals > 0;
  const { admission, warnings } = waits
    ? await admitWaiting(core, asking)
    : { admission: await admitPromotion(core, asking), warnings: [] };
  await precheckTags(core, asking);
  const run = core.newId();
  const { position } = await execute(core, admission, {
    aggregate: promotion,
    stream: promotionStream(promotionId),
    command: { kind: 'RequestPromotion', request, lease: waits ? undefined : newLease(core, run) },
  });
  if (waits) return { promotionId, status: 'requested', request, position, warnings };
  return finish(core, request, { run, requester: asking.requester, admission });
}

async function finish(core: Core, request: PromotionRequest, start?: Start): Promise<Promoted> {
  const { promotionId } = request;
  return { promotionId, request, ...(await carryOut(core, promotionId, start)) };
}

async function goOn(core: Core, state: PromotionState): Promise<Promoted> {
  const { request, status } = state;
  if (!request) throw refuse('PROMOTION_UNKNOWN');
  const { promotionId } = request;
  if (status === 'requested' && (state.started || request.approvals === 0)) return finish(core, request);
  if (status === 'requested' || status === 'completed')
    return { promotionId, status, request, position: await core.log.head(), warnings: [] };
  throw refuse('STATE_CONFLICT', `this promotion is ${status} already: ask for another one`);
}

/** What is asked for, frozen. The caller may pull all of it. */
async function ask(core: Core, caller: Caller, order: PromotionOrder, promotionId: string): Promise<Asking> {
  const { from, to } = order;
  if (from.format !== to.format)
    throw refuse('REQUEST_INVALID', 'both repositories must have the same format');
  await authorise(core, { caller, action: 'pull', at: at(from), facts: {}, target: order.package });
  const root = await find(core, from, order.package, order.reference);
  const closure = await closureOf(core, from, root);
  for (const { version } of closure)
    await Released.version(core, { caller, repository: from }, order.package, { digest: version.version });
  const { items, digest } = freeze(closure);
  const approvals = Math.max(to.requiredApprovals, order.waitForApproval ? 1 : 0);
  const expires = new Date(core.now().getTime() + APPROVAL_MS).toISOString();
  const request: PromotionRequest = {
    promotionId,
    from: { projectId: from.projectId, repositoryId: from.repositoryId },
    to: { projectId: to.projectId, repositoryId: to.repositoryId },
    package: order.package,
    version: root.version,
    ...(order.tag === undefined ? {} : { tag: order.tag }),
    closure: items,
    closureDigest: digest,
    approvals,
    requestedBy: caller.id,
    ...(approvals > 0 ? { expiresAt: expires } : {}),
    ...(order.override ? { override: true } : {}),
    ...(order.reason ? { reason: await core.sealing.seal(caller.id, order.reason) } : {}),
  };
  return { requester: caller, request, from, to, root, approvals: [] };
}

/** A name that is refused now leaves nothing behind; it is asked about again when it is given. */
async function precheckTags(core: Core, { requester, request, to, root }: Asking): Promise<void> {
  if (request.tag === undefined) return;
  const artifact = await artifactFacts(core, root);
  await admitTag(core, requester, to, { artifact, name: request.tag, override: overrideOf(request) });
}

/**
 * Carries on promotions that a crash cut off, and ends those that nobody approved in time; called by a job. Returns
 * how many were ended. One that cannot be ended now is in nobody's way: the others are, and then its failure is thrown.
 */
export async function resumePromotions(core: Core): Promise<number> {
  let ended = 0;
  let failure: unknown;
  for await (const row of openPromotions(core)) {
    try {
      if (await resume(core, row.promotionId)) ended++;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return ended;
}

const PAGE = 500;

async function* openPromotions(core: Core): AsyncIterable<PromotionRow> {
  for (let after: string | undefined; ; ) {
    const rows = await core.queries.listPromotions({ openOnly: true, after, limit: PAGE, order: 'asc' });
    yield* rows;
    after = rows.at(-1)?.position;
    if (rows.length < PAGE) return;
  }
}

/** Whether it ended. */
async function resume(core: Core, promotionId: string): Promise<boolean> {
  const state = await core.streams.load(promotion, promotionStream(promotionId));
  const { status, request, started } = state;
  if (status !== 'requested' || !request) return false;
  const now = core.now().toISOString();
  if (!started && request.expiresAt !== undefined && request.expiresAt <= now) {
    const expired = await tell(core, { kind: 'ExpirePromotion', promotionId, now });
    return expired.changed;
  }
  const { required, standing } = await approvalsOf(core, state);
  if (!started && standing.length < required) return false;
  try {
    return (await carryOut(core, promotionId)).status !== 'requested';
  } catch (error) {
    if (isRefusal(error, 'CONCURRENT_CHANGE')) return false;
    if (!isRefusal(error) || error.kind === 'unavailable') throw error;
    core.logger.warn({ promotionId, code: error.code }, 'an interrupted promotion was refused');
    return true;
  }
}
