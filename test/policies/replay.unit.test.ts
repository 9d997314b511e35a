import { describe, expect, it } from 'vitest';
import { canonicalBytes, sha256 } from '../../src/policies/canonical.ts';
import {
  type Attachment,
  type Override,
  type RecordedDecision,
  recordDecision,
} from '../../src/policies/decision.ts';
import { evaluateGate } from '../../src/policies/gate.ts';
import type { PolicyInput } from '../../src/policies/input.ts';
import { type ReplaySources, replayDecision } from '../../src/policies/replay.ts';
import { WasmEvaluator } from '../../src/policies/wasm/evaluator.ts';
import { attach, denying, fixtureModules, giving, network, nothing, probing } from './support.ts';

const evaluator = new WasmEvaluator();

async function record(input: PolicyInput, attachments: Attachment[], override?: Override) {
  const result = await evaluateGate({ evaluator, modules: fixtureModules, attachments, input, override });
  const kept = new Map<string, Uint8Array | 'erased'>(
    result.evidence.map(({ digest, bytes }) => [digest, bytes]),
  );
  // through JSON, as it comes back from the event log
  const recorded = JSON.parse(JSON.stringify(recordDecision(result.decision))) as RecordedDecision;
  return { recorded, kept };
}

function replay(
  recorded: RecordedDecision,
  kept: Map<string, Uint8Array | 'erased'>,
  more?: Partial<ReplaySources>,
) {
  const evidence = { get: async (digest: string) => kept.get(digest) };
  return replayDecision(recorded, {
    evaluator: new WasmEvaluator(),
    evidence,
    modules: fixtureModules,
    ...more,
  });
}

describe('a recorded decision is reproduced', () => {
  const missing = attach('soft', { moduleDigest: sha256(new Uint8Array()) });
  const everything: [string, PolicyInput, Attachment[], Override?][] = [
    ['when it allowed', giving(nothing), [attach('hard')]],
    [
      'when it denied',
      denying('B', 'A'),
      [attach('hard'), attach('soft'), attach('shadow'), attach('advisory')],
    ],
    ['when it was overridden', denying('A'), [attach('soft')], { permitted: true, hasReason: true }],
    ['when an override did not pass', denying('A'), [attach('soft')], { permitted: false, hasReason: true }],
    ['with params', denying('A'), [attach('hard', { params: { z: 1, a: ['x'] } })]],
    ['when nothing applied', denying('A'), []],
    ['when the policy failed', probing({ kind: 'conflict' }), [attach('hard')]],
    ['when the result had the wrong shape', giving({ deny: true }), [attach('soft')]],
    ['when the module was refused', giving(nothing), [attach('hard', { moduleDigest: network.digest })]],
    ['when the module was missing', giving(nothing), [missing]],
  ];

  it.each(everything)('%s', async (_, input, attachments, override) => {
    const { recorded, kept } = await record(input, attachments, override);
    expect(await replay(recorded, kept)).toEqual({ identical: true, differences: [], sameEvaluator: true });
  });
});

describe('a difference is noticed', () => {
  const params = { limit: 1 };
  const attachments = [attach('hard', { params })];

  async function tampered(
    change: (recorded: RecordedDecision, kept: Map<string, Uint8Array | 'erased'>) => void,
  ) {
    const { recorded, kept } = await record(denying('A'), attachments);
    change(recorded, kept);
    return replay(recorded, kept);
  }
  const first = (recorded: RecordedDecision) => recorded.sets[0]!;
  const set = <T extends object>(target: T, change: Partial<T>) => void Object.assign(target, change);
  const other = sha256(canonicalBytes('other'));

  it.each<[string, Parameters<typeof tampered>[0], RegExp]>([
    ['the outcome', recorded => set(recorded, { outcome: 'allow' }), /outcome was allow, is deny/],
    ['the codes', recorded => set(first(recorded), { codes: ['B'] }), /codes was B, is A/],
    ['a level', recorded => set(first(recorded), { level: 'shadow' }), /outcome was deny, is allow/],
    [
      'an error that is no more',
      recorded => set(first(recorded), { error: 'EVALUATION_FAILED' }),
      /error was/,
    ],
    ['an override', recorded => set(recorded, { overridden: ['A'] }), /overridden was A/],
    [
      'the module',
      recorded => set(first(recorded), { module: other }),
      /error was undefined, is MODULE_MISSING/,
    ],
    ['the result', recorded => set(first(recorded), { result: other }), /result was sha256/],
    ['the input is gone', (recorded, kept) => void kept.delete(recorded.input!), /input .* is missing/],
    ['the input is erased', (recorded, kept) => void kept.set(recorded.input!, 'erased'), /erased/],
    [
      'the params are gone',
      (recorded, kept) => void kept.delete(first(recorded).params!),
      /params .* missing/,
    ],
    [
      'the result is gone',
      (recorded, kept) => void kept.delete(first(recorded).result!),
      /result .* missing/,
    ],
    [
      'the kept result',
      (recorded, kept) => void kept.set(first(recorded).result!, new Uint8Array(3)),
      /other bytes/,
    ],
    ['the input is not recorded', recorded => void delete recorded.input, /without an input/],
    [
      'the kept input',
      (recorded, kept) => void kept.set(recorded.input!, new Uint8Array(3)),
      /input .* other bytes/,
    ],
  ])('%s', async (_, change, expected) => {
    const { identical, differences } = await tampered(change);
    expect(identical).toBe(false);
    expect(differences.join('\n')).toMatch(expected);
  });

  it('another evaluator is told, and is no difference by itself', async () => {
    const { recorded, kept } = await record(denying('A'), attachments);
    recorded.evaluator = 'opa-wasm/0';
    expect(await replay(recorded, kept)).toEqual({ identical: true, differences: [], sameEvaluator: false });
  });
});
