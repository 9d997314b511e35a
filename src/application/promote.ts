/**
 * Promotion: the same bytes become available in another repository, with where they came from, who asked and which
 * decision allowed it. A saga with a stream of its own; every step is idempotent and the tag comes last, so that a
 * promotion that was cut off is carried on, and nobody sees half of one under its tag.
 */
import { isRefusal, refuse } from '../domain/errors.ts';
import { type PromotionRequest, promotion, promotionStream } from '../domain/promotion/promotion.ts';
import type { Position } from '../eventlog/port.ts';
import type { RepositoryInfo, VersionRow } from '../projections/queries.ts';
import type { Caller } from './caller.ts';
import { systemCaller } from './caller.ts';
import { closureOf } from './closure.ts';
import type { Core } from './core.ts';
import { Admission, admit, authorise, execute } from './handle.ts';
import { heldRefusal, holdsOn } from './holds.ts';
import { admitTag, assignTag, latest, place } from './publish.ts';
import { artifactFacts } from './pull-verdict.ts';
import { find, type Reference, Released } from './resolve.ts';
import { at, INSTANCE } from './rights.ts';
import { derivedId } from './streams.ts';
import { linkBlob } from './uploads.ts';

export interface PromotionOrder {
  readonly from: RepositoryInfo;
  readonly to: RepositoryInfo;
  readonly package: string;
  readonly reference: Reference;
  /** the tag to assign in the target; absent: none */
  readonly tag?: string | undefined;
  readonly override?: { readonly hasReason: boolean } | undefined;
}

export interface Promoted {
  readonly promotionId: string;
  readonly version: string;
  readonly placed: number;
  readonly position: Position | undefined;
  readonly warnings: readonly string[];
}

export async function promote(core: Core, caller: Caller, order: PromotionOrder): Promise<Promoted> {
  const { from, to } = order;
  if (from.format !== to.format)
    throw refuse('REQUEST_INVALID', 'both repositories must have the same format');
  await authorise(core, { caller, action: 'pull', at: at(from), facts: {}, target: order.package });
  const root = await find(core, from, order.package, order.reference);
  const closure = await closureOf(core, from, root);
  for (const version of closure)
    await Released.version(core, { caller, repository: from }, order.package, { digest: version.version });
  const admission = await admitPromotion(core, caller, order, root);
  const promotionId = derivedId(`${admission.commandId}\npromotion`);
  const request: PromotionRequest = {
    promotionId,
    from: { projectId: from.projectId, repositoryId: from.repositoryId },
    to: { projectId: to.projectId, repositoryId: to.repositoryId },
    package: order.package,
    version: root.version,
    ...(order.tag === undefined ? {} : { tag: order.tag }),
    closure: closure.map(({ version, incarnation }) => ({ version, incarnation })),
  };
  if (order.tag !== undefined)
    await admitTag(core, caller, to, { artifact: await artifactFacts(core, root), name: order.tag });
  const stream = promotionStream(promotionId);
  const requested = await execute(core, admission, {
    aggregate: promotion,
    stream,
    command: { kind: 'RequestPromotion', request },
  });
  // a repeated command goes on with what was asked for first, also when there is more by now
  if (requested.state.status === 'refused')
    throw refuse('STATE_CONFLICT', 'this promotion was refused: ask for another one');
  const done = await run(core, {
    ...{ caller, admission, from, to, root },
    request: requested.state.request ?? request,
  });
  return {
    promotionId,
    version: root.version,
    placed: closure.length,
    ...done,
    warnings: admission.warnings,
  };
}

async function admitPromotion(core: Core, caller: Caller, order: PromotionOrder, root: VersionRow) {
  const { from, to } = order;
  const facts = {
    artifact: await artifactFacts(core, root),
    ...(order.tag === undefined ? {} : { tag: { name: order.tag } }),
    promotion: {
      from: {
        projectId: from.projectId,
        repositoryId: from.repositoryId,
        name: `${from.projectName}/${from.name}`,
      },
      requestedBy: caller.id,
    },
  };
  const target = `${order.package}@${root.version}`;
  return admit(core, { caller, action: 'promote', at: at(to), facts, target, override: order.override });
}

interface Running {
  readonly caller: Caller;
  readonly admission: Admission;
  readonly request: PromotionRequest;
  readonly from: RepositoryInfo;
  readonly to: RepositoryInfo;
  readonly root: VersionRow;
}

/** The steps after the request. A refusal on the way ends the promotion; a crash leaves it to `resumePromotions`. */
async function run(core: Core, running: Running): Promise<{ position: Position | undefined }> {
  const { request, admission } = running;
  const stream = promotionStream(request.promotionId);
  try {
    const position = await core.fence.shared(() => placeClosure(core, running));
    const command = { kind: 'CompletePromotion' as const, promotionId: request.promotionId };
    const completed = await execute(core, admission, { aggregate: promotion, stream, command });
    return { position: latest(position, completed.position) };
  } catch (error) {
    if (!isRefusal(error) || error.kind === 'unavailable') throw error;
    const command = { kind: 'RefusePromotion' as const, promotionId: request.promotionId, code: error.code };
    await execute(core, admission, { aggregate: promotion, stream, command });
    throw error;
  }
}

