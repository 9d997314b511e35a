import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareMaven, sortMaven } from '../../src/versions/maven.ts';

const DATA = join(import.meta.dirname, '../../../shared/data/version-order');

interface Row {
  readonly a: string;
  readonly b: string;
  readonly order: number;
}

function rowsOf(file: string): Row[] {
  const lines = readFileSync(join(DATA, file), 'utf8').split('\n');
  return lines
    .filter(line => line.trim() !== '' && !/^(#|\/\/)/.test(line))
    .map(line => {
      const [a = '', relation = '', b = ''] = line.split(' ');
      return { a, b, order: ['<', '=', '>'].indexOf(relation) - 1 };
    });
}

const sign = (a: string, b: string) => Math.sign(compareMaven(a, b)) || 0;

for (const file of ['maven-versions.txt', 'maven-versions-generated.txt'])
  describe.skipIf(!existsSync(join(DATA, file)))(`order of versions: ${file}`, () => {
    it('agrees with every row, both ways', () => {
      const rows = rowsOf(file);
      expect(rows.length).toBeGreaterThan(100);
      const wrong = rows.filter(
        ({ a, b, order }) => sign(a, b) !== order || sign(b, a) !== (order === 0 ? 0 : -order),
      );
      expect(wrong).toEqual([]);
    });
  });

describe('order of versions', () => {
  it.each([
    ['1.0-SNAPSHOT', '1.0', -1],
    ['1.0-rc-1', '1.0-SNAPSHOT', -1],
    ['1.10', '1.9', 1],
    ['1', '1.0.0', 0],
    ['33.0.0-jre', '33.0.0-android', 1],
    ['1-ga-1', '1-1', 0],
    ['', '0', 0],
    ['99999999999999999999999', '9', 1],
  ])('%s to %s: %i', (a, b, order) => {
    expect(sign(a, b)).toBe(order);
    expect(sign(b, a)).toBe(order === 0 ? 0 : -order);
  });

  it('sorts totally: what is equal to Maven keeps one order, however it came', () => {
    const versions = ['1.0', '2.0-SNAPSHOT', '1', '1.0.0', '1.10', '1.9'];
    const sorted = sortMaven(versions, version => version);
    expect(sorted).toEqual(['1', '1.0', '1.0.0', '1.9', '1.10', '2.0-SNAPSHOT']);
    expect(sortMaven(versions.toReversed(), version => version)).toEqual(sorted);
  });

  it('takes time in proportion to a hostile length', () => {
    const began = performance.now();
    compareMaven('1-'.repeat(20_000), '1-'.repeat(20_000));
    compareMaven('a1'.repeat(5000), 'a1'.repeat(5000));
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
