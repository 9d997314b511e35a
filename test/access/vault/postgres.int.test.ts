import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPostgresVault } from '../../../src/access/vault/postgres.ts';
import type { Vault } from '../../../src/access/vault.ts';
import { isRefusal } from '../../../src/domain/errors.ts';
import { vaultContract } from '../../contracts/vault.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { describeWith } from '../../support/services.ts';

describeWith(['postgres'], 'the vault in PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = (await startPostgres())!;
  });
  afterAll(() => server?.stop());

  vaultContract('PostgreSQL', async now => {
    const url = await server.database();
    const vaults: Vault[] = [];
    const another = async () => {
      const vault = await openPostgresVault({ url, now });
      vaults.push(vault);
      return vault;
    };
    return {
      vault: await another(),
      another,
      async dispose() {
        for (const vault of vaults) await vault.close();
      },
    };
  });

  const query = async (url: string, sql: string) => {
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query(sql);
    await client.end();
    return rows;
  };

  it('makes its schema once when servers start at once, for nobody else', async () => {
    const url = await server.database();
    const vaults = await Promise.all([1, 2, 3, 4].map(() => openPostgresVault({ url })));
    const secrets = await Promise.all(vaults.map(vault => vault.secret('race')));
    expect(new Set(secrets.map(secret => Buffer.from(secret).toString('hex'))).size).toBe(1);
    for (const vault of vaults) await vault.close();
    expect(await query(url, 'SELECT version FROM strongroom_vault.migrations')).toEqual([{ version: 1 }]);
    const access = `SELECT has_schema_privilege('public', 'strongroom_vault', 'USAGE') AS allowed`;
    expect(await query(url, access)).toEqual([{ allowed: false }]);
  });

  it('refuses a schema of a newer version', async () => {
    const url = await server.database();
    await (await openPostgresVault({ url })).close();
    await query(url, 'INSERT INTO strongroom_vault.migrations VALUES (99)');
    await expect(openPostgresVault({ url })).rejects.toThrow(/newer Strongroom/);
  });

  it('outlives its connections being cut', async () => {
    const url = await server.database();
    const vault = await openPostgresVault({ url });
    await vault.storePassword('p1', 's1', 'verifier');
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'strongroom vault'
      AND datname = current_database()`;
    await query(url, cut);
    // the first query may still meet the broken connection
    await vault.passwordVerifier('p1', 's1').catch(() => {});
    expect(await vault.passwordVerifier('p1', 's1')).toBe('verifier');
    await vault.close();
  });

  it('says so when there is no server, without the URL', async () => {
    const opening = openPostgresVault({ url: 'postgres://user:hunter2@127.0.0.1:1/none' });
    await expect(opening).rejects.toSatisfy(
      error => isRefusal(error, 'STORAGE_UNAVAILABLE') && !JSON.stringify(error).includes('hunter2'),
    );
  });
});
