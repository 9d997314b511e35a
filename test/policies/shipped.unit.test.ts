import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/policies/canonical.ts';
import { policyResultSchema } from '../../src/policies/decision.ts';
import { canonicalInput, policyInputSchema } from '../../src/policies/input.ts';
import { checkParams, moduleSource, shippedSets } from '../../src/policies/library.ts';
import { WasmEvaluator } from '../../src/policies/wasm/evaluator.ts';

type Value = { readonly [key: string]: unknown };

interface Cases {
  cases: Record<string, { base: Value; list: { note: string; input: Value; deny: string[] }[] }>;
}

const evaluator = new WasmEvaluator();

/** Rego's object.union: objects are merged, everything else is replaced. */
function merge(base: Value, change: Value): Value {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    const old = merged[key];
    merged[key] = isObject(old) && isObject(value) ? merge(old, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

describe.each([...shippedSets()])('$name', set => {
  const file = join(import.meta.dirname, '../../src/policies/rego', set.name, 'cases.json');
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as Cases;
  const all = Object.values(cases).flatMap(({ base, list }) =>
    list.map(({ note, input, deny }) => ({ note, input: merge(base, input), deny })),
  );

  it.each(all)('$note', async ({ input, deny }) => {
    expect(policyInputSchema.safeParse(input).error).toBeUndefined();
    const bytes = canonicalInput(input).withParams(input.params as object as never);
    const { result } = await evaluator.evaluate({ digest: set.moduleDigest, bytes: set.bytes }, bytes);
    const found = policyResultSchema.parse(JSON.parse(new TextDecoder().decode(result)));
    expect(found.deny.map(({ code }) => code).sort()).toEqual(deny);
    expect(found).toMatchObject({ warn: [], obligations: [] });
  });

  it('has cases that allow and that deny', () => {
    expect(all.some(({ deny }) => deny.length === 0)).toBe(true);
    expect(all.some(({ deny }) => deny.length > 0)).toBe(true);
  });

  it('gives identical bytes 100 times', async () => {
    const one = all.find(({ deny }) => deny.length > 0)!;
    const bytes = canonicalInput(one.input).withParams({});
    const results = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const fresh = i % 25 === 0 ? new WasmEvaluator() : evaluator;
      results.add(
        sha256((await fresh.evaluate({ digest: set.moduleDigest, bytes: set.bytes }, bytes)).result),
      );
    }
    expect(results.size).toBe(1);
  });

  it('has defaults that its own schema accepts, and refuses what it does not know', () => {
    expect(() => checkParams(set, set.defaults)).not.toThrow();
    expect(() => checkParams(set, {})).not.toThrow();
    expect(() => checkParams(set, { surprise: 1 })).toThrow(/surprise/);
    const [param] = Object.keys(set.defaults);
    expect(() => checkParams(set, { [param!]: { wrong: true } })).toThrow(`params.${param}`);
  });

  it('names a parameter in its schema for each default', () => {
    const { properties } = set.paramsSchema as { properties: object };
    expect(Object.keys(properties).sort()).toEqual(Object.keys(set.defaults).sort());
  });

  it('is found by its digest', () => {
    expect(moduleSource(shippedSets())(set.moduleDigest)).toBe(set.bytes);
    expect(sha256(set.bytes)).toBe(set.moduleDigest);
  });
});

it('other digests are not shipped', () => {
  expect(moduleSource(shippedSets())(sha256(new Uint8Array()))).toBeUndefined();
});
