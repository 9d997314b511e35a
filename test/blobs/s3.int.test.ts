import { afterAll, beforeAll } from 'vitest';
import { openS3Blobs } from '../../src/blobs/s3.ts';
import { blobContract } from '../contracts/blobs.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { describeWith } from '../support/services.ts';

describeWith(['s3'], 'blobs in S3', () => {
  let s3: TestS3;
  beforeAll(async () => {
    s3 = await startS3();
  });
  afterAll(() => s3?.stop());

  blobContract('S3', async () => {
    const url = s3.place();
    let current = await openS3Blobs({ url });
    return {
      store: current,
      async reopen() {
        await current.close();
        current = await openS3Blobs({ url });
        return current;
      },
      dispose: () => current.close(),
    };
  });
});
