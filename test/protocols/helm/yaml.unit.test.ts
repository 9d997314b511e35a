import { describe, expect, it } from 'vitest';
import { readYaml, YamlProblem } from '../../../src/protocols/helm/yaml.ts';

const read = (text: string) => readYaml(Buffer.from(text));

describe('YAML of strangers', () => {
  it.each([
    ['a: 1\nb: [x, {c: true}]', { a: 1, b: ['x', { c: true }] }],
    ['a:\nb: ~\nc: [null, 1]', { c: [1] }],
    ['a: &x {b: 1}\nc: *x', { a: { b: 1 }, c: { b: 1 } }],
    ['a: .inf\nb: "1.0"\nc: 2026-01-01', { a: 'Infinity', b: '1.0', c: '2026-01-01' }],
    ['a: |\n  two\n  lines\n', { a: 'two\nlines\n' }],
    ['', null],
    ['# nothing', null],
    ['text', 'text'],
  ])('reads %j', (text, value) => expect(read(text)).toEqual(value));

  it('makes no object another one than it is', () => {
    const value = read('__proto__: {polluted: true}\nconstructor: 1') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['a key twice', 'a: 1\nb: 2\na: 3', 'a key appears twice'],
    ['a key twice, written differently', '1: a\n"1": b', 'a key appears twice'],
    ['a map as key', '? {a: 1}\n: b', 'a key is not text'],
    ['maps that are merged, which only some do', 'a: &x {b: 1}\nc: {<<: *x}', 'merges maps'],
    ['two documents', 'a: 1\n---\nb: 2', 'it is not YAML'],
    ['an unknown reference', 'a: *x', 'refers to what is not there'],
    ['what has no end', 'a: "b', 'it is not YAML'],
    ['a text too long', 'a'.repeat(256 * 1024 + 1), 'more than'],
    ['too many values', `[${'1,'.repeat(10_001)}]`, 'more than 10000 values'],
    ['too many references', `a: &x 1\nb: [${'*x,'.repeat(101)}]`, 'too many references'],
    ['what is nested too deeply', `${'['.repeat(34)}${']'.repeat(34)}`, 'nested deeper'],
    ['what is nested absurdly', '['.repeat(200_000), 'nested deeper'],
    ['what has absurdly many parts', '- '.repeat(100_000), 'too many parts'],
    ['what refers to itself', 'a: &x [*x]', 'nested deeper'],
  ])('refuses %s', (_what, text, why) => {
    expect(() => read(text)).toThrow(YamlProblem);
    expect(() => read(text)).toThrow(why);
  });

  it('refuses a small text that expands to everything, at once', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 10; level++)
      lines.push(
        `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      );
    const began = performance.now();
    expect(() => read(lines.join('\n'))).toThrow(YamlProblem);
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  it('reads the most that it takes in a bounded time', () => {
    for (const text of [
      'a: b\n',
      '{',
      '[[]',
      '"\\u',
      '- - - ',
      '&a ',
      '? ',
      'k: {a: [b, "c"]}\n',
      '!<',
      '>\n ',
    ]) {
      const began = performance.now();
      try {
        read(text.repeat(Math.floor((256 * 1024) / text.length)));
      } catch (error) {
        expect(error).toBeInstanceOf(YamlProblem);
      }
      expect(performance.now() - began, text).toBeLessThan(30_000);
    }
  });
});
