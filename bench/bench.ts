/** What a benchmark is given and what it tells. */
import { summarise } from './stats.ts';

export interface Settings {
  readonly rounds: number;
  /** of one measurement */
  readonly seconds: number;
  /** a folder for data, on the disk that is measured */
  readonly folder: string;
}

/** One line of the table: samples of each contender, round by round. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly samples: Readonly<Record<string, readonly number[]>>;
  readonly target?: Target;
  readonly note?: string;
}

/** `value` is compared with the limit; undefined when what it needs is absent. */
export interface Target {
  readonly text: string;
  readonly value: number | undefined;
  readonly met: boolean | undefined;
}

export interface Bench {
  readonly name: string;
  run(settings: Settings): Promise<readonly Row[]>;
}

export const atLeast = (limit: number, value: number | undefined, unit = '×'): Target => ({
  text: `≥ ${limit.toLocaleString('en')}${unit}`,
  value,
  met: value === undefined ? undefined : value >= limit,
});

export const atMost = (limit: number, value: number | undefined, unit = ''): Target => ({
  text: `≤ ${limit.toLocaleString('en')}${unit}`,
  value,
  met: value === undefined ? undefined : value <= limit,
});

type Samples = Readonly<Record<string, readonly number[]>>;

/** Median of the ratios of each round: what slowed a whole round down falls out. */
export function ratio(samples: Samples, over: string, under: string): number | undefined {
  const [a, b] = [samples[over], samples[under]];
  if (!a?.length || !b?.length) return undefined;
  return summarise(a.map((value, round) => value / (b[round] ?? Number.NaN))).median;
}

/** Measures every contender once in each round, A B A B …; the order turns round every time. */
export async function interleave<C extends { readonly name: string }>(
  rounds: number,
  contenders: readonly C[],
  measure: (contender: C) => Promise<number>,
): Promise<Record<string, number[]>> {
  const samples: Record<string, number[]> = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contenders : [...contenders].reverse();
    for (const contender of order) samples[contender.name]?.push(await measure(contender));
  }
  return samples;
}
