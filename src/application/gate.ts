/**
 * The gate as the use cases see it: collects the attachments of a place, builds the input, evaluates, makes the
 * evidence durable, and says what was decided. Everything fails closed.
 */
import { refuse, type StrongroomError } from '../domain/errors.ts';
import type { Action, Role, Scope } from '../domain/values/actions.ts';
import type { JsonObject } from '../domain/values/json.ts';
import {
  type Attachment,
  type Decision,
  type RecordedDecision,
  recordDecision,
} from '../policies/decision.ts';
import { evaluateGate } from '../policies/gate.ts';
import type { PolicyInput } from '../policies/input.ts';
import type { Caller } from './caller.ts';
import type { Core } from './core.ts';
import type { At } from './rights.ts';

/** What the action is about, as policies see it; shapes in policies/input.ts. */
export interface Facts {
  readonly artifact?: JsonObject | undefined;
  readonly tag?: JsonObject | undefined;
  readonly promotion?: JsonObject | undefined;
  readonly hold?: JsonObject | undefined;
  readonly change?: JsonObject | undefined;
}

export interface Question {
  readonly caller: Caller;
  readonly roles: readonly Role[];
  readonly action: Action;
  readonly at: At;
  readonly facts: Facts;
  /** the caller asks to pass soft denials, with a reason */
  readonly override?: { readonly hasReason: boolean } | undefined;
  /** id of an attachment that is not asked */
  readonly without?: string | undefined;
  /** when set, stands for the present: pulls round it so that equal questions can share an answer */
  readonly now?: Date | undefined;
}

export interface Verdict {
  readonly decision: Decision;
  /** what the event's metadata records; undefined when no policy applies */
  readonly recorded: RecordedDecision | undefined;
  /** resolves when what the record names by digest is durable: awaited before anything that carries the record */
  readonly durable: Promise<void>;
}

/** Looking and running the machine are questions of roles alone. */
const UNGATED: ReadonlySet<Action> = new Set<Action>(['read-log', 'operate']);

/**
 * Asks the policies that bind this place. The evidence is on its way to the disk when it resolves, so that other work
 * need not wait for it. @throws when it cannot be asked
 */
export async function ask(core: Core, question: Question): Promise<Verdict | undefined> {
  if (UNGATED.has(question.action)) return undefined;
  const attachments = (await attachmentsAt(core, question.at)).filter(({ id }) => id !== question.without);
  if (attachments.every(attachment => attachment.level === 'off')) return undefined;
  const override = question.override && {
    permitted: question.roles.some(role => role === 'admin' || role === 'policy-author'),
    hasReason: question.override.hasReason,
  };
  const { decision, evidence, failures } = await evaluateGate({
    evaluator: core.evaluator,
    modules: core.modules,
    attachments,
    input: inputOf(core, question),
    override,
  });
  for (const failure of failures) core.logger.error(failure, 'a policy set failed');
  const durable = Promise.all(evidence.map(item => core.evidence.put(item.bytes))).then(() => undefined);
  durable.catch(() => undefined); // told where it is awaited
  return { decision, recorded: decision.sets.length > 0 ? recordDecision(decision) : undefined, durable };
}

async function attachmentsAt(core: Core, place: At): Promise<readonly Attachment[]> {
  const scopes: Scope[] = [{ kind: 'instance' }];
  if (place.project) scopes.push({ kind: 'project', id: place.project.id });
  if (place.repository) scopes.push({ kind: 'repository', id: place.repository.repositoryId });
  const key = `attachments ${place.project?.id ?? ''} ${place.repository?.repositoryId ?? ''}`;
  return core.hot.get('global', key, async () => {
    const rows = await core.queries.attachmentsFor(scopes);
    return rows.map(row => ({
      id: row.attachmentId,
      scope: row.scope,
      set: row.set,
      moduleDigest: row.module,
      level: row.level,
      ...(row.params ? { params: row.params } : {}),
    }));
  });
}

function inputOf(core: Core, question: Question): PolicyInput {
  const { caller, roles, action, at: place, facts } = question;
  const now = question.now ?? core.now();
  const { project, repository } = place;
  const defined = Object.entries(facts).filter(([, value]) => value !== undefined);
  return {
    version: 1,
    action,
    now: { ms: now.getTime(), rfc3339: now.toISOString() },
    actor: {
      id: caller.id,
      kind: caller.kind,
      roles: [...roles].sort(),
      authentication: caller.authentication,
    },
    ...(project ? { project: { id: project.id, name: project.name } } : {}),
    ...(repository
      ? {
          repository: {
            id: repository.repositoryId,
            name: repository.name,
            format: repository.format,
            kind: repository.kind,
            visibility: repository.visibility,
          },
        }
      : {}),
    ...Object.fromEntries(defined),
  } as unknown as PolicyInput; // evaluateGate validates it against the schema and refuses what does not fit
}

/** The refusal that a denying decision becomes; its reason is what clients print. */
export function denial(decision: Decision): StrongroomError {
  const failed = decision.deny.length > 0 && decision.deny.every(finding => finding.code === 'POLICY_FAILED');
  const reason = decision.deny
    .slice(0, 5)
    .map(finding => (finding.fix ? `${finding.msg} (${finding.fix})` : finding.msg))
    .join('; ');
  return refuse(failed ? 'POLICY_FAILED' : 'POLICY_DENIED', {
    reason,
    findings: decision.deny.map(({ code, msg, set, level }) => ({ code, msg, set, level })),
  });
}

/** What a client is told although it may go on. */
export function warnings(verdict: Verdict | undefined): readonly string[] {
  return verdict?.decision.warn.map(finding => finding.msg) ?? [];
}
