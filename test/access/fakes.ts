/** An access directory in memory, and an authenticator on it. */
import { createHash } from 'node:crypto';
import { createAuthenticator } from '../../src/access/authenticate.ts';
import { createBearers } from '../../src/access/bearer.ts';
import type { AccessDirectory, DirectoryPrincipal, DirectoryToken } from '../../src/access/directory.ts';
import { createNameHash } from '../../src/access/names.ts';
import { createPasswords, type Kdf } from '../../src/access/passwords.ts';
import { createThrottle } from '../../src/access/throttle.ts';
import { mintToken } from '../../src/access/tokens.ts';
import { createMemoryVault } from '../../src/access/vault/memory.ts';

type Changeable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface KdfCall {
  readonly password: string;
  readonly parameters: unknown;
}

/** A registry's access, with a quick derivation whose calls are recorded and a clock that stands still. */
export function createWorld() {
  const clock = { time: Date.parse('2026-01-01T00:00:00Z') };
  const now = () => new Date(clock.time);
  const vault = createMemoryVault(now);
  const nameHash = createNameHash(vault);
  const kdfCalls: KdfCall[] = [];
  const kdf: Kdf = async (password, salt, parameters) => {
    kdfCalls.push({ password: Buffer.from(password).toString(), parameters });
    return createHash('sha256').update(salt).update(password).digest();
  };
  const passwords = createPasswords({ kdf, queue: 1000 });
  const principals = new Map<string, Changeable<DirectoryPrincipal>>();
  const names = new Map<string, string>();
  const tokens = new Map<string, Changeable<DirectoryToken>>();
  const directory: AccessDirectory = {
    principalByNameHash: async hash => principals.get(names.get(hash) ?? ''),
    principalById: async id => principals.get(id),
    tokenById: async id => tokens.get(id),
    grantsOf: async () => [],
  };
  const throttle = createThrottle({ now });
  const bearers = createBearers({ vault, directory, now });
  const parts = { vault, directory, now, passwords, throttle, bearers };

  async function setPassword(principalId: string, password: string) {
    const passwordSecretId = `s${Math.random()}`;
    await vault.storePassword(principalId, passwordSecretId, await passwords.hash(password));
    principals.get(principalId)!.passwordSecretId = passwordSecretId;
    kdfCalls.length = 0;
  }

  return {
    ...parts,
    clock,
    principals,
    tokens,
    kdfCalls,
    setPassword,
    authenticator: createAuthenticator(parts),
    async addUser(name: string, password?: string) {
      const principalId = `id-of-${name}`;
      principals.set(principalId, { principalId, kind: 'user', disabled: false, passwordSecretId: null });
      names.set(await nameHash(name), principalId);
      if (password !== undefined) await setPassword(principalId, password);
      return principalId;
    },
    async addToken(principalId: string, more: Partial<DirectoryToken> = {}) {
      const { tokenId, token, verifier } = mintToken(principalId);
      await vault.storeToken(tokenId, verifier);
      tokens.set(tokenId, { tokenId, principalId, limits: {}, expiresAt: null, revokedAt: null, ...more });
      return { tokenId, token };
    },
  };
}

export type World = ReturnType<typeof createWorld>;

export const basic = (name: string, password: string) =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
