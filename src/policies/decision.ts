import { z } from 'zod';
import type { JsonObject } from '../domain/values/json.ts';

/** Machine-readable name of a rule, e.g. `TAG_PROTECTED`: clients and waivers match on it, people read `msg`. */
export const findingCodeSchema = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/);

export const severitySchema = z.enum(['low', 'medium', 'high', 'critical']);

/** One reason why a policy denies or warns. */
export const findingSchema = z.strictObject({
  code: findingCodeSchema,
  msg: z.string().min(1).max(2000).describe('one sentence for the person whose request is judged'),
  severity: severitySchema.optional(),
  path: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('the part of the input that is at fault, e.g. tag.name'),
  fix: z.string().min(1).max(2000).optional().describe('what to do about it'),
});
export type Finding = z.infer<typeof findingSchema>;

/** What a policy asks the host to do beside allowing or denying. The list is closed: an unknown type is an error. */
export const obligationSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('quarantine'), reason: z.string().min(1).max(2000) }),
  z.strictObject({
    type: z.literal('require-approval'),
    count: z.int().min(1).max(10).optional(),
    roles: z.array(z.string().min(1).max(100)).max(20).optional(),
  }),
  z.strictObject({
    type: z.literal('set-label'),
    key: z.string().min(1).max(128),
    value: z.string().max(1000),
  }),
  z.strictObject({
    type: z.literal('notify'),
    channel: z.string().min(1).max(200),
    msg: z.string().min(1).max(2000),
  }),
  z.strictObject({ type: z.literal('rescan') }),
]);
export type Obligation = z.infer<typeof obligationSchema>;
export type ObligationType = Obligation['type'];

/** What the entrypoint of one policy set returns. Anything else is an error of that set. */
export const policyResultSchema = z.strictObject({
  deny: z.array(findingSchema).max(1000),
  warn: z.array(findingSchema).max(1000),
  obligations: z.array(obligationSchema).max(100),
});
export type PolicyResult = z.infer<typeof policyResultSchema>;

/**
 * How much a set binds where it is attached: `off` is not evaluated, `shadow` is recorded only, `advisory` turns deny
 * into warn, `soft` denies but may be overridden by a permitted person with a reason, `hard` denies.
 */
export const enforcementLevelSchema = z.enum(['off', 'shadow', 'advisory', 'soft', 'hard']);
export type EnforcementLevel = z.infer<typeof enforcementLevelSchema>;

export const scopeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('instance') }),
  z.strictObject({ kind: z.literal('project'), id: z.string().min(1) }),
  z.strictObject({ kind: z.literal('repository'), id: z.string().min(1) }),
]);
export type Scope = z.infer<typeof scopeSchema>;

const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** A policy set bound to a place, with a level and the parameters it sees as `input.params`. */
export interface Attachment {
  readonly id: string;
  readonly scope: Scope;
  /** name of the set */
  readonly set: string;
  /** `sha256:<hex>` of the compiled module */
  readonly moduleDigest: string;
  readonly level: EnforcementLevel;
  readonly params?: JsonObject | undefined;
}

/**
 * Why a set gave no usable result. The code is recorded (a replay must fail in the same way); the particulars are
 * for the operator's log, since they may quote what somebody sent.
 */
export const setErrorSchema = z.enum([
  'MODULE_MISSING', // no bytes for the module's digest
  'MODULE_REFUSED', // the module cannot be loaded: wrong digest, imports, builtins or ABI
  'EVALUATION_FAILED', // it threw, ran out of memory or gave no result
  'RESULT_INVALID', // the result has not the shape of a PolicyResult
  'OBLIGATION_UNSUPPORTED', // it asks for what the caller cannot do
]);
export type SetError = z.infer<typeof setErrorSchema>;

/** What one attachment contributed to a decision; digests, so that it stays small and can be replayed. */
export const setOutcomeSchema = z.strictObject({
  attachment: z.string(),
  set: z.string(),
  module: digestSchema,
  level: enforcementLevelSchema.exclude(['off']),
  params: digestSchema.optional().describe('digest of the canonical params; absent: the attachment has none'),
  result: digestSchema.optional().describe('digest of the canonical result; absent when evaluation failed'),
  error: setErrorSchema.optional(),
  codes: z.array(findingCodeSchema).describe('codes of what it denies, also at shadow and advisory; sorted'),
  warned: z.array(findingCodeSchema).describe('codes of what it warns of; sorted'),
});
export type SetOutcome = z.infer<typeof setOutcomeSchema>;

/** Whether the caller asked to pass soft denials. `permitted`: has the right to; `hasReason`: gave a reason. */
export const overrideSchema = z.strictObject({ permitted: z.boolean(), hasReason: z.boolean() });
export type Override = z.infer<typeof overrideSchema>;

export const outcomeSchema = z.enum(['allow', 'deny']);
export type Outcome = z.infer<typeof outcomeSchema>;

/** The compact form that goes into an event's metadata: enough to replay, no text that anybody wrote. */
export const recordedDecisionSchema = z.strictObject({
  version: z.literal(1),
  outcome: outcomeSchema,
  evaluator: z.string(),
  input: digestSchema.optional().describe('digest of the canonical base input; absent when no set applied'),
  sets: z.array(setOutcomeSchema),
  waivers: z.array(z.never()),
  override: overrideSchema.optional(),
  overridden: z
    .array(findingCodeSchema)
    .optional()
    .describe('codes of the soft denials that were overridden'),
});
export type RecordedDecision = z.infer<typeof recordedDecisionSchema>;

export type DenyFinding = Finding & {
  readonly set: string;
  readonly attachment: string;
  readonly level: 'soft' | 'hard';
};
export type WarnFinding = Finding & { readonly set: string; readonly attachment: string };
export type AttachedObligation = Obligation & { readonly set: string; readonly attachment: string };

/** The whole decision, with the findings' texts, as the caller shows it. `record` makes the part that is kept. */
export interface Decision {
  readonly outcome: Outcome;
  /** digest of the canonical base input; undefined when no set applied, and nothing was evaluated */
  readonly input: string | undefined;
  readonly evaluator: string;
  readonly sets: readonly SetOutcome[];
  /** what denies; empty when the outcome is `allow` (then look at `overridden`) */
  readonly deny: readonly DenyFinding[];
  readonly warn: readonly WarnFinding[];
  /** to be fulfilled by the caller when the outcome is `allow` */
  readonly obligations: readonly AttachedObligation[];
  readonly override?: Override;
  /** the soft denials that a permitted override with a reason passed over */
  readonly overridden?: readonly DenyFinding[];
}

/** The form of a decision that goes into event metadata. */
export function recordDecision(decision: Decision): RecordedDecision {
  return {
    version: 1,
    outcome: decision.outcome,
    evaluator: decision.evaluator,
    ...(decision.input && { input: decision.input }),
    sets: [...decision.sets],
    waivers: [],
    ...(decision.override && { override: decision.override }),
    ...(decision.overridden && { overridden: codesOf(decision.overridden) }),
  };
}

/** Sorted, each once: the form in which codes are recorded and compared. */
export function codesOf(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(finding => finding.code))].sort();
}
