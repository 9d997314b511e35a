import { expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/errors.ts';
import { createMemoryEvidence } from '../../src/evidence/memory.ts';
import type { EvidenceRow } from '../../src/evidence/rows.ts';
import { seal, unseal } from '../../src/evidence/seal.ts';
import { createEvidence } from '../../src/evidence/store.ts';
import { evidenceContract } from '../contracts/evidence.ts';

evidenceContract('memory', async keys => ({ store: createMemoryEvidence(keys), dispose: async () => {} }));

const key = Buffer.alloc(32, 1);

it('unseals only with the right key, under the right digest, and unchanged', () => {
  const sealed = seal(Buffer.from('secret'), key, 'sha256:a');
  expect(unseal(sealed, key, 'sha256:a').toString()).toBe('secret');
  const broken = [
    () => unseal(sealed, Buffer.alloc(32, 2), 'sha256:a'),
    () => unseal(sealed, key, 'sha256:b'),
    ...[0, 5, 20, sealed.length - 1].map(at => () => {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      return unseal(changed, key, 'sha256:a');
    }),
  ];
  for (const attempt of broken) {
    expect(attempt).toThrowError(
      expect.toSatisfy((error: unknown) => isRefusal(error, 'STORAGE_UNAVAILABLE')),
    );
  }
});

it('never seals the same way twice', () => {
  const once = seal(Buffer.from('secret'), key, 'd');
  expect(seal(Buffer.from('secret'), key, 'd').equals(once)).toBe(false);
});

it('refuses damaged bytes, and owners without keys', async () => {
  const rows: EvidenceRow[] = [];
  const store = createEvidence({
    put: async row => void rows.push(row),
    copies: async () => rows,
    digests: async () => [],
    remove: async () => {},
  });
  const digest = await store.put(Buffer.from('good'));
  rows[0]!.body[0]! ^= 1;
  await expect(store.get(digest)).rejects.toSatisfy(error => isRefusal(error, 'STORAGE_UNAVAILABLE'));
  await expect(store.put(Buffer.from('x'), { owner: 'alice' })).rejects.toSatisfy(error =>
    isRefusal(error, 'STORAGE_UNAVAILABLE'),
  );
});
