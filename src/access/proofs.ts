/** Credentials that were proved, kept for a while. Whether they still stand is another question, asked each time. */
import { hash, randomBytes } from 'node:crypto';
import { isRefusal } from '../domain/errors.ts';
import type { BearerAccess } from './bearer.ts';

/** What was proved: that the caller knows this secret of this principal. */
export interface Proof {
  readonly authentication: 'password' | 'token' | 'bearer' | 'anonymous';
  readonly principalId: string;
  /** token id or `password` */
  readonly credential?: string | undefined;
  /** which password it was: setting a new one ends this proof */
  readonly secretId?: string | null | undefined;
  readonly issuedFor?: readonly BearerAccess[];
  /** when it ends by itself, ms since the epoch */
  readonly expiresAt?: number;
}

/** Since when the vault is away: for a while, what was proved before counts on. That it still stands is asked anyway. */
export function createOutage(now: () => Date, maxStalenessMs: number) {
  let since: number | undefined;
  return {
    over() {
      since = undefined;
    },
    bears(error: unknown): boolean {
      if (!isRefusal(error, 'STORAGE_UNAVAILABLE')) return false;
      since ??= now().getTime();
      return now().getTime() - since < maxStalenessMs;
    },
  };
}

interface ProofCacheOptions {
  readonly now: () => Date;
  readonly cacheMs: number;
  readonly capacity: number;
  /** of what proving asks: when it is away, what is kept may count on */
  readonly outage?: ReturnType<typeof createOutage>;
}

/**
 * Keeps proofs for some seconds, but not beyond their end: one of a password costs 25 ms of a core, one of a bearer a
 * third of a small pull. Waiting requests share one proof: a client that opens ten connections makes one attempt. Keys
 * are hashed with a secret of this process: memory holds no password.
 */
export function createProofCache({ now, cacheMs, capacity, outage }: ProofCacheOptions) {
  const secret = randomBytes(32).toString('hex');
  const proved = new Map<string, { readonly proof: Proof; readonly until: number }>();
  const proving = new Map<string, Promise<Proof>>();
  const endOf = (proof: Proof) => proof.expiresAt ?? Number.POSITIVE_INFINITY;

  function keep(key: string, proof: Proof) {
    proved.delete(key);
    const oldest = proved.keys().next();
    if (proved.size >= capacity && !oldest.done) proved.delete(oldest.value);
    proved.set(key, { proof, until: Math.min(now().getTime() + cacheMs, endOf(proof)) });
  }

  async function renew(key: string, prove: () => Promise<Proof>): Promise<Proof> {
    try {
      const proof = await prove();
      outage?.over();
      keep(key, proof);
      return proof;
    } catch (error) {
      const known = proved.get(key);
      if (known && outage?.bears(error) && endOf(known.proof) > now().getTime()) return known.proof;
      if (isRefusal(error, 'CREDENTIALS_INVALID')) proved.delete(key);
      throw error;
    }
  }

  return {
    async get(presented: string, prove: () => Promise<Proof>): Promise<Proof> {
      const key = hash('sha256', secret + presented, 'base64');
      const known = proved.get(key);
      if (known && known.until > now().getTime()) return known.proof;
      const underWay = proving.get(key);
      if (underWay) return underWay;
      const attempt = renew(key, prove);
      proving.set(key, attempt);
      try {
        return await attempt;
      } finally {
        proving.delete(key);
      }
    },
    invalidate(principalId: string) {
      for (const [key, { proof }] of proved) if (proof.principalId === principalId) proved.delete(key);
    },
  };
}
