/** The contract of the vault (src/access/vault.ts), run over every adapter. An adapter's test is one call. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Vault, VaultEntry } from '../../src/access/vault.ts';
import { isRefusal } from '../../src/domain/errors.ts';

export interface VaultUnderTest {
  readonly vault: Vault;
  /** a second process on the same storage; closed by `dispose` */
  readonly another?: () => Promise<Vault>;
  dispose(): Promise<void>;
}

/** Registers the suite for one adapter; `make` gives a new, empty vault that reads its time from `now`. */
export function vaultContract(name: string, make: (now: () => Date) => Promise<VaultUnderTest>): void {
  describe(`vault: ${name}`, () => {
    let time: number;
    let under: VaultUnderTest;
    let vault: Vault;
    const second = async () => (under.another ? await under.another() : vault);
    beforeEach(async () => {
      time = Date.parse('2026-01-01T00:00:00Z');
      under = await make(() => new Date(time));
      vault = under.vault;
    });
    afterEach(() => under.dispose());

    describe('secrets', () => {
      it('are made at their first use and stay', async () => {
        const secret = await vault.secret('name-hash');
        expect(secret).toHaveLength(32);
        expect(Buffer.from(await vault.secret('name-hash'))).toEqual(Buffer.from(secret));
        expect(Buffer.from(await vault.secret('other'))).not.toEqual(Buffer.from(secret));
        expect(Buffer.from(await (await second()).secret('name-hash'))).toEqual(Buffer.from(secret));
      });

      it('are one and the same for all who ask first at once', async () => {
        const vaults = [vault, await second(), await second()];
        const asked = Array.from({ length: 24 }, (_, index) => vaults[index % 3]!.secret('race'));
        const seen = new Set((await Promise.all(asked)).map(secret => Buffer.from(secret).toString('hex')));
        expect(seen.size).toBe(1);
      });
    });

    describe('passwords', () => {
      it('are found by principal and secret id; a second verifier of one id is ignored', async () => {
        await vault.storePassword('p1', 's1', 'first');
        await vault.storePassword('p1', 's1', 'second');
        expect(await (await second()).passwordVerifier('p1', 's1')).toBe('first');
        expect(await vault.passwordVerifier('p1', 's2')).toBeUndefined();
        expect(await vault.passwordVerifier('p2', 's1')).toBeUndefined();
      });

      it('go when they were replaced, and only those of their principal', async () => {
        for (const secretId of ['s1', 's2', 's3']) await vault.storePassword('p1', secretId, secretId);
        await vault.storePassword('p10', 's1', 'other');
        await vault.storePassword('p', 's1', 'other');
        await vault.removePasswords('p1', 's2');
        const left = await Promise.all(['s1', 's2', 's3'].map(id => vault.passwordVerifier('p1', id)));
        expect(left).toEqual([undefined, 's2', undefined]);
        await vault.removePasswords('p1');
        expect(await vault.passwordVerifier('p1', 's2')).toBeUndefined();
        expect(await vault.passwordVerifier('p10', 's1')).toBe('other');
        expect(await vault.passwordVerifier('p', 's1')).toBe('other');
      });
    });

    describe('tokens', () => {
      const verifier = (principalId: string, digit: string) => ({ principalId, sha256: digit.repeat(64) });

      it('are stored, replaced for the same principal, and removed', async () => {
        await vault.storeToken('t1', verifier('p1', 'a'));
        await vault.storeToken('t1', verifier('p1', 'b'));
        expect(await (await second()).tokenVerifier('t1')).toEqual(verifier('p1', 'b'));
        await vault.removeToken('t1');
        await vault.removeToken('t1');
        expect(await vault.tokenVerifier('t1')).toBeUndefined();
      });

      it('are never taken over by another principal', async () => {
        await vault.storeToken('t1', verifier('p1', 'a'));
        const taken = vault.storeToken('t1', verifier('p2', 'b'));
        await expect(taken).rejects.toSatisfy(error => isRefusal(error, 'STATE_CONFLICT'));
        expect(await vault.tokenVerifier('t1')).toEqual(verifier('p1', 'a'));
      });
    });

    describe('keys of people', () => {
      it('are made at their first use, for each another', async () => {
        expect(await vault.personKey('p1')).toBeUndefined();
        const key = await vault.createPersonKey('p1');
        expect(key).toHaveLength(32);
        expect(Buffer.from((await (await second()).personKey('p1'))!)).toEqual(Buffer.from(key!));
        expect(Buffer.from((await vault.createPersonKey('p2'))!)).not.toEqual(Buffer.from(key!));
      });

      it('stay destroyed, also where there never was one', async () => {
        await vault.createPersonKey('p1');
        await vault.destroyPersonKey('p1');
        await vault.destroyPersonKey('p1');
        await vault.destroyPersonKey('p2');
        const other = await second();
        for (const id of ['p1', 'p2']) {
          expect(await other.personKey(id)).toBeUndefined();
          expect(await other.createPersonKey(id)).toBeUndefined();
        }
      });

      it('are not revived by whoever asks for the first time at the moment of destruction', async () => {
        const other = await second();
        await Promise.all([
          other.createPersonKey('p1'),
          vault.destroyPersonKey('p1'),
          other.createPersonKey('p1'),
        ]);
        expect(await other.createPersonKey('p1')).toBeUndefined();
      });
    });

    describe('commands', () => {
      const command = { key: 'c1', fingerprint: 'f1' };
      const reply = { status: 201, body: '{"text":"ü \\u0000"}' };
      const day = 86_400_000;

      it('are new, pending, then done with their reply', async () => {
        expect(await vault.claimCommand(command, time + day)).toEqual({ state: 'new' });
        expect(await (await second()).claimCommand(command, time + day)).toEqual({ state: 'pending' });
        await vault.completeCommand(command, reply, time + day);
        expect(await vault.claimCommand(command, time + day)).toEqual({ state: 'done', reply });
      });

      it('refuse another request under the same key, pending or done', async () => {
        const other = { key: 'c1', fingerprint: 'f2' };
        await vault.claimCommand(command, time + day);
        const reused = (error: unknown) => isRefusal(error, 'COMMAND_REUSED');
        await expect(vault.claimCommand(other, time + day)).rejects.toSatisfy(reused);
        await vault.completeCommand(command, reply, time + day);
        await expect(vault.claimCommand(other, time + day)).rejects.toSatisfy(reused);
      });

      it('are new to exactly one of many at once', async () => {
        const vaults = [vault, await second()];
        const claims = Array.from({ length: 12 }, (_, index) =>
          vaults[index % 2]!.claimCommand(command, time + day),
        );
        const states = (await Promise.all(claims)).map(claim => claim.state);
        expect(states.filter(state => state === 'new')).toHaveLength(1);
      });

      it('are forgotten when they expire', async () => {
        await vault.claimCommand(command, time + day);
        await vault.claimCommand({ key: 'c2', fingerprint: 'f1' }, time + 2 * day);
        await vault.secret('kept');
        time += day - 1;
        expect(await vault.purge()).toBe(0);
        time += 1;
        expect(await vault.claimCommand({ key: 'c1', fingerprint: 'f2' }, time + 1)).toEqual({
          state: 'new',
        });
        time += 1;
        expect(await vault.purge()).toBe(1);
        expect((await all(vault)).map(entry => entry.key)).toEqual(['c2', 'kept']);
      });
    });

    describe('export and import', () => {
      it('carry everything, in order, into another vault', async () => {
        await fill(vault);
        const exported = await all(vault);
        const places = exported.map(({ kind, key }) => `${kind} ${key}`);
        expect(places).toEqual([...places].sort());
        const copy = await make(() => new Date(time));
        try {
          expect(await copy.vault.import(vault.export())).toBe(exported.length);
          expect(await all(copy.vault)).toEqual(exported);
          expect(await copy.vault.passwordVerifier('p1', 's1')).toBe('verifier');
          expect(await copy.vault.createPersonKey('gone')).toBeUndefined();
        } finally {
          await copy.dispose();
        }
      });

      it('page through more entries than one page, also while they are removed', async () => {
        const many = Array.from({ length: 1201 }, (_, index) => ({
          kind: 'password' as const,
          key: `p1/${String(index).padStart(5, '0')}`,
          value: 'v',
        }));
        expect(await vault.import(many)).toBe(1201);
        expect(await all(vault)).toEqual(many);
        await vault.removePasswords('p1');
        expect(await all(vault)).toEqual([]);
      });

      it('bring no destroyed key back, and destroy here what was destroyed there', async () => {
        await vault.createPersonKey('p1');
        const before = await all(vault);
        await vault.destroyPersonKey('p1');
        const after = await all(vault);
        expect(await vault.import(before)).toBe(0);
        expect(await vault.createPersonKey('p1')).toBeUndefined();
        const copy = await make(() => new Date(time));
        try {
          await copy.vault.import(before);
          expect(await copy.vault.personKey('p1')).toBeDefined();
          await copy.vault.import(after);
          expect(await copy.vault.createPersonKey('p1')).toBeUndefined();
        } finally {
          await copy.dispose();
        }
      });

      it('use an imported secret from then on, also when another was in use', async () => {
        await vault.secret('name-hash');
        const value = Buffer.alloc(32, 7);
        await vault.import([{ kind: 'secret', key: 'name-hash', value: value.toString('base64url') }]);
        expect(Buffer.from(await vault.secret('name-hash'))).toEqual(value);
      });

      it('refuse an entry of unknown shape', async () => {
        const entry = { kind: 'other', key: 'k', value: 'v' } as unknown as VaultEntry;
        await expect(vault.import([entry])).rejects.toThrow();
        expect(await all(vault)).toEqual([]);
      });
    });
  });
}

async function all(vault: Vault): Promise<VaultEntry[]> {
  return Array.fromAsync(vault.export());
}

async function fill(vault: Vault): Promise<void> {
  await vault.secret('name-hash');
  await vault.storePassword('p1', 's1', 'verifier');
  await vault.storePassword('Ünï/😀', randomUUID(), 'verifier');
  await vault.storeToken('t1', { principalId: 'p1', sha256: 'c'.repeat(64) });
  await vault.createPersonKey('p1');
  await vault.createPersonKey('gone');
  await vault.destroyPersonKey('gone');
  await vault.claimCommand({ key: 'c1', fingerprint: 'f' }, Date.parse('2027-01-01T00:00:00Z'));
}
