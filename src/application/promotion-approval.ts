/** Approving, rejecting and taking back promotions that wait. */
import { isRefusal, refuse } from '../domain/errors.ts';
import { type PromotionState, promotion, promotionStream } from '../domain/promotion/promotion.ts';
import type { Position } from '../eventlog/port.ts';
import type { PromotionRow, RepositoryInfo } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import { Admission, authorise, execute } from './handle.ts';
import { approvalsOf, carryOut, tell } from './promotion-steps.ts';
import { at, INSTANCE, mayDo } from './rights.ts';

/** A promotion that the caller may know of, with the ends of it that are still there. */
export interface KnownPromotion {
  readonly row: PromotionRow;
  readonly from: RepositoryInfo | undefined;
  readonly to: RepositoryInfo | undefined;
}

/**
 * A promotion is known to who may pull at either end.
 * @throws PROMOTION_UNKNOWN; to who may not know of it, the same refusal whether there is one or not
 */
export async function promotionFor(core: Core, caller: Caller, promotionId: string): Promise<KnownPromotion> {
  const row = await core.queries.promotion(promotionId);
  const known = row && (await endsOf(core, row));
  if (known && (await sees(core, caller, known))) return known;
  await authorise(core, { caller, action: 'pull', at: INSTANCE, facts: {}, target: 'promotion' });
  throw refuse('PROMOTION_UNKNOWN');
}

export async function endsOf(core: Core, row: PromotionRow): Promise<KnownPromotion> {
  const from = await core.queries.repositoryById(row.fromRepositoryId);
  const to = await core.queries.repositoryById(row.toRepositoryId);
  return { row, from, to };
}

export async function sees(core: Core, caller: Caller, { from, to }: KnownPromotion): Promise<boolean> {
  for (const end of [to, from]) if (end && (await mayDo(core, caller, 'pull', at(end))).allowed) return true;
  return false;
}

export interface Approved {
  readonly status: PromotionState['status'];
  /** how many approvals count, and how many are needed */
  readonly given: number;
  readonly required: number;
  /** why it ended otherwise than it should */
  readonly refusal?: { readonly code: string; readonly reason?: string | undefined } | undefined;
  readonly position: Position | undefined;
  readonly warnings: readonly string[];
}

/**
 * Approves what the closure's digest names. With the last approval that was missing the promotion is carried out, in
 * the name of who asked for it; if it is refused then, the approval stands all the same.
 * @throws FORBIDDEN, STATE_CONFLICT, PROMOTION_UNKNOWN
 */
export async function approvePromotion(
  core: Core,
  caller: Caller,
  promotionId: string,
  how: { closureDigest: string; reason?: string | undefined },
): Promise<Approved> {
  const { known, admission } = await admitted(core, caller, promotionId);
  if (caller.kind !== 'user') throw refuse('FORBIDDEN', { reason: 'an approval is given by a person' });
  const now = core.now().toISOString();
  const reason = how.reason ? await core.sealing.seal(caller.id, how.reason) : undefined;
  const { closureDigest } = how;
  await tell(core, { kind: 'ExpirePromotion', promotionId, now });
  const { state, position } = await execute(core, admission, {
    aggregate: promotion,
    stream: promotionStream(promotionId),
    command: { kind: 'ApprovePromotion', promotionId, by: caller.id, closureDigest, now, reason },
  });
  const { required, standing } = await approvalsOf(core, state);
  const count = { given: standing.length, required };
  if (state.status !== 'requested' || standing.length < required)
    return { ...count, status: state.status, position, warnings: [] };
  return { ...count, ...(await carriedOut(core, caller, known)) };
}

async function carriedOut(core: Core, caller: Caller, { row, from }: KnownPromotion) {
  try {
    return await carryOut(core, row.promotionId);
  } catch (error) {
    if (!isRefusal(error) || error.kind === 'unavailable') throw error;
    const position = await core.log.head();
    const base = { position, warnings: [] };
    // somebody else's approval, or the job, has begun with it
    if (error.code === 'CONCURRENT_CHANGE') return { ...base, status: 'requested' as const };
    // the reason of a hold is for those who may pull what is held
    const readable = from !== undefined && (await mayDo(core, caller, 'pull', at(from))).allowed;
    const reason = readable ? error.detail.reason : undefined;
    return { ...base, status: 'refused' as const, refusal: { code: error.code, reason } };
  }
}

/** Ends a promotion that waits: rejected by who may promote there, or taken back by who asked for it. */
export async function rejectPromotion(
  core: Core,
  caller: Caller,
  promotionId: string,
  reason: string,
): Promise<{ status: PromotionState['status']; position: Position | undefined }> {
  const { admission } = await admitted(core, caller, promotionId);
  const sealed = await core.sealing.seal(caller.id, reason);
  const { state, position } = await execute(core, admission, {
    aggregate: promotion,
    stream: promotionStream(promotionId),
    command: { kind: 'RejectPromotion', promotionId, by: caller.id, reason: sealed },
  });
  return { status: state.status, position };
}

/** Who may promote into the target may also say what others promote into it. Policies are asked when it goes on. */
async function admitted(core: Core, caller: Caller, promotionId: string) {
  const known = await promotionFor(core, caller, promotionId);
  if (!known.to) throw refuse('REPOSITORY_UNKNOWN');
  const target = `${known.row.package}@${known.row.version}`;
  const request = { caller, action: 'promote' as const, at: at(known.to), facts: {}, target };
  return { known, admission: await Admission.withoutPolicy(core, request) };
}
