import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/policies/canonical.ts';
import { EVALUATOR_VERSION, WasmEvaluator } from '../../src/policies/wasm/evaluator.ts';
import { bytesOf, denying, giving, network, nothing, probe, probing, text } from './support.ts';

const evaluator = new WasmEvaluator();

async function run(change: Parameters<typeof probing>[0]): Promise<unknown> {
  return JSON.parse(text((await evaluator.evaluate(probe, bytesOf(probing(change)))).result));
}

const failing = (change: Parameters<typeof probing>[0]) => expect(run(change)).rejects;

describe('evaluating', () => {
  it('gives canonical JSON', async () => {
    const input = giving({ z: 1, a: [1.5, 'é', { y: null, b: true }] });
    const { result } = await evaluator.evaluate(probe, bytesOf(input));
    expect(text(result)).toBe('{"a":[1.5,"é",{"b":true,"y":null}],"z":1}');
  });

  it('takes input that is a view into a larger buffer', async () => {
    const bytes = bytesOf(denying('A'));
    const view = Buffer.concat([Buffer.from('{"junk"'), bytes, Buffer.from('}')]).subarray(
      7,
      7 + bytes.length,
    );
    const { result } = await evaluator.evaluate(probe, view);
    expect(text(result)).toContain('"code":"A"');
  });

  it.each([null, false, 0, ''])('the result may be %j', async give => {
    expect(await run({ kind: 'give', give })).toBe(give);
  });

  it('gives the same bytes 100 times, also from new instances and interleaved with other inputs', async () => {
    const results = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const one = i % 10 === 0 ? new WasmEvaluator() : evaluator;
      await one.evaluate(probe, bytesOf(denying(`OTHER_${i}`)));
      results.add(sha256((await one.evaluate(probe, bytesOf(denying('B', 'A', 'C')))).result));
    }
    expect(results.size).toBe(1);
  });

  it('formats as Go does', async () => {
    expect(
      await run({
        kind: 'sprintf',
        format: '%s has %v of %5.1f%% %q',
        args: ['x', [1, { a: null }], 12.25, 'y'],
      }),
    ).toBe('x has [1, {"a": null}] of  12.2% "y"');
  });

  it('keeps nanoseconds exact beyond 2^53', async () => {
    // the sum is made inside the module, from what the host answered
    const value = '2026-01-31T12:00:00.123456788Z';
    expect(await run({ kind: 'time', value })).toBe('1769860800123456789');
  });

  it('passes sets to builtins as sets', async () => {
    expect(await run({ kind: 'subset', items: [2, 1] })).toBe(true);
    expect(await run({ kind: 'subset', items: [4] })).toBe(false);
    expect(await run({ kind: 'set', items: ['b', 'a'] })).toBe('{"a", "b"}');
  });

  it('matches globs over dots', async () => {
    expect(await run({ kind: 'glob', pattern: 'v[0-9]*', value: 'v1.2.3' })).toBe(true);
    expect(await run({ kind: 'glob', pattern: 'v[0-9]*', value: 'vx' })).toBe(false);
  });
});

describe('failing', () => {
  it('a rule conflict', () => failing({ kind: 'conflict' }).toMatchObject({ code: 'EVALUATION_FAILED' }));
  it('an entrypoint that is undefined', () =>
    failing({ kind: 'none of them' }).toMatchObject({ code: 'EVALUATION_FAILED', message: /undefined/ }));
  it('a builtin that throws, instead of going on with undefined', () =>
    failing({ kind: 'time', value: 'yesterday' }).toMatchObject({
      code: 'EVALUATION_FAILED',
      message: /RFC 3339/,
    }));
  it('memory beyond the maximum', () =>
    failing({ kind: 'range', to: 5_000_000 }).toMatchObject({ code: 'EVALUATION_FAILED' }));
  it('input that is no JSON', () =>
    expect(evaluator.evaluate(probe, new TextEncoder().encode('{'))).rejects.toMatchObject({
      code: 'EVALUATION_FAILED',
    }));
  it('input that is empty', () =>
    expect(evaluator.evaluate(probe, new Uint8Array())).rejects.toMatchObject({ code: 'EVALUATION_FAILED' }));

  it('leaves the next evaluation unharmed', async () => {
    for (const kind of ['conflict', 'nothing', 'time', 'range']) {
      await failing({ kind, value: 'x', to: 5_000_000 }).toMatchObject({ code: 'EVALUATION_FAILED' });
      expect(await run({ kind: 'give', give: nothing })).toEqual(nothing);
    }
  });
});

describe('loading', () => {
  it('refuses builtins that are not deterministic, naming them', async () => {
    const error = await evaluator.evaluate(network, bytesOf(giving({}))).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'MODULE_REFUSED' });
    for (const name of ['http.send', 'time.now_ns', 'rand.intn']) expect(String(error)).toContain(name);
    expect(() => evaluator.check(network)).toThrow(/http\.send/);
    expect(() => evaluator.check(probe)).not.toThrow();
  });

  it('refuses bytes that have another digest', () =>
    expect(
      evaluator.evaluate({ digest: network.digest, bytes: probe.bytes.slice(0, 99) }, bytesOf(giving({}))),
    ).rejects.toMatchObject({ code: 'MODULE_REFUSED' }));

  it.each([
    ['no WebAssembly', '6e6f'],
    ['an import of its own', '0061736d01000000010401600000020c0103656e76046576696c0000'],
    ['no policy', '0061736d01000000'],
  ])('refuses %s', async (_, hex) => {
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'));
    const fresh = new WasmEvaluator();
    await expect(fresh.evaluate({ digest: sha256(bytes), bytes }, bytesOf(giving({})))).rejects.toMatchObject(
      {
        code: 'MODULE_REFUSED',
      },
    );
  });

  it('names what can influence a result', () => {
    expect(EVALUATOR_VERSION).toBe('opa-wasm/1.10.0 abi/1 host/1');
  });
});
