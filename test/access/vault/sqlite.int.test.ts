import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteVault } from '../../../src/access/vault/sqlite.ts';
import type { Vault } from '../../../src/access/vault.ts';
import { isRefusal } from '../../../src/domain/errors.ts';
import { vaultContract } from '../../contracts/vault.ts';

vaultContract('SQLite', async now => {
  const folder = mkdtempSync(join(tmpdir(), 'vault-'));
  const vaults: Vault[] = [];
  const another = async () => {
    const vault = openSqliteVault(join(folder, 'vault.db'), now);
    vaults.push(vault);
    return vault;
  };
  return {
    vault: await another(),
    another,
    async dispose() {
      for (const vault of vaults) await vault.close();
      rmSync(folder, { recursive: true });
    },
  };
});

describe('the vault file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vault-'));
    path = join(folder, 'data', 'vault.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is readable by its owner only, with its companions', async () => {
    const vault = openSqliteVault(path);
    await vault.secret('a');
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    await vault.close();
    await vault.close();
  });

  it('keeps what was there when it is opened again', async () => {
    const first = openSqliteVault(path);
    const secret = await first.secret('a');
    await first.close();
    const again = openSqliteVault(path);
    expect(Buffer.from(await again.secret('a'))).toEqual(Buffer.from(secret));
    await again.close();
  });

  it('holds no byte of destroyed keys', async () => {
    const vault = openSqliteVault(path);
    const people = Array.from({ length: 60 }, (_, index) => `p${index}`);
    const made = await Promise.all(people.map(id => vault.createPersonKey(id)));
    // a part in the middle: what is freed in a page may keep its first bytes for the list of free blocks
    const needles = made.map(key => Buffer.from(key!).toString('base64url').slice(16, 36));
    const files = ['', '-wal'].map(suffix => path + suffix);
    const found = () => {
      const content = Buffer.concat(files.filter(existsSync).map(file => readFileSync(file)));
      return needles.filter(needle => content.includes(needle)).length;
    };
    expect(found()).toBe(60);
    for (const id of people.slice(0, 40)) await vault.destroyPersonKey(id);
    expect(found()).toBe(20);
    await vault.close();
  });

  it('gives processes that start at once the same secrets', async () => {
    const module = new URL('../../../src/access/vault/sqlite.ts', import.meta.url);
    const program = `
      const { openSqliteVault } = await import(${JSON.stringify(module.href)});
      const vault = openSqliteVault(${JSON.stringify(path)});
      process.stdout.write(Buffer.from(await vault.secret('race')).toString('hex'));
      await vault.close();`;
    const outputs = await Promise.all(
      [1, 2, 3].map(async () => {
        const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program];
        const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
        const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
        expect(code).toBe(0);
        return output;
      }),
    );
    expect(outputs[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(outputs).size).toBe(1);
  });

  it('says so readably when it is damaged or from a newer version', () => {
    const unavailable = (error: unknown) => isRefusal(error, 'STORAGE_UNAVAILABLE');
    const damaged = join(folder, 'damaged.db');
    writeFileSync(damaged, 'this is not a database, whatever its name says'.repeat(100));
    expect(() => openSqliteVault(damaged)).toThrow(expect.toSatisfy(unavailable));
    const newer = join(folder, 'newer.db');
    const db = new DatabaseSync(newer);
    db.exec('PRAGMA user_version=99');
    db.close();
    expect(() => openSqliteVault(newer)).toThrow(/newer Strongroom/);
  });
});
