/** Samples of several rounds, and what is said of them. */

export interface Summary {
  readonly median: number;
  /** half the distance between the smallest and the largest sample, as a part of the median */
  readonly spread: number;
  readonly samples: readonly number[];
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function summarise(samples: readonly number[]): Summary {
  const middle = median(samples);
  return { median: middle, spread: (Math.max(...samples) - Math.min(...samples)) / 2 / middle, samples };
}

/** `1,234`, `12.3` or `0.046`: about three digits. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toPrecision(Math.abs(value) >= 1 ? 3 : 2);
}
