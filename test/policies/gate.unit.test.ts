import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/policies/canonical.ts';
import {
  type Attachment,
  type Override,
  recordDecision,
  recordedDecisionSchema,
} from '../../src/policies/decision.ts';
import { applicable, evaluateGate, type GateRequest } from '../../src/policies/gate.ts';
import type { PolicyInput } from '../../src/policies/input.ts';
import { WasmEvaluator } from '../../src/policies/wasm/evaluator.ts';
import { attach, denying, fixtureModules, giving, network, nothing, probing } from './support.ts';

const evaluator = new WasmEvaluator();

function gate(input: PolicyInput, attachments: Attachment[], more: Partial<GateRequest> = {}) {
  return evaluateGate({ evaluator, modules: fixtureModules, attachments, input, ...more });
}

async function decide(input: PolicyInput, attachments: Attachment[], override?: Override) {
  return (await gate(input, attachments, { override })).decision;
}

const codes = (findings: readonly { code: string }[]) => findings.map(finding => finding.code);

describe('levels', () => {
  it('off is not evaluated at all', async () => {
    const { decision, evidence } = await gate(denying('X'), [attach('off')]);
    expect(decision).toMatchObject({ outcome: 'allow', sets: [], input: undefined });
    expect(evidence).toEqual([]);
  });

  it('shadow is recorded only', async () => {
    const decision = await decide(denying('X'), [attach('shadow')]);
    expect(decision).toMatchObject({ outcome: 'allow', deny: [], warn: [] });
    expect(decision.sets).toMatchObject([{ level: 'shadow', codes: ['X'] }]);
  });

  it('advisory turns deny into warn', async () => {
    const decision = await decide(denying('X'), [attach('advisory')]);
    expect(decision).toMatchObject({ outcome: 'allow', deny: [] });
    expect(codes(decision.warn)).toEqual(['X']);
  });

  it.each(['soft', 'hard'] as const)('%s denies', async level => {
    const decision = await decide(denying('B', 'A'), [attach(level)]);
    expect(decision).toMatchObject({ outcome: 'deny', sets: [{ codes: ['A', 'B'] }] });
    expect(decision.deny).toEqual([
      { code: 'B', msg: 'because of B', set: 'probe', attachment: `at_${level}`, level },
      { code: 'A', msg: 'because of A', set: 'probe', attachment: `at_${level}`, level },
    ]);
  });

  it('a warning of the policy itself warns from advisory on', async () => {
    const input = giving({ ...nothing, warn: [{ code: 'W', msg: 'w' }] });
    const decision = await decide(input, [attach('shadow'), attach('advisory'), attach('hard')]);
    expect(decision.outcome).toBe('allow');
    expect(decision.warn.map(({ attachment }) => attachment)).toEqual(['at_advisory', 'at_hard']);
    expect(decision.sets.map(({ warned }) => warned)).toEqual([['W'], ['W'], ['W']]);
  });

  it('deny wins over every set that allows', async () => {
    const decision = await decide(denying('X'), [attach('shadow'), attach('hard'), attach('advisory')]);
    expect(decision.outcome).toBe('deny');
    expect(decision.sets).toHaveLength(3);
  });
});

describe('overriding', () => {
  const allowed = { permitted: true, hasReason: true };

  it('passes soft denials, and says so', async () => {
    const decision = await decide(denying('X'), [attach('soft')], allowed);
    expect(decision).toMatchObject({ outcome: 'allow', deny: [], overridden: [{ code: 'X' }] });
    expect(recordDecision(decision)).toMatchObject({ overridden: ['X'], override: allowed });
  });

  it.each([
    ['without the right', { permitted: false, hasReason: true }],
    ['without a reason', { permitted: true, hasReason: false }],
  ])('does not pass them %s', async (_, override) => {
    expect((await decide(denying('X'), [attach('soft')], override)).outcome).toBe('deny');
  });

  it('does not pass hard denials, and then no soft one either', async () => {
    const decision = await decide(denying('X'), [attach('soft'), attach('hard')], allowed);
    expect(decision).toMatchObject({ outcome: 'deny' });
    expect(decision.deny).toHaveLength(2);
    expect(decision.overridden).toBeUndefined();
  });

  it('is not said to be used where nothing denies', async () => {
    const decision = await decide(giving(nothing), [attach('soft')], allowed);
    expect(decision).toMatchObject({ outcome: 'allow', override: allowed });
    expect(decision.overridden).toBeUndefined();
  });
});

