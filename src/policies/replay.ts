import type { JsonObject } from '../domain/values/json.ts';
import type { EvidenceStore } from '../evidence/port.ts';
import { sha256 } from './canonical.ts';
import type { ObligationType, RecordedDecision, SetOutcome } from './decision.ts';
import { codesOf } from './decision.ts';
import { evaluateSet } from './gate.ts';
import { canonicalInput } from './input.ts';
import { judge, type SetVerdict, verdictOf } from './judge.ts';
import type { Evaluator, ModuleSource } from './port.ts';

export interface ReplaySources {
  readonly evaluator: Evaluator;
  readonly evidence: Pick<EvidenceStore, 'get'>;
  readonly modules: ModuleSource;
  /** obligations that the caller fulfilled when the decision was made */
  readonly obligations?: readonly ObligationType[] | undefined;
}

export interface Replay {
  /** every set gave the same bytes (or failed in the same way), and the same outcome follows from them */
  readonly identical: boolean;
  /** one readable sentence for each thing that is not as recorded */
  readonly differences: readonly string[];
  /** whether the evaluator is the one that was recorded; another one may still give identical results */
  readonly sameEvaluator: boolean;
}

/** Makes a recorded decision again from its evidence, and compares every result byte for byte. Changes nothing. */
export async function replayDecision(recorded: RecordedDecision, sources: ReplaySources): Promise<Replay> {
  const differences: string[] = [];
  const context: Context = { sources, differences };
  const verdicts: SetVerdict[] = [];
  const input = recorded.input ? await take(context, recorded.input, 'the input') : undefined;
  if (recorded.sets.length > 0 && !recorded.input) differences.push('sets are recorded without an input');
  if (input) {
    for (const set of recorded.sets) verdicts.push(await replaySet(set, input, context));
  }
  if (differences.length === 0) compareOutcome(recorded, verdicts, differences);
  return {
    identical: differences.length === 0,
    differences,
    sameEvaluator: recorded.evaluator === sources.evaluator.version,
  };
}

interface Context {
  readonly sources: ReplaySources;
  readonly differences: string[];
}

async function replaySet(recorded: SetOutcome, input: Uint8Array, context: Context): Promise<SetVerdict> {
  const { sources, differences } = context;
  const { attachment, set, module, level, params } = recorded;
  const label = `set ${set} (attachment ${attachment})`;
  const paramsBytes = params ? await take(context, params, `the params of ${label}`) : emptyObject;
  if (params && !paramsBytes) return { outcome: recorded, deny: [], warn: [], obligations: [] };
  const whole = canonicalInput(parse(input)).withParams(parse(paramsBytes ?? emptyObject));
  const evaluated = await evaluateSet(sources, module, whole);
  const verdict = verdictOf({ attachment, set, module, level, ...(params && { params }) }, evaluated);
  compareSet(recorded, verdict.outcome, differences);
  if (recorded.result) {
    const kept = await take(context, recorded.result, `the result of ${label}`);
    if (kept && !sameBytes(kept, evaluated.bytes))
      differences.push(`${label}: the result has other bytes than were kept`);
  }
  return verdict;
}

function compareSet(recorded: SetOutcome, replayed: SetOutcome, differences: string[]): void {
  for (const field of ['result', 'error', 'codes', 'warned'] as const) {
    const [was, is] = [String(recorded[field]), String(replayed[field])];
    if (was === is) continue;
    differences.push(
      `set ${recorded.set} (attachment ${recorded.attachment}): ${field} was ${was}, is ${is}`,
    );
  }
}

function compareOutcome(recorded: RecordedDecision, verdicts: SetVerdict[], differences: string[]): void {
  const { outcome, overridden } = judge(verdicts, recorded.override);
  if (outcome !== recorded.outcome) differences.push(`the outcome was ${recorded.outcome}, is ${outcome}`);
  const [was, is] = [String(recorded.overridden), String(overridden && codesOf(overridden))];
  if (was !== is) differences.push(`overridden was ${was}, is ${is}`);
}

/** Evidence by digest, verified; tells what is wrong with it and gives undefined. */
async function take(context: Context, digest: string, what: string): Promise<Uint8Array | undefined> {
  const bytes = await context.sources.evidence.get(digest);
  const wrong = problem(bytes, digest);
  if (wrong) context.differences.push(`${what} (${digest}) ${wrong}`);
  return wrong || bytes === 'erased' ? undefined : bytes;
}

function problem(bytes: Uint8Array | 'erased' | undefined, digest: string): string | undefined {
  if (bytes === undefined) return 'is missing from the evidence';
  if (bytes === 'erased') return "was erased with its owner's key";
  return sha256(bytes) === digest ? undefined : 'is kept with other bytes';
}

function parse(bytes: Uint8Array): JsonObject {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}

const emptyObject = new TextEncoder().encode('{}');
