import { createMemoryVaultStore } from '../../../src/access/vault/memory.ts';
import { createVault } from '../../../src/access/vault.ts';
import { vaultContract } from '../../contracts/vault.ts';

vaultContract('memory', async now => {
  const store = createMemoryVaultStore();
  return {
    vault: createVault(store, now),
    another: async () => createVault(store, now),
    dispose: async () => {},
  };
});
