import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBytes, sha256 } from '../../src/policies/canonical.ts';
import { canonicalInput, policyInputSchema } from '../../src/policies/input.ts';
import { jsonSchemas } from '../../src/policies/schemas.ts';
import { probing, text } from './support.ts';

const input = probing({ kind: 'x' });

describe('canonical input', () => {
  it('is RFC 8785 of the input without params, and names their digest', () => {
    const canonical = canonicalInput({ ...input, params: { ignored: true } });
    expect(text(canonical.bytes)).toBe(text(canonicalBytes(input)));
    expect(canonical.digest).toBe(sha256(canonicalBytes(input)));
  });

  it('with params is RFC 8785 of the whole, whatever the members are called', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ unit: 'grapheme' }),
          fc.json().map(value => JSON.parse(value)),
        ),
        members => {
          fc.pre(isWellFormed(members));
          const { params: _, ...rest } = members;
          const params = { b: 2, a: 1 };
          expect(text(canonicalInput(rest).withParams(params))).toBe(
            text(canonicalBytes({ ...rest, params })),
          );
          expect(text(canonicalInput(rest).bytes)).toBe(text(canonicalBytes(rest)));
        },
      ),
    );
  });

  it('leaves out what is undefined', () => {
    expect(text(canonicalInput({ b: undefined, a: 1 }).bytes)).toBe('{"a":1}');
  });
});

describe('the input schema', () => {
  it.each([
    ['an unknown member', { surprise: 1 }],
    ['another version', { version: 2 }],
    ['an unknown action', { action: 'dance' }],
    ['an action that needs an artifact', { action: 'push' }],
    ['a time without zone', { now: { ms: 0, rfc3339: '2026-01-31T12:00:00' } }],
    ['an unknown kind of actor', { actor: { ...input.actor, kind: 'robot' } }],
    ['a negative instant', { now: { ms: -1, rfc3339: '1969-12-31T23:59:59.999Z' } }],
  ])('refuses %s', (_, change) => {
    expect(policyInputSchema.safeParse({ ...input, ...change }).success).toBe(false);
    expect(policyInputSchema.safeParse(input).success).toBe(true);
  });
});

describe('published JSON Schemas', () => {
  const folder = join(import.meta.dirname, '../../src/policies/schemas');

  it.each(Object.entries(jsonSchemas()))('%s is current (npm run policies:build)', (name, schema) => {
    const published: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
    expect(published).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  it('there are no others', () => {
    const names = readdirSync(folder).map(name => name.replace('.json', ''));
    expect(names.sort()).toEqual(Object.keys(jsonSchemas()).sort());
  });
});

function isWellFormed(value: unknown): boolean {
  return !/\\ud[89a-f]/i.test(JSON.stringify(value));
}
