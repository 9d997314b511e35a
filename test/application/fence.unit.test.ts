import { createLocalFence } from '../../src/application/fence.ts';
import { fenceContract } from '../contracts/fence.ts';

fenceContract('in one process', async () => {
  const fence = createLocalFence();
  return { fence, another: async () => fence, dispose: async () => {} };
});
