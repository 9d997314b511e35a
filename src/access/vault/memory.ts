/** The vault in memory, for tests. */
import { createVault, type Vault, type VaultEntry, type VaultKind, type VaultStore } from '../vault.ts';

export function createMemoryVault(now?: () => Date): Vault {
  return createVault(createMemoryVaultStore(), now);
}

export function createMemoryVaultStore(): VaultStore {
  const entries = new Map<string, VaultEntry>();
  const place = (kind: VaultKind, key: string) => `${kind}\0${key}`;
  const placeOf = (entry: Pick<VaultEntry, 'kind' | 'key'>) => place(entry.kind, entry.key);
  return {
    get: async (kind, key) => entries.get(place(kind, key)),
    async insert(entry, now) {
      const known = entries.get(placeOf(entry));
      if (known && !hasExpired(known, now)) return { stored: known, inserted: false };
      entries.set(placeOf(entry), entry);
      return { stored: entry, inserted: true };
    },
    async put(given) {
      for (const entry of given) entries.set(placeOf(entry), entry);
    },
    async remove(kind, key) {
      entries.delete(place(kind, key));
    },
    async page(after, limit) {
      const from = after && Buffer.from(placeOf(after));
      const sorted = [...entries.values()].sort((a, b) => byBytes(placeOf(a), placeOf(b)));
      return sorted.filter(entry => !from || Buffer.from(placeOf(entry)).compare(from) > 0).slice(0, limit);
    },
    async purge(now) {
      const expired = [...entries].filter(([, entry]) => hasExpired(entry, now));
      for (const [at] of expired) entries.delete(at);
      return expired.length;
    },
    scrub: async () => {},
    close: async () => {},
  };
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const hasExpired = (entry: VaultEntry, now: number) =>
  entry.expiresAt !== undefined && entry.expiresAt <= now;
