import { refuse } from '../domain/errors.ts';
import { canonicalBytes, sha256 } from './canonical.ts';
import type { Attachment, Decision, ObligationType, Override } from './decision.ts';
import { type CanonicalInput, canonicalInput, type PolicyInput, policyInputSchema } from './input.ts';
import { type Evaluated, judge, readResult, type SetVerdict, verdictOf } from './judge.ts';
import { type Evaluator, type ModuleSource, PolicyFailure } from './port.ts';

export interface GateRequest {
  readonly evaluator: Evaluator;
  readonly modules: ModuleSource;
  /** all attachments that may concern the input; those of other places, and those that are off, are passed over */
  readonly attachments: readonly Attachment[];
  readonly input: PolicyInput;
  /** present when the caller asks to pass soft denials */
  readonly override?: Override | undefined;
  /** obligations that the caller fulfils; a set that asks for another one has failed. Default: none. */
  readonly obligations?: readonly ObligationType[] | undefined;
}

/** Bytes that a recorded decision names by digest. */
export interface Evidence {
  readonly digest: string;
  readonly bytes: Uint8Array;
}

export interface GateResult {
  readonly decision: Decision;
  /** input, params and results: to be made durable before the event that records the decision */
  readonly evidence: readonly Evidence[];
  /** for the operator's log: why sets failed. Not for the event log, and not for clients. */
  readonly failures: readonly {
    readonly set: string;
    readonly attachment: string;
    readonly message: string;
  }[];
}

type ActiveAttachment = Attachment & { readonly level: Exclude<Attachment['level'], 'off'> };

/**
 * Asks every applicable policy set about one action. Sets that fail deny (or warn, or are only recorded) as their
 * level says. Where no set applies nothing is evaluated, hashed or kept.
 *
 * @throws POLICY_FAILED when the input is not one that policies are written for: they could pass it by mistake
 */
export async function evaluateGate(request: GateRequest): Promise<GateResult> {
  const active = applicable(request.attachments, request.input);
  if (active.length === 0) return nothingApplies(request);
  const input = readInput(request.input);
  const run = new Run(request, input);
  const verdicts = await Promise.all(active.map(attachment => run.ask(attachment)));
  const decision: Decision = {
    ...judge(verdicts, request.override),
    input: input.digest,
    evaluator: request.evaluator.version,
    ...(request.override && { override: request.override }),
  };
  return { decision, evidence: [...run.evidence.values()], failures: run.failures };
}

/** The attachments that bind the place of this action: the instance's, the project's and the repository's. */
export function applicable(
  attachments: readonly Attachment[],
  input: { readonly project?: { id: string } | undefined; readonly repository?: { id: string } | undefined },
): ActiveAttachment[] {
  return attachments.filter((attachment): attachment is ActiveAttachment => {
    const { level, scope } = attachment;
    if (level === 'off') return false;
    if (scope.kind === 'project') return scope.id === input.project?.id;
    if (scope.kind === 'repository') return scope.id === input.repository?.id;
    return true;
  });
}

/** Evaluates one module; never throws, since an error is something that a set can say. */
export async function evaluateSet(
  tools: Pick<GateRequest, 'evaluator' | 'modules' | 'obligations'>,
  digest: string,
  input: Uint8Array,
): Promise<Evaluated> {
  try {
    const bytes = await tools.modules(digest);
    if (!bytes) return { error: 'MODULE_MISSING', message: `no module ${digest}` };
    const { result } = await tools.evaluator.evaluate({ digest, bytes }, input);
    return readResult(result, sha256(result), tools.obligations ?? []);
  } catch (error) {
    const code = error instanceof PolicyFailure ? error.code : 'EVALUATION_FAILED';
    return { error: code, message: error instanceof Error ? error.message : String(error) };
  }
}

/** One run of the gate: collects evidence, and evaluates the same module on the same parameters only once. */
class Run {
  readonly evidence = new Map<string, Evidence>();
  readonly failures: { set: string; attachment: string; message: string }[] = [];
  readonly #request: GateRequest;
  readonly #input: CanonicalInput;
  readonly #asked = new Map<string, Promise<Evaluated>>();

  constructor(request: GateRequest, input: CanonicalInput) {
    this.#request = request;
    this.#input = input;
    this.#keep(input);
  }

  async ask(attachment: ActiveAttachment): Promise<SetVerdict> {
    const { id, set, moduleDigest, level, params } = attachment;
    const paramsDigest = params && this.#keepParams(params);
    const evaluated = await this.#evaluate(attachment, paramsDigest);
    if (evaluated.bytes && evaluated.digest) this.#keep({ digest: evaluated.digest, bytes: evaluated.bytes });
    if ('error' in evaluated) this.failures.push({ set, attachment: id, message: evaluated.message });
    const judged = { attachment: id, set, module: moduleDigest, level };
    return verdictOf(paramsDigest ? { ...judged, params: paramsDigest } : judged, evaluated);
  }

  #evaluate({ moduleDigest, params }: ActiveAttachment, paramsDigest = ''): Promise<Evaluated> {
    const key = `${moduleDigest} ${paramsDigest}`;
    const asked = this.#asked.get(key);
    if (asked) return asked;
    const asking = evaluateSet(this.#request, moduleDigest, this.#input.withParams(params ?? {}));
    this.#asked.set(key, asking);
    return asking;
  }

  #keepParams(params: NonNullable<Attachment['params']>): string {
    const bytes = canonicalBytes(params);
    const digest = sha256(bytes);
    this.#keep({ digest, bytes });
    return digest;
  }

  #keep({ digest, bytes }: Evidence): void {
    this.evidence.set(digest, { digest, bytes });
  }
}

function readInput(input: PolicyInput): CanonicalInput {
  const parsed = policyInputSchema.safeParse(input);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw refuse(
      'POLICY_FAILED',
      `the input for policies is not valid at ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
  try {
    return canonicalInput(input);
  } catch (error) {
    throw refuse(
      'POLICY_FAILED',
      `the input for policies has no canonical form: ${(error as Error).message}`,
    );
  }
}

function nothingApplies({ evaluator, override }: GateRequest): GateResult {
  const decision: Decision = {
    outcome: 'allow',
    input: undefined,
    evaluator: evaluator.version,
    sets: [],
    deny: [],
    warn: [],
    obligations: [],
    ...(override && { override }),
  };
  return { decision, evidence: [], failures: [] };
}
