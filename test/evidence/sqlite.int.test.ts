import { hash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteLog } from '../../src/eventlog/sqlite/log.ts';
import type { EvidenceRows } from '../../src/evidence/rows.ts';
import { createSqliteEvidence } from '../../src/evidence/sqlite.ts';
import { evidenceContract } from '../contracts/evidence.ts';

evidenceContract('SQLite', async keys => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-evidence-'));
  const path = join(folder, 'events.db');
  let log = await openSqliteLog({ path });
  return {
    store: createSqliteEvidence(log, keys),
    async reopen() {
      await log.close();
      log = await openSqliteLog({ path });
      return createSqliteEvidence(log, keys);
    },
    async rawBytes() {
      await log.close();
      const files = await readdir(folder);
      return Buffer.concat(await Promise.all(files.map(file => readFile(join(folder, file)))));
    },
    async dispose() {
      await log.close();
      await rm(folder, { recursive: true });
    },
  };
});

describe('evidence that is known to be durable', () => {
  const bytes = Buffer.from('the same result');
  /** Rows of which the puts wait until they are let go. */
  const slowRows = () => {
    const written: string[] = [];
    const waiting: (() => void)[] = [];
    const rows: EvidenceRows = {
      put: row =>
        new Promise(resolve => {
          written.push(row.digest);
          waiting.push(resolve);
        }),
      remove: async () => undefined,
      copies: async () => [],
      digests: async () => [],
    };
    const letGo = () => {
      for (const resolve of waiting.splice(0)) resolve();
    };
    return { store: createSqliteEvidence({ evidence: rows }), written, letGo };
  };

  it('is not written again, and not taken for durable before it is', async () => {
    const { store, written, letGo } = slowRows();
    const puts = [store.put(bytes), store.put(bytes)];
    await new Promise(setImmediate);
    expect(written).toHaveLength(2);
    letGo();
    await Promise.all(puts);
    await store.put(bytes);
    expect(written).toHaveLength(2);
  });

  it.each(['after', 'while'])('is written again when it was removed %s it was written', async when => {
    const { store, written, letGo } = slowRows();
    const first = store.put(bytes);
    await new Promise(setImmediate);
    if (when === 'while') await store.remove([`sha256:${hash('sha256', bytes)}`]);
    letGo();
    const digest = await first;
    if (when === 'after') await store.remove([digest]);
    void store.put(bytes);
    await new Promise(setImmediate);
    expect(written).toHaveLength(2);
  });
});
