import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareNuGet, isSemVer2, normalizeNuGet, parseNuGet } from '../../src/versions/nuget.ts';

const DATA = join(import.meta.dirname, '../../../shared/data/version-order/nuget-versions.txt');

const sign = (a: string, b: string) => Math.sign(compareNuGet(a, b)) || 0;

describe.skipIf(!existsSync(DATA))('order of versions: nuget-versions.txt', () => {
  it('agrees with every row, both ways', () => {
    const rows = readFileSync(DATA, 'utf8')
      .split('\n')
      .filter(line => line.trim() !== '' && !/^(#|\/\/)/.test(line))
      .map(line => line.split(' '));
    expect(rows.length).toBeGreaterThan(30);
    const wrong = rows.filter(([a = '', relation = '', b = '']) => {
      const order = ['<', '=', '>'].indexOf(relation) - 1;
      return sign(a, b) !== order || sign(b, a) !== (order === 0 ? 0 : -order);
    });
    expect(wrong).toEqual([]);
  });
});

describe('order of versions', () => {
  it.each([
    ['1.0', '1.0.0.0', 0],
    ['1.0.0-rc', '1.0.0', -1],
    ['1.0.0-alpha.2', '1.0.0-alpha.10', -1],
    ['1.0.0-1', '1.0.0-alpha', -1],
    ['1.0.0-Beta', '1.0.0-bETA', 0],
    ['1.0.0+a', '1.0.0+b', 0],
    ['1.0.0.2', '1.0.0.10', -1],
    ['nonsense', '0.0.0-a', -1],
    ['', 'nonsense', -1],
  ])('%s to %s: %i', (a, b, order) => {
    expect(sign(a, b)).toBe(order);
    expect(sign(b, a)).toBe(order === 0 ? 0 : -order);
  });
});

describe('normalising', () => {
  it.each([
    ['1', '1.0.0'],
    ['1.01.1', '1.1.1'],
    ['1.0.0.0', '1.0.0'],
    ['1.0.01.0004', '1.0.1.4'],
    ['1.0-Beta.1+build.5', '1.0.0-Beta.1'],
  ])('%s is %s', (written, normal) => {
    const parsed = parseNuGet(written);
    expect(parsed && normalizeNuGet(parsed)).toBe(normal);
  });

  it.each([
    '',
    '1.',
    '.1',
    '1.2.3.4.5',
    '1.0-',
    '1.0-a..b',
    '1.0+',
    'v1.0',
    '1.0 ',
    '-1',
    '1.0-ä',
    '1'.repeat(300),
  ])('%s is no version', text => expect(parseNuGet(text)).toBeUndefined());

  it.each([
    ['1.0.0', false],
    ['1.0.0-beta', false],
    ['1.0.0-beta.1', true],
    ['1.0.0+abc', true],
  ])('%s needs SemVer 2.0.0: %s', (text, expected) => {
    const parsed = parseNuGet(text);
    expect(parsed && isSemVer2(parsed)).toBe(expected);
  });
});
