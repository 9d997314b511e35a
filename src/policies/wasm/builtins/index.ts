import { encoding } from './encoding.ts';
import { objects } from './objects.ts';
import type { Builtin } from './operands.ts';
import { semver } from './semver.ts';
import { strings } from './strings.ts';
import { time } from './time.ts';
import { units } from './units.ts';

/**
 * The builtins that the host gives to policies, beside those that are compiled into a module. All are pure: what
 * depends on clock, chance, network or configuration is not here, so a module that asks for it is refused. What uses
 * regular expressions is not here either: this runtime's engine can be made to run for ever.
 */
export const BUILTINS: ReadonlyMap<string, Builtin> = new Map(
  Object.entries({ ...strings, ...encoding, ...objects, ...semver, ...units, ...time }),
);

/** Counts changes of what these builtins answer; part of the evaluator's version in every decision. */
export const HOST_VERSION = 1;
