/** The contract of the evidence store port (src/evidence/port.ts), run over every adapter. */
import { hash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/errors.ts';
import { memoryKeys } from '../../src/evidence/memory.ts';
import type { EvidenceDigest, EvidenceStore } from '../../src/evidence/port.ts';
import type { PersonKeys } from '../../src/evidence/seal.ts';

export interface EvidenceUnderTest {
  readonly store: EvidenceStore;
  /** closes the store handed out last and opens the same storage again */
  readonly reopen?: () => Promise<EvidenceStore>;
  /** every byte the storage holds, to look for what must not be in it */
  readonly rawBytes?: () => Promise<Buffer>;
  dispose(): Promise<void>;
}

const text = (value: string) => Buffer.from(value);
const digestOf = (bytes: Uint8Array) => `sha256:${hash('sha256', bytes)}`;

async function textOf(store: EvidenceStore, digest: EvidenceDigest): Promise<string> {
  const bytes = await store.get(digest);
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString() : `${bytes}`;
}

/** Registers the suite for one adapter; `make` gives a new, empty store over these keys for each test. */
export function evidenceContract(name: string, make: (keys: PersonKeys) => Promise<EvidenceUnderTest>): void {
  describe(`evidence contract: ${name}`, () => {
    let keys: ReturnType<typeof memoryKeys>;
    let under: EvidenceUnderTest;
    beforeEach(async () => {
      keys = memoryKeys();
      under = await make(keys);
    });
    afterEach(() => under.dispose());

    it('gives back what was put, by the digest of the plain bytes', async () => {
      const { store } = under;
      for (const bytes of [text('{"a":1}'), Buffer.alloc(0), randomBytes(300_000)]) {
        const digest = await store.put(bytes);
        expect(digest).toBe(digestOf(bytes));
        expect(Buffer.from((await store.get(digest)) as Uint8Array).equals(bytes)).toBe(true);
      }
    });

    it('does not know what was never put', async () => {
      expect(await under.store.get(digestOf(text('never')))).toBeUndefined();
    });

    it('takes the same bytes again without a second copy', async () => {
      const { store } = under;
      const puts = await Promise.all(Array.from({ length: 5 }, () => store.put(text('same'))));
      expect(new Set(puts)).toEqual(new Set([digestOf(text('same'))]));
      expect(await store.list()).toEqual([puts[0]]);
    });

    it('is not affected by changes to the buffer after the call', async () => {
      const buffer = text('before');
      const put = under.store.put(buffer);
      buffer.fill('x');
      expect(await textOf(under.store, await put)).toBe('before');
    });

    it('lists digests in order, in pages', async () => {
      const { store } = under;
      const digests = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(value => store.put(text(value))));
      const sorted = [...digests].sort();
      expect(await store.list()).toEqual(sorted);
      expect(await store.list({ limit: 2 })).toEqual(sorted.slice(0, 2));
      expect(await store.list({ after: sorted[1]!, limit: 2 })).toEqual(sorted.slice(2, 4));
      expect(await store.list({ after: sorted[4]! })).toEqual([]);
    });

    it('erases what a person owns when their key is destroyed', async () => {
      const { store } = under;
      const secret = await store.put(text('alice was here'), { owner: 'alice' });
      const other = await store.put(text('bob was here'), { owner: 'bob' });
      expect(secret).toBe(digestOf(text('alice was here')));
      expect(await textOf(store, secret)).toBe('alice was here');
      keys.destroy('alice');
      expect(await store.get(secret)).toBe('erased');
      expect(await textOf(store, other)).toBe('bob was here');
      expect(await store.list()).toEqual([secret, other].sort());
      await expect(store.put(text('more'), { owner: 'alice' })).rejects.toSatisfy(error =>
        isRefusal(error, 'STATE_CONFLICT'),
      );
    });

    it('keeps the same bytes of several owners until the last is forgotten', async () => {
      const { store } = under;
      const digest = await store.put(text('shared'), { owner: 'alice' });
      await store.put(text('shared'), { owner: 'bob' });
      keys.destroy('alice');
      expect(await textOf(store, digest)).toBe('shared');
      keys.destroy('bob');
      expect(await store.get(digest)).toBe('erased');
      await store.put(text('shared'));
      expect(await textOf(store, digest)).toBe('shared');
    });

    it('holds no readable bytes of an owner', async ctx => {
      const { store, rawBytes } = under;
      const digest = await store.put(text('the secret of alice'), { owner: 'alice' });
      const plain = await store.put(text('public knowledge'));
      expect(await store.list()).toEqual([digest, plain].sort());
      if (!rawBytes) return void ctx.annotate('this storage has no bytes to look at');
      const raw = await rawBytes();
      expect(raw.includes('public knowledge')).toBe(true);
      expect(raw.includes('the secret of alice')).toBe(false);
    });

    it('removes what expires, and only that', async () => {
      const { store, reopen } = under;
      const [one, two, stays] = await Promise.all(['one', 'two', 'stays'].map(each => store.put(text(each))));
      const shared = await store.put(text('shared'));
      await store.put(text('shared'), { owner: 'alice' });
      await store.remove([one!, two!, shared, digestOf(text('never'))]);
      await store.remove([one!]);
      await store.remove([]);
      const after = reopen ? await reopen() : store;
      expect(await after.get(one!)).toBeUndefined();
      expect(await textOf(after, stays!)).toBe('stays');
      expect(await textOf(after, shared)).toBe('shared');
      expect(await after.list()).toEqual([stays!, shared].sort());
      await after.put(text('one'));
      expect(await textOf(after, one!)).toBe('one');
    });

    it('keeps everything when it is opened again', async ctx => {
      const { store, reopen } = under;
      if (!reopen) return void ctx.annotate('this storage lives in memory');
      const plain = await store.put(text('plain'));
      const owned = await store.put(text('owned'), { owner: 'alice' });
      const again = await reopen();
      expect(await textOf(again, plain)).toBe('plain');
      expect(await textOf(again, owned)).toBe('owned');
    });
  });
}
