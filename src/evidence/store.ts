/** The evidence store over rows: digests, and encryption per owner. One copy per digest and owner. */
import { hash } from 'node:crypto';
import { refuse } from '../domain/errors.ts';
import type { EvidenceDigest, EvidenceStore } from './port.ts';
import type { EvidenceRow, EvidenceRows } from './rows.ts';
import { type PersonKeys, seal, unseal } from './seal.ts';

const PLAIN = '';

/** @param keys without them, bytes with an owner are refused */
export function createEvidence(rows: EvidenceRows, keys?: PersonKeys): EvidenceStore {
  function mustHaveKeys(): PersonKeys {
    if (!keys)
      throw refuse('STORAGE_UNAVAILABLE', 'no keys of persons are configured for the evidence store');
    return keys;
  }

  async function opened({ body, digest, owner }: EvidenceRow): Promise<Uint8Array | undefined> {
    if (owner === PLAIN) return body;
    const { existingKey, keyFor } = mustHaveKeys();
    const key = await (existingKey ?? keyFor)(owner);
    return key && unseal(body, key, digest);
  }

  return {
    async put(bytes, { owner = PLAIN } = {}) {
      const digest = `sha256:${hash('sha256', bytes)}`;
      const key = owner === PLAIN ? undefined : await mustHaveKeys().keyFor(owner);
      if (owner !== PLAIN && !key)
        throw refuse('STATE_CONFLICT', `${owner} was forgotten: nothing can be kept for them`);
      // Copied, since the caller may go on writing into its buffer
      await rows.put({ digest, owner, body: key ? seal(bytes, key, digest) : Uint8Array.from(bytes) });
      return digest;
    },

    async get(digest) {
      const copies = await rows.copies(digest);
      for (const copy of copies) {
        const plain = await opened(copy);
        if (plain) return intact(plain, digest);
      }
      return copies.length > 0 ? 'erased' : undefined;
    },

    remove: digests => rows.remove(digests),

    list: ({ after = '', limit = 1000 } = {}) => rows.digests(after, limit),
  };
}

function intact(bytes: Uint8Array, digest: EvidenceDigest): Uint8Array {
  if (`sha256:${hash('sha256', bytes)}` === digest) return bytes;
  throw refuse('STORAGE_UNAVAILABLE', `evidence ${digest} is damaged: restore it from a backup`);
}
