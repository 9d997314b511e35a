/** Evidence in memory, for unit tests. */
import { randomBytes } from 'node:crypto';
import type { EvidenceStore } from './port.ts';
import type { EvidenceRow, EvidenceRows } from './rows.ts';
import type { PersonKeys } from './seal.ts';
import { createEvidence } from './store.ts';

/** @param keys by default a fresh key per person, never destroyed */
export function createMemoryEvidence(keys: PersonKeys = memoryKeys()): EvidenceStore {
  return createEvidence(memoryRows(), keys);
}

function memoryRows(): EvidenceRows {
  const rows = new Map<string, EvidenceRow[]>();
  return {
    async put(row) {
      const copies = rows.get(row.digest) ?? [];
      if (copies.some(copy => copy.owner === row.owner)) return;
      rows.set(
        row.digest,
        [...copies, row].sort((a, b) => (a.owner < b.owner ? -1 : 1)),
      );
    },
    async copies(digest) {
      return rows.get(digest) ?? [];
    },
    async remove(digests) {
      for (const digest of digests) {
        const owned = (rows.get(digest) ?? []).filter(({ owner }) => owner !== '');
        if (owned.length > 0) rows.set(digest, owned);
        else rows.delete(digest);
      }
    },
    async digests(after, limit) {
      return [...rows.keys()]
        .sort()
        .filter(digest => digest > after)
        .slice(0, limit);
    },
  };
}

/** Keys that live as long as the process. `destroy` is what forgetting a person does. */
export function memoryKeys(): PersonKeys & { destroy(personId: string): void } {
  const keys = new Map<string, Buffer | undefined>();
  return {
    async keyFor(personId) {
      if (!keys.has(personId)) keys.set(personId, randomBytes(32));
      return keys.get(personId);
    },
    destroy: personId => void keys.set(personId, undefined),
  };
}
