import { compareText } from '../terms.ts';
import { type Builtin, number, text } from './operands.ts';

/** https://semver.org/spec/v2.0.0.html, with an optional leading `v` as the reference implementation allows. */
export const semver: Readonly<Record<string, Builtin>> = {
  'semver.is_valid': version => typeof version === 'string' && parse(version) !== undefined,
  'semver.compare': (a, b) => number(compare(read(text(a)), read(text(b)))),
};

interface Version {
  readonly core: readonly bigint[];
  readonly pre: readonly string[];
}

const core = '(0|[1-9]\\d*)';
const pre = '(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)';
const pattern = new RegExp(
  `^v?${core}\\.${core}\\.${core}(?:-(${pre}(?:\\.${pre})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);
const largest = 2n ** 63n - 1n;

function parse(version: string): Version | undefined {
  const [, major, minor, patch, preRelease] = pattern.exec(version) ?? [];
  if (major === undefined || minor === undefined || patch === undefined) return undefined;
  const numbers = [BigInt(major), BigInt(minor), BigInt(patch)];
  if (numbers.some(part => part > largest)) return undefined;
  return { core: numbers, pre: preRelease?.split('.') ?? [] };
}

function read(version: string): Version {
  const parsed = parse(version);
  if (!parsed) throw new RangeError('semver.compare: not a semantic version');
  return parsed;
}

function compare(a: Version, b: Version): number {
  for (const i of [0, 1, 2]) {
    const [x, y] = [a.core[i]!, b.core[i]!];
    if (x !== y) return x < y ? -1 : 1;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length);
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = comparePre(a.pre[i]!, b.pre[i]!);
    if (order !== 0) return order;
  }
  return Math.sign(a.pre.length - b.pre.length);
}

function comparePre(a: string, b: string): number {
  const [numericA, numericB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numericA !== numericB) return numericA ? -1 : 1;
  if (!numericA) return Math.sign(compareText(a, b));
  return BigInt(a) === BigInt(b) ? 0 : BigInt(a) < BigInt(b) ? -1 : 1;
}
