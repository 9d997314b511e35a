import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createPersonKeys, createSealing, type PersonKeys, sealedFor } from '../../src/access/sealing.ts';
import { createMemoryVault } from '../../src/access/vault/memory.ts';
import type { Vault } from '../../src/access/vault.ts';
import { isRefusal } from '../../src/domain/errors.ts';
import { sealed } from '../../src/domain/values/schemas.ts';

let vault: Vault;
let keys: PersonKeys;
let time: number;
const now = () => new Date(time);
beforeEach(() => {
  time = Date.parse('2026-01-01T00:00:00Z');
  vault = createMemoryVault(now);
  keys = createPersonKeys(vault, { now, ttlMs: 1000 });
});

const damaged = expect.toSatisfy(error => isRefusal(error, 'INTERNAL'));

describe('sealed text', () => {
  it('opens again, whatever it is and whoever it belongs to', async () => {
    const sealing = createSealing(keys);
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.string({ minLength: 1 }),
        async (text, id) => {
          const box = await sealing.seal(id, text);
          expect(sealedFor(box)).toBe(id);
          expect(await sealing.unseal(box)).toBe(text);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('never looks the same twice and fits into an event', async () => {
    const sealing = createSealing(keys);
    expect(await sealing.seal('p1', 'text')).not.toBe(await sealing.seal('p1', 'text'));
    const longest = await sealing.seal('p'.repeat(64), 'x'.repeat(12 * 1024));
    expect(sealed.safeParse(longest).success).toBe(true);
    const longer = sealing.seal('p1', 'x'.repeat(12 * 1024 + 1));
    await expect(longer).rejects.toSatisfy(error => isRefusal(error, 'CONTENT_TOO_LARGE'));
  });

  it('is refused when a bit was changed or its person was', async () => {
    const sealing = createSealing(keys);
    const box = await sealing.seal('p1', 'text');
    await sealing.seal('p2', 'text');
    const [version, person, content] = box.split('.') as [string, string, string];
    const bytes = Buffer.from(content, 'base64url');
    for (const index of [0, 12, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[index]! ^= 1;
      await expect(sealing.unseal(`${version}.${person}.${changed.toString('base64url')}`)).rejects.toEqual(
        damaged,
      );
    }
    const other = Buffer.from('p2').toString('base64url');
    await expect(sealing.unseal(`${version}.${other}.${content}`)).rejects.toEqual(damaged);
  });

  it.each(['', 'text', 'sr1.cDE.', 'sr1..AAAA', 'sr2.cDE.AAAA', 'sr1.cDE.AAAA', 'sr1.cDE.AAAA.AAAA'])(
    'is not %j',
    async text => {
      await keys.keyFor('p1');
      await expect(createSealing(keys).unseal(text)).rejects.toEqual(damaged);
    },
  );
});

describe('forgetting a person', () => {
  it('erases what was sealed and lets nothing new be sealed', async () => {
    const sealing = createSealing(keys);
    const box = await sealing.seal('p1', 'text');
    const others = await sealing.seal('p2', 'text');
    await keys.forget('p1');
    expect(await sealing.unseal(box)).toBeUndefined();
    expect(await sealing.unseal(others)).toBe('text');
    await expect(sealing.seal('p1', 'x')).rejects.toSatisfy(error => isRefusal(error, 'PRINCIPAL_UNKNOWN'));
    expect(await keys.keyFor('p1')).toBeUndefined();
  });

  it('reaches other processes when their cached key ends', async () => {
    const elsewhere = createSealing(createPersonKeys(vault, { now, ttlMs: 1000 }));
    const box = await elsewhere.seal('p1', 'text');
    await keys.forget('p1');
    time += 1000;
    expect(await elsewhere.unseal(box)).toBeUndefined();
  });

  it('is not undone by a key that was being loaded meanwhile', async () => {
    const key = await vault.createPersonKey('p1');
    const { promise: loaded, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    const slow = createPersonKeys({ ...vault, createPersonKey: () => loaded }, { now });
    const loading = slow.keyFor('p1');
    await slow.forget('p1');
    resolve(key);
    await loading;
    expect(await slow.existingKey('p1')).toBeUndefined();
  });

  it('of somebody unknown makes no key by reading', async () => {
    expect(await keys.existingKey('nobody')).toBeUndefined();
    expect(await Array.fromAsync(vault.export())).toEqual([]);
  });
});

describe('keys in memory', () => {
  it('are asked for once, and no more than so many are kept', async () => {
    const personKey = vi.fn(vault.createPersonKey);
    const few = createPersonKeys({ ...vault, createPersonKey: personKey }, { now, capacity: 2 });
    await few.keyFor('p1');
    await few.keyFor('p1');
    expect(personKey).toHaveBeenCalledTimes(1);
    await few.keyFor('p2');
    await few.keyFor('p3');
    await few.keyFor('p1');
    expect(personKey).toHaveBeenCalledTimes(4);
  });
});
