import { RegoNumber, RegoObject, RegoSet, sortTerms, type Term } from './terms.ts';

/**
 * `sprintf` as the reference implementation has it: Go's fmt.Sprintf over int64, float64 and string, where every
 * other value is formatted as the text of its Rego notation. Verbs v d s q t x X o b c e E f F g G T with flags, width and
 * precision; what is rarer (argument indexes, `*`, `#` of numbers, %U) throws: that fails the evaluation, and is never
 * silently wrong.
 *
 * https://pkg.go.dev/fmt
 */
export function sprintf(format: string, terms: readonly Term[]): string {
  const args = terms.map(argument);
  let used = 0;
  const text = format.replace(directive, (whole, ...groups: string[]) => {
    const [flags = '', width, precision, verb = ''] = groups;
    if (LITERALS[verb] !== undefined) return LITERALS[verb];
    if (verb === '*' || verb === '[') throw unsupported(whole);
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
  return text ?? badVerb(arg, directive);
}

function stringVerb(arg: string, directive: Directive): string | undefined {
  const { flags, precision, verb } = directive;
  const cut = precision === undefined ? arg : [...arg].slice(0, precision).join('');
  if (verb === 's' || (verb === 'v' && !flags.has('#'))) return pad(cut, directive);
  if (verb === 'q' && (flags.has('#') || flags.has('+'))) throw unsupported('%#q and %+q');
  if (verb === 'q' || verb === 'v') return pad(quote(cut), directive);
  return verb === 'x' || verb === 'X' ? pad(hexText(arg, directive), directive) : undefined;
}

function hexText(arg: string, { flags, precision, verb }: Directive): string {
  if (flags.has('#') || flags.has(' ')) throw unsupported('%#x and % x');
  const hex = Buffer.from(arg).subarray(0, precision).toString('hex');
  return verb === 'X' ? hex.toUpperCase() : hex;
}

const BASES: Readonly<Record<string, number>> = { d: 10, s: 10, v: 10, b: 2, o: 8, x: 16, X: 16 };

function integerVerb(arg: bigint, directive: Directive): string | undefined {
  const { flags, verb } = directive;
  const base = verb === 's' && isInt64(arg) ? undefined : BASES[verb];
  if (isInt64(arg) && 'cqUO'.includes(verb)) return character(arg, directive);
  if (base === undefined) return undefined;
  if (flags.has('#') && base !== 10) throw unsupported(`%#${verb}`);
  const digits = (arg < 0n ? -arg : arg).toString(base);
  return padNumber(signOf(arg < 0n, flags), verb === 'X' ? digits.toUpperCase() : digits, directive);
}

function padNumber(sign: string, digits: string, directive: Directive): string {
  const { flags, precision, width } = directive;
  if (precision === 0 && digits === '0') return pad('', directive, false); // as Go has it
  const zeros = precision ?? (flags.has('0') && !flags.has('-') ? width - sign.length : 0);
  return pad(sign + digits.padStart(zeros, '0'), directive, false);
}

function floatVerb(arg: number, directive: Directive): string | undefined {
  const { flags, verb, width } = directive;
  if (flags.has('#') || 'xXb'.includes(verb)) throw unsupported(`%${verb} of a fraction`);
  const body = floatBody(Math.abs(arg), directive);
  if (body === undefined) return undefined;
  const sign = signOf(arg < 0 || Object.is(arg, -0), flags);
  const zeros = flags.has('0') && !flags.has('-') ? width - sign.length : 0;
  const text = sign + body.padStart(zeros, '0');
  return pad(verb === 'E' || verb === 'G' ? text.toUpperCase() : text, directive, false);
}

function floatBody(value: number, { precision, verb }: Directive): string | undefined {
  if (verb === 'f' || verb === 'F') return fixed(value, precision ?? 6);
  if (verb === 'e' || verb === 'E') return goExponent(exponential(value, precision ?? 6));
  return verb === 'v' || verb === 'g' || verb === 'G' ? shortest(value, precision) : undefined;
}

/** %g: without a precision the fewest digits that give the number back; exponents below -4 and from the limit on. */
function shortest(value: number, precision: number | undefined): string {
  const significant = precision === undefined ? undefined : Math.max(precision, 1);
  const scientific = significant === undefined ? value.toExponential() : exponential(value, significant - 1);
  const [mantissa = '', exponent = '0'] = scientific.split('e');
  const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  const digits = trimmed.replace('.', '').length;
  const power = Number(exponent);
  if (power < -4 || power >= (significant ?? 6)) return goExponent(`${trimmed}e${exponent}`);
  return fixed(value, Math.max(0, digits - power - 1));
}

/** Decimals as Go rounds them: a tie goes to the even digit, where JavaScript takes the larger number. */
function fixed(value: number, decimals: number): string {
  if (decimals > 90 || value >= 1e21) throw unsupported('a number this large or long');
  return halfEven(value.toFixed(decimals), value.toFixed(100));
}

function exponential(value: number, decimals: number): string {
  if (decimals > 90) throw unsupported('a number this long');
  const [rounded = '', exponent] = value.toExponential(decimals).split('e');
  const [exact = '', exactExponent] = value.toExponential(100).split('e');
  return `${exponent === exactExponent ? halfEven(rounded, exact) : rounded}e${exponent}`;
}

/** `rounded` is `exact` with fewer decimals. Where it was rounded up from a tie, and is odd, it is taken back. */
function halfEven(rounded: string, exact: string): string {
  const point = rounded.includes('.') ? 0 : 1;
  const rest = exact.slice(rounded.length + point);
  const digits = rounded.replace('.', '');
  if (!/^50*$/.test(rest) || Number(digits.at(-1)) % 2 === 0) return rounded;
  const even = String(BigInt(digits) - 1n).padStart(digits.length, '0');
  const decimals = rounded.includes('.') ? rounded.length - rounded.indexOf('.') - 1 : 0;
  return decimals === 0 ? even : `${even.slice(0, -decimals)}.${even.slice(-decimals)}`;
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

/** %c; Go also has %q, %U and %O for integers, which no message needs. */
function character(arg: bigint, directive: Directive): string {
  if (directive.verb !== 'c' || arg < 0n || arg > 0x10ffffn)
    throw unsupported(`%${directive.verb} of an integer`);
  return pad(String.fromCodePoint(Number(arg)), directive);
}

/** What Go writes for a verb that the value has not: the value is formatted with the same flags. */
function badVerb(arg: Argument, { flags, width, precision, verb }: Directive): string {
  const plain = { flags, width, precision, verb: 'v' };
  if (typeof arg === 'string') return `%!${verb}(string=${stringVerb(arg, plain)})`;
  if (typeof arg === 'number') return `%!${verb}(float64=${floatVerb(arg, plain)})`;
  return isInt64(arg) ? `%!${verb}(int64=${integerVerb(arg, plain)})` : `%!${verb}(big.Int=${arg})`;
}

function typeName(arg: Argument): string {
  if (typeof arg === 'string') return 'string';
  if (typeof arg === 'number') return 'float64';
  return isInt64(arg) ? 'int64' : '*big.Int';
}

function isInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

function unsupported(what: string): RangeError {
  return new RangeError(`sprintf: ${what} is not supported`);
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