async function placeClosure(core: Core, running: Running): Promise<Position | undefined> {
  const { request, admission, from, to } = running;
  let position: Position | undefined;
  let incarnation = '';
  for (const { version: id, incarnation: fromIncarnation } of request.closure) {
    const version = await available(core, running, { version: id, incarnation: fromIncarnation });
    position = latest(position, await linkParts(core, admission, to, version));
    const placed = await place(core, admission, to, {
      package: request.package,
      version: id,
      mediaType: version.mediaType,
      artifactType: version.artifactType ?? undefined,
      files: version.files,
      references: version.references,
      provenance: {
        promotionId: request.promotionId,
        fromRepositoryId: from.repositoryId,
        fromIncarnation,
        publishedBy: version.provenance?.publishedBy ?? version.publishedBy,
      },
    });
    position = latest(position, placed.position);
    if (id === request.version) incarnation = placed.incarnation;
  }
  if (request.tag === undefined) return position;
  const named = { repository: to, package: request.package, tag: request.tag, version: request.version };
  return latest(position, await assignTag(core, await gateAgain(core, running), { ...named, incarnation }));
}

type Item = PromotionRequest['closure'][number];

/** One version of the closure, which must still be what was asked for, and free. @throws STATE_CONFLICT, ARTIFACT_HELD */
async function available(core: Core, running: Running, item: Item): Promise<VersionRow> {
  const { caller, request, from } = running;
  const version = await core.queries.getVersion(from.repositoryId, request.package, item.version);
  if (version?.status !== 'live' || version.incarnation !== item.incarnation)
    throw refuse('STATE_CONFLICT', `${item.version} was deleted while it was being promoted`);
  const holds = await holdsOn(core, from, version);
  if (holds.length > 0) throw await heldRefusal(core, caller, from, holds);
  return version;
}

/**
 * Between the request and the tag things may have changed: holds, on what was placed first too, and the gate are asked
 * again before anything gets the name.
 */
async function gateAgain(core: Core, running: Running): Promise<Admission> {
  const { caller, request, to, root } = running;
  await core.views.reached(await core.log.head(), core.settings.viewWaitMs);
  for (const item of request.closure) await available(core, running, item);
  const artifact = { ...(await artifactFacts(core, root)) };
  const admission = await admitTag(core, caller, to, { artifact, name: request.tag ?? '' });
  return admission;
}

async function linkParts(core: Core, admission: Admission, to: RepositoryInfo, version: VersionRow) {
  let position: Position | undefined;
  for (const part of version.references) {
    if (!part.canonical || (part.relation !== 'config' && part.relation !== 'layer')) continue;
    const { digest, canonical, size } = part;
    if (!(await core.blobs.stat(canonical)))
      throw refuse('STORAGE_UNAVAILABLE', `${digest} is not in the store`);
    position = latest(
      position,
      (await linkBlob(core, admission, to, { digest, canonical, size, via: 'promotion' })).position,
    );
  }
  return position;
}

/**
 * Carries on promotions that a crash cut off; called by a job. Returns how many were ended. One that cannot be ended
 * now is in nobody's way: the others are, and then its failure is thrown.
 */
export async function resumePromotions(core: Core): Promise<number> {
  let ended = 0;
  let failure: unknown;
  const open = await core.queries.listPromotions({ openOnly: true, limit: 1000, order: 'asc' });
  for (const { promotionId } of open) {
    try {
      await resume(core, promotionId);
      ended++;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return ended;
}

/** The request was admitted when it was made; its steps continue in the name of the registry. */
async function resume(core: Core, promotionId: string): Promise<void> {
  const stream = promotionStream(promotionId);
  const { status, request } = await core.streams.load(promotion, stream);
  if (status !== 'requested' || !request) return;
  const caller = systemCaller(promotionId);
  const asked = { caller, action: 'promote' as const, facts: {}, target: request.package };
  const from = await core.queries.repositoryById(request.from.repositoryId);
  const to = await core.queries.repositoryById(request.to.repositoryId);
  const root = from && (await core.queries.getVersion(from.repositoryId, request.package, request.version));
  if (!from || !to || !root) {
    const admission = await Admission.withoutPolicy(core, { ...asked, at: INSTANCE });
    const command = { kind: 'RefusePromotion' as const, promotionId, code: 'REPOSITORY_UNKNOWN' };
    await execute(core, admission, { aggregate: promotion, stream, command });
    return;
  }
  const admission = await Admission.withoutPolicy(core, { ...asked, at: at(to) });
  try {
    await run(core, { caller, admission, request, from, to, root });
  } catch (error) {
    if (!isRefusal(error) || error.kind === 'unavailable') throw error;
    core.logger.warn({ promotionId, code: error.code }, 'an interrupted promotion was refused');
  }
}
