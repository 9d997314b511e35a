import { expect, it } from 'vitest';
import { memoryBlobs } from '../../src/blobs/memory.ts';
import { blobContract, text } from '../contracts/blobs.ts';

blobContract('memory', async () => {
  const store = memoryBlobs();
  return { store, reopen: async () => store, dispose: () => store.close() };
});

it('takes its time from the caller', async () => {
  let now = 1_000;
  const store = memoryBlobs(() => now);
  const { digest } = await store.put(text('aging'));
  const upload = await store.openUpload({});
  now = 2_000;
  expect(await store.expireUploads(1_000)).toEqual([]);
  expect(await store.expireUploads(1_001)).toEqual([upload.id]);
  await store.put(text('aging'));
  expect(await store.stat(digest)).toMatchObject({ createdAt: 2_000 });
});
