import { compareTerms, RegoObject, RegoSet, type Term } from '../terms.ts';
import type { Builtin } from './operands.ts';

export const objects: Readonly<Record<string, Builtin>> = {
  'object.subset': (whole, part) => {
    const answer = subset(whole!, part!);
    if (answer === undefined)
      throw new TypeError('object.subset: operands must be of the same type, or array and set');
    return answer;
  },
};

/** Objects recursively; sets by membership; arrays as a run of elements. undefined: these cannot be compared. */
function subset(whole: Term, part: Term): boolean | undefined {
  if (whole instanceof RegoObject) return part instanceof RegoObject ? objectSubset(whole, part) : undefined;
  if (part instanceof RegoSet) return setSubset(whole, part);
  return Array.isArray(whole) && Array.isArray(part) ? arraySubset(whole, part) : undefined;
}

function setSubset(whole: Term, part: RegoSet): boolean | undefined {
  // the reference implementation finds nothing at all in an empty array, not even an empty set
  if (Array.isArray(whole)) return whole.length > 0 && contains(whole, part.items);
  return whole instanceof RegoSet ? contains(whole.items, part.items) : undefined;
}

function contains(whole: readonly Term[], part: readonly Term[]): boolean {
  return part.every(item => whole.some(other => compareTerms(item, other) === 0));
}

function objectSubset(whole: RegoObject, part: RegoObject): boolean {
  return part.entries.every(([key, value]) => {
    const other = whole.get(key);
    if (other === undefined) return false;
    if (compareTerms(other, value) === 0) return true;
    const sameKind = Array.isArray(other) === Array.isArray(value);
    return sameKind && subset(other, value) === true;
  });
}

/** The reference implementation's search, which does not go back after a partial match. */
function arraySubset(whole: readonly Term[], part: readonly Term[]): boolean {
  let start = 0;
  let matched = 0;
  while (matched < part.length) {
    if (start + matched >= whole.length) return false;
    if (compareTerms(whole[start + matched]!, part[matched]!) === 0) matched++;
    else {
      start++;
      matched = 0;
    }
  }
  return true;
}
