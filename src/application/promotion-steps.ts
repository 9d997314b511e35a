/**
 * The steps of a promotion, after it was asked for and approved. One run at a time has its lease; every step is
 * idempotent and has the same event ids whoever takes it, so that a run that was cut off, or lost its lease without
 * noticing, does nothing twice. The tags come last, after the gate was asked again in the requester's name.
 */
import { isRefusal, refuse } from '../domain/errors.ts';
import type { ClosureItem, PromotionRequest } from '../domain/promotion/events.ts';
import {
  type Lease,
  type PromotionCommand,
  type PromotionState,
  promotion,
  promotionStream,
} from '../domain/promotion/promotion.ts';
import type { Position } from '../eventlog/port.ts';
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import { admitTag } from './admitting.ts';
import type { Caller } from './caller.ts';
import { systemCaller } from './caller.ts';
import type { Core } from './core.ts';
import { Admission, execute } from './handle.ts';
import { assignTag, latest } from './placing.ts';
import { available, copyOf, placeItem, sourceRow } from './promotion-copy.ts';
import { type Asking, admitPromotion, overrideOf, requesterOf, standing } from './promotion-gate.ts';
import { artifactFacts } from './pull-verdict.ts';
import { at, INSTANCE } from './rights.ts';

/** A run that is silent for so long is taken for dead. It takes its lease anew when half of it is over. */
export const PROMOTION_LEASE_MS = 30_000;

export const newLease = (core: Core, holder: string): Lease => ({
  holder,
  until: new Date(core.now().getTime() + PROMOTION_LEASE_MS).toISOString(),
});

export interface Carried {
  readonly status: PromotionState['status'];
  readonly position: Position | undefined;
  readonly warnings: readonly string[];
}

/** What the one who asked has in hand already. */
export interface Start {
  /** id of the run that has the lease */
  readonly run: string;
  readonly requester: Caller;
  readonly admission: Admission;
}

/**
 * Takes the lease and carries a promotion out, from wherever it stands. A refusal on the way ends it and is thrown;
 * anything else leaves it to the next run.
 * @throws STATE_CONFLICT while it waits for approvals, CONCURRENT_CHANGE while another run has the lease
 */
export async function carryOut(core: Core, promotionId: string, start?: Start): Promise<Carried> {
  const run = start?.run ?? core.newId();
  const state = await takeLease(core, promotionId, run);
  if (state.status !== 'requested') return { ...(await sofar(core)), status: state.status };
  try {
    return await perform(core, { promotionId, run, state, start });
  } catch (error) {
    if (isRefusal(error, 'CONCURRENT_CHANGE')) {
      // whoever took this run for dead may have come to the end by now
      const { status } = await core.streams.load(promotion, promotionStream(promotionId));
      if (status === 'completed') return { ...(await sofar(core)), status };
    }
    await stop(core, { promotionId, run, error });
    throw error;
  }
}

const sofar = async (core: Core) => ({ position: await core.log.head(), warnings: [] });

/** How a run ends when something came in between: for good, or so that the next one need not wait for its lease. */
async function stop(core: Core, of: { promotionId: string; run: string; error: unknown }): Promise<void> {
  const { promotionId, run: holder, error } = of;
  // who lost the lease has nothing more to say; what is unavailable now may be there later
  const final = isRefusal(error) && error.kind !== 'unavailable' && error.code !== 'CONCURRENT_CHANGE';
  if (final) {
    await tell(core, { kind: 'RefusePromotion', promotionId, holder, code: error.code });
    return;
  }
  await tell(core, { kind: 'ReleaseLease', promotionId, holder }).catch(failure =>
    core.logger.warn({ promotionId, error: String(failure) }, 'a lease could not be given back: it runs out'),
  );
}

/** What the registry itself writes into a promotion's stream. */
export async function tell(core: Core, command: PromotionCommand & { readonly promotionId: string }) {
  const { promotionId } = command;
  const stream = promotionStream(promotionId);
  const { request } = await core.streams.load(promotion, stream);
  const to = request && (await core.queries.repositoryById(request.to.repositoryId));
  const admission = await Admission.withoutPolicy(core, {
    ...{ caller: systemCaller(promotionId), action: 'promote', facts: {}, target: request?.package ?? '' },
    at: to ? at(to) : INSTANCE,
  });
  return execute(core, admission, { aggregate: promotion, stream, command });
}

async function takeLease(core: Core, promotionId: string, run: string): Promise<PromotionState> {
  const state = await core.streams.load(promotion, promotionStream(promotionId));
  const now = core.now();
  const halfOver = new Date(now.getTime() + PROMOTION_LEASE_MS / 2).toISOString();
  if (state.lease?.holder === run && state.lease.until > halfOver) return state;
  const approved = await approvalsOf(core, state);
  const command = { promotionId, lease: newLease(core, run), now: now.toISOString(), ...approved };
  return (await tell(core, { kind: 'TakeLease', ...command })).state;
}

/** What the target asks for now, and who of the approvers may still approve. */
export async function approvalsOf(core: Core, { request, approvals }: PromotionState) {
  const to = request && (await core.queries.repositoryById(request.to.repositoryId));
  if (!to || request.approvals === 0) return { required: 0, standing: approvals };
  const required = Math.max(request.approvals, to.requiredApprovals);
  return { required, standing: await standing(core, to, approvals) };
}

