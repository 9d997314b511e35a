import type { Term } from '../terms.ts';
import { type Builtin, integer, number, text } from './operands.ts';

/**
 * Times are nanoseconds since 1970 as exact integers. Only UTC: other zones depend on a database that changes, so a
 * replay could differ. What the clock says comes in as `input.now`, never from here.
 */
export const time: Readonly<Record<string, Builtin>> = {
  'time.parse_rfc3339_ns': value => number(inRange(parseRfc3339(text(value)))),
  'time.parse_duration_ns': value => number(parseDuration(text(value))),
  'time.date': value => {
    const date = utcDate(value);
    return [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()].map(number);
  },
  'time.clock': value => {
    const date = utcDate(value);
    return [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(number);
  },
  'time.weekday': value => WEEKDAYS[utcDate(value).getUTCDay()]!,
  'time.add_date': (value, years, months, days) => {
    const ns = nanoseconds(value);
    const date = utcDate(value);
    const [y, m, d] = [years, months, days].map(part => Number(integer(part))) as [number, number, number];
    date.setUTCFullYear(date.getUTCFullYear() + y, date.getUTCMonth() + m, date.getUTCDate() + d);
    return number(inRange(BigInt(date.getTime()) * MILLI + modulo(ns, MILLI)));
  },
};

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MILLI = 1_000_000n;
const LIMIT = 2n ** 63n;

/** https://www.rfc-editor.org/rfc/rfc3339#section-5.6 without leap seconds and lower case, as Go reads it */
function parseRfc3339(value: string): bigint {
  const [, day, clock, fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] =
    /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/.exec(value) ?? [];
  const iso = `${day}T${clock}.000Z`;
  const local = new Date(iso);
  const wrong = Number.isNaN(local.getTime()) || local.toISOString() !== iso;
  if (wrong || Number(offsetHours) > 24 || Number(offsetMinutes) > 60)
    throw new RangeError('not an RFC 3339 time');
  const offset = BigInt(Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000n;
  const ms = BigInt(local.getTime()) - (sign === '-' ? -offset : offset);
  return ms * MILLI + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

const DURATION: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const HOURS: Readonly<Record<string, number>> = { d: 24, w: 7 * 24, y: 365 * 24 };

/** Go's durations (`1h30m`, `-1.5s`), with days, weeks and years of 365 days, which count as hours. */
function parseDuration(value: string): bigint {
  const [, sign, body] = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|[smhdwy]))+|0)$/.exec(value) ?? [];
  if (body === undefined) throw new RangeError('not a duration');
  let sum = 0n;
  for (const [, amount = '', unit = ''] of body.matchAll(/([\d.]+)(ns|us|µs|μs|ms|[smhdwy])/g)) {
    const hours = HOURS[unit];
    sum +=
      hours === undefined ? segment(amount, DURATION[unit]!) : segment(plain(amount, hours), DURATION.h!);
  }
  return inRange(sign === '-' ? -sum : sum);
}

function plain(amount: string, hours: number): string {
  const text = String(Number(amount) * hours);
  if (!/^[\d.]+$/.test(text)) throw new RangeError('duration outside of valid range');
  return text;
}

/** Fractions are computed with floats, and rounded down: so does Go. */
function segment(amount: string, unit: number): bigint {
  const [whole, decimals = ''] = amount.split('.');
  const fraction = decimals.slice(0, BigInt(decimals.slice(0, 19) || '0') < LIMIT ? 19 : 18);
  const part = Number(BigInt(fraction || '0')) * (unit / 10 ** fraction.length);
  return BigInt(whole || '0') * BigInt(unit) + BigInt(Math.floor(part));
}

function utcDate(value: Term | undefined): Date {
  const ns = nanoseconds(value);
  return new Date(Number((ns - modulo(ns, MILLI)) / MILLI));
}

/** A time is nanoseconds, or these with the name of a zone. */
function nanoseconds(value: Term | undefined): bigint {
  if (!Array.isArray(value)) return inRange(integer(value));
  const [ns, zone] = value as readonly Term[];
  if (value.length > 2 || (zone !== 'UTC' && zone !== ''))
    throw new RangeError('only the time zone UTC is supported');
  return inRange(integer(ns));
}

function inRange(ns: bigint): bigint {
  if (ns >= LIMIT || ns < -LIMIT) throw new RangeError('time outside of valid range');
  return ns;
}

function modulo(a: bigint, b: bigint): bigint {
  return ((a % b) + b) % b;
}