describe('failing closed', () => {
  const broken: [string, PolicyInput, Partial<Attachment>, string][] = [
    ['a rule conflict', probing({ kind: 'conflict' }), {}, 'EVALUATION_FAILED'],
    ['an undefined entrypoint', probing({ kind: 'other' }), {}, 'EVALUATION_FAILED'],
    ['a builtin that throws', probing({ kind: 'time', value: 'x' }), {}, 'EVALUATION_FAILED'],
    ['a result of null', giving(null), {}, 'RESULT_INVALID'],
    ['a result of true', giving(true), {}, 'RESULT_INVALID'],
    ['a result of 0', giving(0), {}, 'RESULT_INVALID'],
    ['an empty text', giving(''), {}, 'RESULT_INVALID'],
    ['an empty object', giving({}), {}, 'RESULT_INVALID'],
    ['a missing list', giving({ deny: [], warn: [] }), {}, 'RESULT_INVALID'],
    ['deny as a boolean', giving({ ...nothing, deny: true }), {}, 'RESULT_INVALID'],
    ['a finding that is a text', giving({ ...nothing, deny: ['no'] }), {}, 'RESULT_INVALID'],
    ['a finding without code', giving({ ...nothing, deny: [{ msg: 'no' }] }), {}, 'RESULT_INVALID'],
    [
      'a code that is a sentence',
      giving({ ...nothing, warn: [{ code: 'a b', msg: 'x' }] }),
      {},
      'RESULT_INVALID',
    ],
    ['an unknown member', giving({ ...nothing, allow: true }), {}, 'RESULT_INVALID'],
    ['an unknown obligation', giving({ ...nothing, obligations: [{ type: 'pay' }] }), {}, 'RESULT_INVALID'],
    [
      'an obligation nobody fulfils',
      giving({ ...nothing, obligations: [{ type: 'rescan' }] }),
      {},
      'OBLIGATION_UNSUPPORTED',
    ],
    [
      'a module that is missing',
      giving(nothing),
      { moduleDigest: sha256(new Uint8Array()) },
      'MODULE_MISSING',
    ],
    ['a module that is refused', giving(nothing), { moduleDigest: network.digest }, 'MODULE_REFUSED'],
  ];

  it.each(broken)('%s', async (_, input, more, error) => {
    for (const level of ['soft', 'hard'] as const) {
      const decision = await decide(input, [attach(level, more)]);
      expect(decision).toMatchObject({
        outcome: 'deny',
        deny: [{ code: 'POLICY_FAILED', set: 'probe', level }],
      });
      expect(decision.sets).toMatchObject([{ error, codes: ['POLICY_FAILED'] }]);
    }
    const advisory = await decide(input, [attach('advisory', more)]);
    expect(advisory).toMatchObject({ outcome: 'allow', deny: [], warn: [{ code: 'POLICY_FAILED' }] });
    const shadow = await gate(input, [attach('shadow', more)]);
    expect(shadow.decision).toMatchObject({ outcome: 'allow', deny: [], warn: [], sets: [{ error }] });
    expect(shadow.failures).toMatchObject([{ set: 'probe', attachment: 'at_shadow' }]);
  });

  it('when modules cannot be read', async () => {
    const modules = () => Promise.reject(new Error('the disk is gone'));
    const { decision } = await gate(giving(nothing), [attach('hard')], { modules });
    expect(decision).toMatchObject({ outcome: 'deny', sets: [{ error: 'EVALUATION_FAILED' }] });
  });

  it('when the input is not one that policies are written for', async () => {
    const { actor: _, ...rest } = probing({ kind: 'give', give: nothing });
    const wrong = gate(rest as unknown as PolicyInput, [attach('shadow')]);
    await expect(wrong).rejects.toMatchObject({ code: 'POLICY_FAILED', message: /actor/ });
  });

  it('when the input has no canonical form', async () => {
    const wrong = gate(probing({ kind: 'give', give: '\ud800' }), [attach('shadow')]);
    await expect(wrong).rejects.toMatchObject({ code: 'POLICY_FAILED' });
  });

  it('one set that fails does not silence another', async () => {
    const missing = attach('advisory', { moduleDigest: sha256(new Uint8Array()) });
    const decision = await decide(denying('X'), [missing, attach('hard')]);
    expect(codes(decision.deny)).toEqual(['X']);
    expect(codes(decision.warn)).toEqual(['POLICY_FAILED']);
  });
});