interface Job {
  readonly promotionId: string;
  readonly run: string;
  readonly state: PromotionState;
  readonly start: Start | undefined;
}

interface Running extends Asking {
  readonly run: string;
  /** of the promotion itself, when the run began */
  readonly admission: Admission;
}

async function perform(core: Core, job: Job): Promise<Carried> {
  const { promotionId, run, state, start } = job;
  const { request } = state;
  if (!request) throw refuse('PROMOTION_UNKNOWN');
  const from = await core.queries.repositoryById(request.from.repositoryId);
  const to = await core.queries.repositoryById(request.to.repositoryId);
  if (!start && to && (await isDone(core, to, request))) {
    const told = await tell(core, { kind: 'CompletePromotion', promotionId, holder: run });
    return { status: told.state.status, position: told.position, warnings: [] };
  }
  const root = from && (await sourceRow(core, from, request, request.version));
  if (!from || !to || !root) throw refuse('REPOSITORY_UNKNOWN');
  const requester = start?.requester ?? (await requesterOf(core, promotionId));
  const { standing: approvals } = await approvalsOf(core, state);
  const asking = { requester, request, from, to, root, approvals };
  const admission = start?.admission ?? (await admitPromotion(core, asking));
  return core.fence.shared(() => stepByStep(core, { ...asking, run, admission }));
}

/** Cut off between its last tag and its completion: whatever became of the source since, it is promoted. */
async function isDone(core: Core, to: RepositoryInfo, request: PromotionRequest): Promise<boolean> {
  if (request.tag === undefined) return false;
  await core.views.reached(await core.log.head(), core.settings.viewWaitMs);
  for (const item of request.closure) {
    const copy = await copyOf(core, to, request, item);
    if (!copy) return false;
    for (const name of tagsOf(request, item)) {
      const tag = await core.queries.getTag(to.repositoryId, request.package, name);
      if (tag?.incarnation !== copy.incarnation) return false;
    }
  }
  return true;
}

const tagsOf = ({ version, tag }: PromotionRequest, item: ClosureItem): string[] => [
  ...(item.sidecarTags ?? []).filter(name => name !== tag),
  ...(tag !== undefined && item.version === version ? [tag] : []),
];

async function stepByStep(core: Core, running: Running): Promise<Carried> {
  const { request, to, run } = running;
  const { promotionId } = request;
  let position: Position | undefined;
  let renewAt = core.now().getTime();
  for (const item of request.closure) {
    if (core.now().getTime() >= renewAt) {
      await keepLease(core, promotionId, run);
      renewAt = core.now().getTime() + PROMOTION_LEASE_MS / 4;
    }
    position = latest(position, await placeItem(core, running, item));
  }
  const copies = await checkAgain(core, running);
  const admission = await admitPromotion(core, running);
  const tags = await admitTags(core, running, copies);
  await keepLease(core, promotionId, run);
  for (const { tag, copy, admission: admitted } of tags) {
    const named = { repository: to, package: request.package, tag, version: copy.version };
    position = latest(position, await assignTag(core, admitted, { ...named, incarnation: copy.incarnation }));
  }
  const command = { kind: 'CompletePromotion' as const, promotionId, holder: run };
  const stream = promotionStream(promotionId);
  const { state, position: end } = await execute(core, admission, { aggregate: promotion, stream, command });
  const said = [running.admission, ...tags.map(one => one.admission), admission].flatMap(one => one.warnings);
  return { status: state.status, position: latest(position, end), warnings: [...new Set(said)] };
}

interface Tagging {
  readonly tag: string;
  readonly copy: VersionRow;
  readonly admission: Admission;
}

/** In the order in which they are given: the version's own name comes after those of what is about it. */
async function admitTags(
  core: Core,
  { request, requester, to }: Running,
  copies: Copies,
): Promise<Tagging[]> {
  const tags: Tagging[] = [];
  for (const { item, copy } of copies) {
    const artifact = await artifactFacts(core, copy);
    for (const tag of tagsOf(request, item)) {
      const named = { artifact, name: tag, override: overrideOf(request) };
      tags.push({ tag, copy, admission: await admitTag(core, requester, to, named) });
    }
  }
  return tags.sort((a, b) => Number(a.tag === request.tag) - Number(b.tag === request.tag));
}

type Copies = readonly { readonly item: ClosureItem; readonly copy: VersionRow }[];

/** @throws CONCURRENT_CHANGE when another run took over, or something ended the promotion */
async function keepLease(core: Core, promotionId: string, run: string): Promise<void> {
  const { status, lease } = await takeLease(core, promotionId, run);
  if (status !== 'requested' || lease?.holder !== run)
    throw refuse('CONCURRENT_CHANGE', 'this promotion was carried on by another process');
}

/**
 * Between the request and the tag things may have changed: holds, on what was placed first too, are asked about again
 * before anything gets the name, and all copies must be there.
 */
async function checkAgain(core: Core, running: Running): Promise<Copies> {
  const { request, to } = running;
  await core.views.reached(await core.log.head(), core.settings.viewWaitMs);
  const copies: { item: ClosureItem; copy: VersionRow }[] = [];
  for (const item of request.closure) {
    await available(core, running, item);
    const copy = await copyOf(core, to, request, item);
    if (!copy)
      throw refuse('STATE_CONFLICT', `${item.version} was deleted in the target while it was being promoted`);
    copies.push({ item, copy });
  }
  return copies;
}
