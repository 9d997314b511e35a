import { RegoNumber, RegoObject, RegoSet, sortTerms, type Term } from './terms.ts';

/**
 * `sprintf` as the reference implementation has it: Go's fmt.Sprintf over int64, float64 and string, where every
 * other value is formatted as the text of its Rego notation. Verbs v d s q t x X o b c e E f F g G T, flags, width and
 * precision; argument indexes and `*` throw, which fails the evaluation and is never silently wrong.
 *
 * https://pkg.go.dev/fmt
 */
export function sprintf(format: string, terms: readonly Term[]): string {
  const args = terms.map(argument);
  let used = 0;
  const text = format.replace(directive, (whole, ...groups: string[]) => {
    const [flags = '', width, precision, verb = ''] = groups;
    if (LITERALS[verb] !== undefined) return LITERALS[verb];
    if (verb === '*' || verb === '[') throw new RangeError(`sprintf: ${whole} is not supported`);
    const arg = args[used++];
    if (arg === undefined) return `%!${verb}(MISSING)`;
    return formatOne(arg, {
      flags: new Set(flags),
      width: Number(width),
      precision: precision ? Number(precision.slice(1)) : undefined,
      verb,
    });
  });
  if (used >= args.length) return text;
  const extra = args.slice(used).map(arg => `${typeName(arg)}=${plainText(arg)}`);
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

const LITERALS: Readonly<Record<string, string>> = { '%': '%', '': '%!(NOVERB)' };

/** Rego notation as OPA prints it inside messages: sorted, with a space after commas and colons. */
export function termText(term: Term): string {
  if (term instanceof RegoNumber) return term.text;
  if (typeof term === 'string') return quote(term);
  if (term instanceof RegoSet) {
    return term.items.length === 0 ? 'set()' : `{${sortTerms(term.items).map(termText).join(', ')}}`;
  }
  if (term instanceof RegoObject) {
    const keys = sortTerms(term.entries.map(([key]) => key));
    return `{${keys.map(key => `${termText(key)}: ${termText(term.get(key)!)}`).join(', ')}}`;
  }
  return Array.isArray(term) ? `[${term.map(termText).join(', ')}]` : String(term);
}

type Argument = bigint | number | string;

interface Directive {
  readonly flags: ReadonlySet<string>;
  readonly width: number;
  readonly precision: number | undefined;
  readonly verb: string;
}

function argument(term: Term): Argument {
  if (typeof term === 'string') return term;
  if (!(term instanceof RegoNumber)) return termText(term);
  return /^-?\d+$/.test(term.text) ? BigInt(term.text) : Number(term.text);
}

function formatOne(arg: Argument, directive: Directive): string {
  const { verb } = directive;
  if (verb === 'T') return pad(typeName(arg), directive);
  const text =
    typeof arg === 'string'
      ? stringVerb(arg, directive)
      : typeof arg === 'bigint'
        ? integerVerb(arg, directive)
        : floatVerb(arg, directive);
  return text ?? `%!${verb}(${typeName(arg)}=${plainText(arg)})`;
}

function stringVerb(arg: string, directive: Directive): string | undefined {
  const { flags, precision, verb } = directive;
  const cut = precision === undefined ? arg : [...arg].slice(0, precision).join('');
  if (verb === 's' || (verb === 'v' && !flags.has('#'))) return pad(cut, directive);
  if (verb === 'q' || verb === 'v') return pad(quote(cut), directive);
  if (verb !== 'x' && verb !== 'X') return undefined;
  const hex = Buffer.from(arg).subarray(0, precision).toString('hex');
  return pad(verb === 'X' ? hex.toUpperCase() : hex, directive);
}

const BASES: Readonly<Record<string, number>> = { d: 10, v: 10, b: 2, o: 8, x: 16, X: 16 };

function integerVerb(arg: bigint, directive: Directive): string | undefined {
  const { flags, precision, verb, width } = directive;
  if (verb === 'c') return pad(String.fromCodePoint(Number(arg)), directive);
  const base = BASES[verb];
  if (base === undefined) return undefined;
  let digits = (arg < 0n ? -arg : arg).toString(base);
  if (verb === 'X') digits = digits.toUpperCase();
  const sign = signOf(arg < 0n, flags);
  if (precision !== undefined) return pad(sign + digits.padStart(precision, '0'), directive, false);
  if (flags.has('0') && !flags.has('-')) digits = digits.padStart(width - sign.length, '0');
  return pad(sign + digits, directive, false);
}

function floatVerb(arg: number, directive: Directive): string | undefined {
  const { flags, verb, width } = directive;
  const body = floatBody(Math.abs(arg), directive);
  if (body === undefined) return undefined;
  const sign = signOf(arg < 0 || Object.is(arg, -0), flags);
  const zeros = flags.has('0') && !flags.has('-') ? width - sign.length : 0;
  const text = sign + body.padStart(zeros, '0');
  return pad(verb === 'E' || verb === 'G' ? text.toUpperCase() : text, directive, false);
}

function floatBody(value: number, { precision, verb }: Directive): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  if (verb === 'f' || verb === 'F') return value.toFixed(precision ?? 6);
  if (verb === 'e' || verb === 'E') return goExponent(value.toExponential(precision ?? 6));
  return verb === 'v' || verb === 'g' || verb === 'G' ? shortest(value, precision) : undefined;
}

/** %g: without a precision the fewest digits that give the number back; exponents below -4 and from the limit on. */
function shortest(value: number, precision: number | undefined): string {
  const significant = precision === undefined ? undefined : Math.max(precision, 1);
  const scientific = value.toExponential(significant === undefined ? undefined : significant - 1);
  const [mantissa = '', exponent = '0'] = scientific.split('e');
  const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  const digits = trimmed.replace('.', '').length;
  const power = Number(exponent);
  if (power < -4 || power >= (significant ?? 21)) return goExponent(`${trimmed}e${exponent}`);
  return value.toFixed(Math.min(100, Math.max(0, digits - power - 1)));
}

/** Go writes at least two digits of exponent: 1e+06 */
function goExponent(text: string): string {
  return text.replace(/e([+-]?)(\d)$/, (_, sign: string, digit: string) => `e${sign || '+'}0${digit}`);
}

function signOf(negative: boolean, flags: ReadonlySet<string>): string {
  if (negative) return '-';
  return flags.has('+') ? '+' : flags.has(' ') ? ' ' : '';
}

/** Width counts characters, not bytes. */
function pad(text: string, { flags, width }: Directive, zeros = true): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.has('-')) return text + ' '.repeat(missing);
  return (zeros && flags.has('0') ? '0' : ' ').repeat(missing) + text;
}

function typeName(arg: Argument): string {
  if (typeof arg === 'string') return 'string';
  if (typeof arg === 'number') return 'float64';
  return BigInt.asIntN(64, arg) === arg ? 'int64' : '*big.Int';
}

function plainText(arg: Argument): string {
  if (typeof arg !== 'number') return String(arg);
  return floatVerb(arg, { flags: new Set(), width: 0, precision: undefined, verb: 'v' })!;
}

/** strconv.Quote: Go escapes what is not printable, and keeps other Unicode as it is. */
function quote(text: string): string {
  let out = '';
  for (const char of text) out += ESCAPES[char] ?? (printable.test(char) ? char : escapeChar(char));
  return `"${out}"`;
}

function escapeChar(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000
    ? `\\u${code.toString(16).padStart(4, '0')}`
    : `\\U${code.toString(16).padStart(8, '0')}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const directive = /%([+\-# 0]*)(\d*)(\.\d*)?([\s\S]?)/gu;