describe('where sets apply', () => {
  const scopes: Attachment[] = [
    attach('hard', { id: 'everywhere' }),
    attach('hard', { id: 'project', scope: { kind: 'project', id: 'pj_1' } }),
    attach('hard', { id: 'other project', scope: { kind: 'project', id: 'pj_2' } }),
    attach('hard', { id: 'repository', scope: { kind: 'repository', id: 'rp_1' } }),
    attach('hard', { id: 'other repository', scope: { kind: 'repository', id: 'rp_2' } }),
  ];
  const ids = (input: Parameters<typeof applicable>[1]) => applicable(scopes, input).map(({ id }) => id);

  it('instance, project and repository, and no other', () => {
    expect(ids(probing({ kind: 'x' }))).toEqual(['everywhere', 'project', 'repository']);
    expect(ids({ project: { id: 'pj_2' } })).toEqual(['everywhere', 'other project']);
    expect(ids({})).toEqual(['everywhere']);
  });

  it('a child tightens and never loosens', async () => {
    const child = attach('shadow', { id: 'child', scope: { kind: 'repository', id: 'rp_1' } });
    expect((await decide(denying('X'), [attach('hard'), child])).outcome).toBe('deny');
    const strict = { ...child, level: 'hard' as const };
    expect((await decide(denying('X'), [attach('shadow'), strict])).outcome).toBe('deny');
  });
});

describe('what is recorded', () => {
  it('names input, params, module and result by digest, and gives their bytes as evidence', async () => {
    const params = { b: 1, a: ['x'] };
    const { decision, evidence } = await gate(denying('X'), [attach('hard', { params }), attach('shadow')]);
    const recorded = recordedDecisionSchema.parse(recordDecision(decision));
    const digests = evidence.map(({ digest }) => digest);
    for (const one of evidence) expect(sha256(one.bytes)).toBe(one.digest);
    const [first, second] = recorded.sets;
    expect(new Set(digests)).toEqual(new Set([recorded.input, first?.params, first?.result]));
    expect(second?.params).toBeUndefined();
    expect(second?.result).toBe(first?.result);
    expect(JSON.stringify(recorded)).not.toContain('because of');
  });

  it('is nothing where no set applies', async () => {
    const { decision, evidence } = await gate(denying('X'), []);
    expect(evidence).toEqual([]);
    expect(recordDecision(decision)).toEqual({
      version: 1,
      outcome: 'allow',
      evaluator: evaluator.version,
      sets: [],
      waivers: [],
    });
  });

  it('gives each attachment its own params, and evaluates equal ones once', async () => {
    let evaluations = 0;
    const counting = {
      version: 'counting',
      evaluate: async (_: unknown, input: Uint8Array) => {
        evaluations++;
        const { params } = JSON.parse(new TextDecoder().decode(input)) as { params: { code?: string } };
        const deny = params.code ? [{ code: params.code, msg: 'x' }] : [];
        return { result: new TextEncoder().encode(JSON.stringify({ deny, obligations: [], warn: [] })) };
      },
    };
    const attachments = [
      attach('hard', { id: 'a', params: { code: 'A' } }),
      attach('hard', { id: 'b', params: { code: 'B' } }),
      attach('soft', { id: 'c', params: { code: 'A' } }),
      attach('soft', { id: 'd' }),
    ];
    const { decision } = await gate(giving(nothing), attachments, { evaluator: counting });
    expect(codes(decision.deny)).toEqual(['A', 'B', 'A']);
    expect(evaluations).toBe(3);
  });

  it('hands on obligations that the caller fulfils, when the outcome is allow', async () => {
    const input = giving({ ...nothing, obligations: [{ type: 'quarantine', reason: 'new' }] });
    const { decision } = await gate(input, [attach('hard'), attach('shadow')], {
      obligations: ['quarantine'],
    });
    expect(decision.obligations).toEqual([
      { type: 'quarantine', reason: 'new', set: 'probe', attachment: 'at_hard' },
    ]);
  });
});
