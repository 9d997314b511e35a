/** Recorded decisions: found in the log, explained from evidence, made again byte for byte. */
import { toDomainEvent } from '../domain/catalogue.ts';
import { refuse } from '../domain/errors.ts';
import { type RecordedDecision, recordedDecisionSchema } from '../policies/decision.ts';
import { replayDecision } from '../policies/replay.ts';
import type { Core } from './core.ts';

interface Found {
  readonly eventId: string;
  readonly type: string;
  readonly position: string;
  readonly recordedAt: string;
  readonly actor: string;
  readonly decision: RecordedDecision;
}

export async function listDecisions(
  core: Core,
  page: { after?: string | undefined; limit: number; order: 'asc' | 'desc' },
) {
  const rows = await core.queries.activity({ ...page, decidedOnly: true });
  return rows.map(row => ({
    id: row.eventId,
    position: row.position,
    at: row.recordedAt,
    event: row.type,
    outcome: row.outcome ?? 'allow',
    actor: row.actor,
    ...(row.package ? { package: row.package } : {}),
    ...(row.version ? { version: row.version } : {}),
    ...(row.tag ? { tag: row.tag } : {}),
  }));
}

/** From the log itself, so that it does not rest on what the views say. @throws DECISION_UNKNOWN */
async function findDecision(core: Core, eventId: string): Promise<Found> {
  const row = await core.queries.decidedEvent(eventId);
  const [recorded] = row ? await core.log.readStream(row.stream, { from: row.revision, limit: 1 }) : [];
  if (!recorded || recorded.id !== eventId) throw refuse('DECISION_UNKNOWN', { id: eventId.slice(0, 100) });
  const event = toDomainEvent(recorded);
  const decision = recordedDecisionSchema.parse(event.meta.decision);
  const { type, position, recordedAt, meta } = event;
  return { eventId, type, position, recordedAt, actor: meta.actor, decision };
}

const tools = (core: Core) => ({ evaluator: core.evaluator, evidence: core.evidence, modules: core.modules });

export async function showDecision(core: Core, eventId: string) {
  const { decision, type, position, recordedAt, actor } = await findDecision(core, eventId);
  const evidence = async (digest: string | undefined) => {
    if (digest === undefined) return undefined;
    const bytes = await core.evidence.get(digest);
    return bytes === undefined || bytes === 'erased'
      ? (bytes ?? 'missing')
      : JSON.parse(Buffer.from(bytes).toString('utf8'));
  };
  const sets = decision.sets.map(async set => ({ ...set, findings: await evidence(set.result) }));
  return {
    id: eventId,
    event: type,
    position,
    at: recordedAt,
    actor,
    outcome: decision.outcome,
    evaluator: decision.evaluator,
    inputDigest: decision.input,
    input: await evidence(decision.input),
    sets: await Promise.all(sets),
    ...(decision.overridden ? { overridden: decision.overridden } : {}),
  };
}

export async function replayOne(core: Core, eventId: string) {
  const { decision } = await findDecision(core, eventId);
  return { id: eventId, outcome: decision.outcome, ...(await replayDecision(decision, tools(core))) };
}
