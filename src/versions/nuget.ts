/**
 * NuGet's versions: SemVer 2.0.0 with an optional fourth number, compared without regard to case or build metadata.
 * https://learn.microsoft.com/en-us/nuget/concepts/package-versioning
 */

export interface NuGetVersion {
  /** major, minor, patch, revision */
  readonly numbers: readonly [bigint, bigint, bigint, bigint];
  /** labels of the pre-release as written; none: a release */
  readonly labels: readonly string[];
  /** build metadata as written, without `+` */
  readonly metadata: string | undefined;
}

const MAX_LENGTH = 256;
const LABELS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const VERSION = new RegExp(`^([0-9]+(?:\\.[0-9]+){0,3})(?:-(${LABELS}))?(?:\\+(${LABELS}))?$`);

/** undefined: NuGet does not take this as a version. Leading zeros and missing numbers are fine: `1.01` is 1.1.0. */
export function parseNuGet(text: string): NuGetVersion | undefined {
  const [, core, labels, metadata] = (text.length <= MAX_LENGTH && VERSION.exec(text)) || [];
  if (core === undefined) return undefined;
  const [major = 0n, minor = 0n, patch = 0n, revision = 0n] = core.split('.').map(BigInt);
  return { numbers: [major, minor, patch, revision], labels: labels?.split('.') ?? [], metadata };
}

/** Negative, zero or positive, as `a` comes before, equals or comes after `b`. What is no version comes first. */
export function compareNuGet(a: string, b: string): number {
  const [x, y] = [parseNuGet(a), parseNuGet(b)];
  if (!x || !y) return x ? 1 : y ? -1 : compareNatural(a, b);
  return compareParsed(x, y);
}

/**
 * The one spelling of a version: three numbers, or four when the last is not zero, no leading zeros, no build metadata.
 * Letters stay as they are. https://learn.microsoft.com/en-us/nuget/concepts/package-versioning#normalized-version-numbers
 */
export function normalizeNuGet({ numbers, labels }: NuGetVersion): string {
  const [major, minor, patch, revision] = numbers;
  const core = [major, minor, patch, ...(revision === 0n ? [] : [revision])].join('.');
  return labels.length === 0 ? core : `${core}-${labels.join('.')}`;
}

/** Clients from before SemVer 2.0.0 do not read it: its pre-release has dots, or it has build metadata. */
export const isSemVer2 = ({ labels, metadata }: NuGetVersion): boolean =>
  labels.length > 1 || metadata !== undefined;

function compareParsed(a: NuGetVersion, b: NuGetVersion): number {
  for (const [index, number] of a.numbers.entries()) {
    const order = compareNatural(number, b.numbers[index] ?? 0n);
    if (order !== 0) return order;
  }
  if (a.labels.length === 0 || b.labels.length === 0) return b.labels.length - a.labels.length;
  return compareLabels(a.labels, b.labels);
}

/** https://semver.org/#spec-item-11, case aside */
function compareLabels(a: readonly string[], b: readonly string[]): number {
  for (const [index, label] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    const order = compareLabel(label, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const NUMBER = /^[0-9]+$/;

function compareLabel(a: string, b: string): number {
  const [x, y] = [NUMBER.test(a), NUMBER.test(b)];
  if (x && y) return compareNatural(BigInt(a), BigInt(b));
  return x === y ? compareNatural(a.toLowerCase(), b.toLowerCase()) : x ? -1 : 1;
}

const compareNatural = <T extends bigint | string>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);
