import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { merkleRoot } from '../../src/application/seal.ts';
import { unzip } from '../support/zip.ts';

const DATA = join(import.meta.dirname, '../../../shared/data/merkle/inclusion-and-consistency.zip');
const EMPTY = createHash('sha256').digest('hex');

/** The leaves of the RFC 6962 test trees. */
const LEAVES = ['', '\x00', '\x10', '\x20\x21', '\x30\x31', '@ABC', 'PQRSTUVW', '`abcdefghijklmno'];

/** Roots of the trees over the first 1 to 8 of them, as the reference logs have them. */
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

interface Case {
  readonly treeSize?: number;
  readonly root?: string;
  readonly size1?: number;
  readonly size2?: number;
  readonly root1?: string;
  readonly root2?: string;
}

/** Every tree size and root that a proof from a real tree names: other valid cases have filler for roots. */
function knownRoots(): [number, string][] {
  const roots = new Map<string, [number, string]>();
  const add = (size: number | undefined, root: string | undefined) => {
    if (size !== undefined && root)
      roots.set(`${size} ${root}`, [size, Buffer.from(root, 'base64').toString('hex')]);
  };
  for (const [name, content] of unzip(readFileSync(DATA))) {
    if (!name.endsWith('/happy-path.json')) continue;
    const one = JSON.parse(content.toString()) as Case;
    add(one.treeSize, one.root);
    add(one.size1, one.root1);
    add(one.size2, one.root2);
  }
  return [...roots.values()];
}

describe('the Merkle root of a segment', () => {
  it('is that of the empty tree without lines', () => {
    expect(merkleRoot([])).toBe(EMPTY);
  });

  it.each(ROOTS.map((root, index) => [index + 1, root] as const))(
    'over %i known leaves is %s',
    (size, root) => {
      expect(merkleRoot(LEAVES.slice(0, size))).toBe(root);
    },
  );

  it('tells a line from a node, and one order from another', () => {
    const [one, two] = [merkleRoot(['a']), merkleRoot(['b'])];
    const node = Buffer.concat([Buffer.from([1]), Buffer.from(one, 'hex'), Buffer.from(two, 'hex')]);
    expect(merkleRoot(['a', 'b'])).toBe(createHash('sha256').update(node).digest('hex'));
    expect(merkleRoot(['b', 'a'])).not.toBe(merkleRoot(['a', 'b']));
    expect(merkleRoot(['a', 'b', 'b'])).not.toBe(merkleRoot(['a', 'b']));
  });

  it('splits as RFC 6962 says at every size', () => {
    const sha256 = (data: Buffer) => createHash('sha256').update(data).digest();
    /** Built level by level: an odd last node is carried up. */
    const byLevels = (lines: readonly string[]) => {
      let level: Buffer[] = lines.map(line => sha256(Buffer.from(`\0${line}`)));
      while (level.length > 1) {
        const pairs: Buffer[] = [];
        for (let at = 0; at < level.length; at += 2) {
          const [left, right] = [level[at]!, level[at + 1]];
          pairs.push(right ? sha256(Buffer.concat([Buffer.from([1]), left, right])) : left);
        }
        level = pairs;
      }
      return level[0]?.toString('hex');
    };
    for (let size = 1; size <= 130; size++) {
      const lines = Array.from({ length: size }, (_, index) => `line ${index}`);
      expect(merkleRoot(lines)).toBe(byLevels(lines));
    }
  });

  const inData = existsSync(DATA) ? it : it.skip;
  inData(`is that of the RFC 6962 proofs${existsSync(DATA) ? '' : ' [without shared data]'}`, () => {
    const roots = knownRoots().filter(([size]) => size >= 1 && size <= LEAVES.length);
    expect(roots.length).toBeGreaterThanOrEqual(4);
    for (const [size, root] of roots) expect([size, merkleRoot(LEAVES.slice(0, size))]).toEqual([size, root]);
  });
});
