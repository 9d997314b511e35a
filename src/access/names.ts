/** Log-in names as the log holds them: hashed with an installation secret, so that nobody can guess them from it. */
import { createHmac } from 'node:crypto';
import type { Vault } from './vault.ts';

export type NameHash = (name: string) => Promise<string>;

/** Hex HMAC-SHA256 of the exact name under the vault's `name-hash` secret. */
export function createNameHash(vault: Pick<Vault, 'secret'>): NameHash {
  return async name =>
    createHmac('sha256', await vault.secret('name-hash'))
      .update(name, 'utf8')
      .digest('hex');
}
