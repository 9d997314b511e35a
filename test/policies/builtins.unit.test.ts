import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUILTINS } from '../../src/policies/wasm/builtins/index.ts';
import { compareTerms, parseTerm, RegoSet, termToJson } from '../../src/policies/wasm/terms.ts';
import type { Call } from './reference.ts';

const calls = JSON.parse(readFileSync(join(import.meta.dirname, 'builtins.golden.json'), 'utf8')) as Call[];

/** Undefined in opa is an error here: an evaluation must not go on as if a rule did not apply. */
function answer({ call, args }: Call): string {
  const builtin = BUILTINS.get(call);
  if (!builtin) throw new Error(`no builtin ${call}`);
  try {
    return termToJson(builtin(...args.map(parseTerm)));
  } catch {
    return 'an error';
  }
}

describe('host builtins answer what opa answers', () => {
  it.each(calls)('$call($args)', call => {
    const ours = answer(call);
    if (call.json === null) return expect(ours).toBe('an error');
    expect(ours).not.toBe('an error');
    if (compareTerms(parseTerm(ours), parseTerm(call.json)) !== 0) expect(ours).toBe(call.json);
  });

  it('has calls for every builtin', () => {
    const called = new Set(calls.map(({ call }) => call));
    expect([...BUILTINS.keys()].filter(name => !called.has(name))).toEqual([]);
  });
});

describe('what the host refuses rather than guesses', () => {
  it.each([
    ['time.date', ['[0, "Europe/Berlin"]']],
    ['time.date', ['9223372036854775808']],
    ['sprintf', ['"%*d"', '[3, 4]']],
    ['sprintf', ['"%[1]d"', '[3]']],
    ['sprintf', ['"%q"', '[3]']],
    ['sprintf', ['"%U"', '[3]']],
    ['sprintf', ['"%#x"', '[3]']],
    ['sprintf', ['"%#q"', '["a"]']],
    ['sprintf', ['"%x"', '[1.5]']],
    ['sprintf', ['"%f"', '[1e300]']],
    ['semver.compare', ['1', '"1.0.0"']],
    ['strings.any_prefix_match', ['1', '"a"']],
    ['hex.decode', ['"ff"']],
  ])('%s(%j)', (name, args) => {
    expect(() => BUILTINS.get(name)?.(...args.map(parseTerm))).toThrow();
  });

  it.each([
    'http.send',
    'time.now_ns',
    'rand.intn',
    'uuid.rfc4122',
    'opa.runtime',
    'net.lookup_ip_addr',
    'regex.replace',
    'regex.split',
    'io.jwt.decode_verify',
  ])('%s does not exist', name => {
    expect(BUILTINS.has(name)).toBe(false);
  });
});

describe('Rego notation', () => {
  it.each(['', '{', '[1', '{1:2,3}', 'nul', '1 2', '"a', 'set(', '{"a" 1}', '[1 2]'])(
    '%j is no value',
    text => {
      expect(() => parseTerm(text)).toThrow(SyntaxError);
    },
  );

  it('keeps numbers as they are written', () => {
    expect(termToJson(parseTerm('[9007199254740993,1.0,-0]'))).toBe('[9007199254740993,1.0,-0]');
  });

  it('tells sets from arrays, and refuses to pass them as JSON', () => {
    const set = parseTerm('{1,{2},set()}');
    expect(set).toBeInstanceOf(RegoSet);
    expect(() => termToJson(set)).toThrow(TypeError);
  });

  it('orders text by code points', () => {
    expect(compareTerms('\uffee', '\u{1f600}')).toBeLessThan(0);
  });

  it('orders values by kind', () => {
    const terms = ['null', 'false', 'true', '-1', '1.5', '2', '"a"', '[]', '[1]', '{}', '{"a":1}', 'set()'];
    const sorted = [...terms].reverse().sort((a, b) => compareTerms(parseTerm(a), parseTerm(b)));
    expect(sorted).toEqual(terms);
  });
});
