/**
 * Clients read metadata and then its checksum, two requests between which things change. What somebody was shown is
 * remembered for a moment, so that the checksums asked for next are of that, each once. Only in this process: elsewhere,
 * and for two builds under one name, the checksum is of what is now, and clients read both again.
 */
import type { Asked } from '../../application/registry.ts';

/** How long between the two, ms: clients ask at once. */
const MOMENT = 10_000;
/** What is remembered at most. */
const MOST = 2000;

interface Shown {
  readonly until: number;
  /** by algorithm, those that were not asked for yet */
  readonly checksums: Map<string, string>;
}

export interface ShownMetadata {
  /** Somebody was shown what has these checksums, by algorithm. */
  note(asked: Asked, path: string, checksums: Readonly<Record<string, string>>): void;
  /** The checksum of what was shown; undefined: that of what is there now is asked for. */
  take(asked: Asked, path: string, algorithm: string): string | undefined;
}

/** @param now ms since any moment */
export function createShownMetadata(now: () => number = () => performance.now()): ShownMetadata {
  const shown = new Map<string, Shown>();
  return {
    note(asked, path, checksums) {
      const key = keyOf(asked, path);
      // the oldest is the first
      shown.delete(key);
      shown.set(key, { until: now() + MOMENT, checksums: new Map(Object.entries(checksums)) });
      const [oldest] = shown.keys();
      if (shown.size > MOST && oldest !== undefined) shown.delete(oldest);
    },
    take(asked, path, algorithm) {
      const known = shown.get(keyOf(asked, path));
      if (!known || known.until < now()) return undefined;
      const checksum = known.checksums.get(algorithm);
      known.checksums.delete(algorithm);
      return checksum;
    },
  };
}

const keyOf = ({ caller, repository }: Asked, path: string) =>
  JSON.stringify([caller.id, caller.credential, repository.repositoryId, path]);
