import {
  type AttachedObligation,
  codesOf,
  type Decision,
  type DenyFinding,
  type Finding,
  type Obligation,
  type ObligationType,
  type Override,
  type PolicyResult,
  policyResultSchema,
  type SetError,
  type SetOutcome,
  type WarnFinding,
} from './decision.ts';

/** What became of evaluating one set: a validated result, or the reason why there is none. */
export type Evaluated =
  | { readonly result: PolicyResult; readonly bytes: Uint8Array; readonly digest: string }
  | {
      readonly error: SetError;
      readonly message: string;
      readonly bytes?: Uint8Array;
      readonly digest?: string;
    };

/** The set's identity and level, before it is known what it said. */
export type Judged = Pick<SetOutcome, 'attachment' | 'set' | 'module' | 'level' | 'params'>;

export interface SetVerdict {
  readonly outcome: SetOutcome;
  readonly deny: readonly Finding[];
  readonly warn: readonly Finding[];
  readonly obligations: readonly Obligation[];
}

/** Reads an evaluator's result bytes; a wrong shape, or an obligation nobody will fulfil, is an error of the set. */
export function readResult(
  bytes: Uint8Array,
  digest: string,
  supported: readonly ObligationType[],
): Evaluated {
  const parsed = policyResultSchema.safeParse(JSON.parse(decoder.decode(bytes)));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const message = `wrong shape at ${issue?.path.join('.') || 'the top'}: ${issue?.message}`;
    return { error: 'RESULT_INVALID', message, bytes, digest };
  }
  const unsupported = parsed.data.obligations.find(obligation => !supported.includes(obligation.type));
  if (unsupported) {
    const message = `nobody fulfils the obligation ${unsupported.type} here`;
    return { error: 'OBLIGATION_UNSUPPORTED', message, bytes, digest };
  }
  return { result: parsed.data, bytes, digest };
}

/** What one set says. A set that failed says POLICY_FAILED: whether that denies depends on its level, as always. */
export function verdictOf(judged: Judged, evaluated: Evaluated): SetVerdict {
  const failed = 'error' in evaluated;
  const deny = failed ? [failure(judged.set, evaluated.error)] : evaluated.result.deny;
  const warn = failed ? [] : evaluated.result.warn;
  return {
    outcome: {
      ...judged,
      ...(evaluated.digest && { result: evaluated.digest }),
      ...(failed && { error: evaluated.error }),
      codes: codesOf(deny),
      warned: codesOf(warn),
    },
    deny,
    warn,
    obligations: failed ? [] : evaluated.result.obligations,
  };
}

/**
 * Concatenates what all sets say; deny wins. An override passes soft denials only, and only when nothing hard denies.
 */
export function judge(
  verdicts: readonly SetVerdict[],
  override: Override | undefined,
): Pick<Decision, 'outcome' | 'sets' | 'deny' | 'warn' | 'obligations' | 'overridden'> {
  const deny = verdicts.flatMap(denials);
  const warn = verdicts.flatMap(warnings);
  const sets = verdicts.map(verdict => verdict.outcome);
  const passes =
    override?.permitted === true && override.hasReason && deny.every(one => one.level === 'soft');
  if (deny.length > 0 && !passes) return { outcome: 'deny', sets, deny, warn, obligations: [] };
  const obligations = verdicts.flatMap(duties);
  if (deny.length === 0) return { outcome: 'allow', sets, deny, warn, obligations };
  return { outcome: 'allow', sets, deny: [], warn, obligations, overridden: deny };
}

function denials({ outcome, deny }: SetVerdict): DenyFinding[] {
  const { set, attachment, level } = outcome;
  return level === 'soft' || level === 'hard'
    ? deny.map(finding => ({ ...finding, set, attachment, level }))
    : [];
}

function warnings({ outcome, deny, warn }: SetVerdict): WarnFinding[] {
  const { set, attachment, level } = outcome;
  if (level === 'shadow') return [];
  const findings = level === 'advisory' ? [...deny, ...warn] : warn;
  return findings.map(finding => ({ ...finding, set, attachment }));
}

function duties({ outcome, obligations }: SetVerdict): AttachedObligation[] {
  const { set, attachment, level } = outcome;
  return level === 'shadow' ? [] : obligations.map(obligation => ({ ...obligation, set, attachment }));
}

function failure(set: string, error: SetError): Finding {
  return {
    code: 'POLICY_FAILED',
    msg: `The policy set ${set} could not be evaluated (${error})`,
    fix: 'Ask an administrator to repair the policy set or to detach it',
  };
}

const decoder = new TextDecoder();
