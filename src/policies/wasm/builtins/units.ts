import { type Builtin, number, text } from './operands.ts';

export const units: Readonly<Record<string, Builtin>> = {
  'units.parse_bytes': amount => number(parseBytes(text(amount))),
};

const PREFIXES = ['', 'k', 'm', 'g', 't', 'p', 'e'];

/** `10GB`, `1.5 MiB` without the space: bytes, rounded down. Upper and lower case are the same. */
function parseBytes(amount: string): bigint {
  const [, sign, whole, fraction = '', exponent = '0', prefix, binary] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?(?:([kmgtpe])(i)?b?)?$/.exec(
      amount.toLowerCase().replaceAll('"', ''),
    ) ?? [];
  if (whole === undefined || whole + fraction === '')
    throw new RangeError('units.parse_bytes: not an amount of bytes');
  const unit = (binary ? 1024n : 1000n) ** BigInt(PREFIXES.indexOf(prefix ?? ''));
  const scale = Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  const value =
    scale >= 0 ? round([digits * 10n ** BigInt(scale), 1n]) : round([digits, 10n ** BigInt(-scale)]);
  const [numerator, denominator] = round([value[0] * unit, value[1]]);
  return sign === '-' ? -(numerator / denominator) : numerator / denominator;
}

type Ratio = readonly [numerator: bigint, denominator: bigint];

/** Rounds to 64 significant bits, half to even: the reference implementation computes with such floats. */
function round([numerator, denominator]: Ratio): Ratio {
  if (numerator === 0n) return [0n, 1n];
  let shift = 64 - (numerator.toString(2).length - denominator.toString(2).length);
  if (quotient(numerator, denominator, shift) >= 1n << 64n) shift--;
  const floor = quotient(numerator, denominator, shift);
  const [n, d] = scaled(numerator, denominator, shift);
  const twice = 2n * (n - floor * d);
  const up = twice > d || (twice === d && floor % 2n === 1n);
  return scaled(up ? floor + 1n : floor, 1n, -shift);
}

function quotient(numerator: bigint, denominator: bigint, shift: number): bigint {
  const [n, d] = scaled(numerator, denominator, shift);
  return n / d;
}

function scaled(numerator: bigint, denominator: bigint, shift: number): Ratio {
  return shift >= 0 ? [numerator << BigInt(shift), denominator] : [numerator, denominator << BigInt(-shift)];
}
