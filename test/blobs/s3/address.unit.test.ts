import { describe, expect, it } from 'vitest';
import { parseS3Address } from '../../../src/blobs/s3/address.ts';

describe('the address of a bucket', () => {
  it('needs a bucket', () => {
    expect(parseS3Address('s3://artifacts')).toEqual({
      bucket: 'artifacts',
      prefix: '',
      region: undefined,
      endpoint: undefined,
      pathStyle: false,
    });
  });

  it('takes a prefix, with or without its last /', () => {
    for (const text of ['s3://artifacts/team/strongroom', 's3://artifacts/team/strongroom/'])
      expect(parseS3Address(text)).toMatchObject({ bucket: 'artifacts', prefix: 'team/strongroom/' });
    expect(parseS3Address('s3://artifacts/')).toMatchObject({ prefix: '' });
  });

  it('takes a server of its own, whose buckets are in the path unless told', () => {
    const at = 's3://artifacts?region=eu-west-1&endpoint=http://minio:9000';
    expect(parseS3Address(at)).toMatchObject({
      region: 'eu-west-1',
      endpoint: 'http://minio:9000',
      pathStyle: true,
    });
    expect(parseS3Address(`${at}&pathStyle=false`)).toMatchObject({ pathStyle: false });
    expect(parseS3Address('s3://artifacts?pathStyle=true')).toMatchObject({ pathStyle: true });
  });

  it.each([
    ['', /looks like/],
    ['bucket', /looks like/],
    ['https://bucket', /looks like/],
    ['s3://', /bucket/],
    ['s3://Bucket', /bucket/],
    ['s3://bucket:9000', /bucket/],
    ['s3://b', /bucket/],
    ['s3://key:hunter2@bucket', /AWS_/],
    ['s3://bucket/a//b', /prefix/],
    ['s3://bucket/ä', /prefix/],
    ['s3://bucket/a b', /prefix/],
    ['s3://bucket/.hidden', /prefix/],
    [`s3://bucket/${'x'.repeat(600)}`, /prefix/],
    ['s3://bucket?endpoint=minio:9000', /endpoint/],
    ['s3://bucket?endpoint=http://key:hunter2@minio', /endpoint/],
    ['s3://bucket?pathStyle=yes', /pathStyle/],
    ['s3://bucket?secret=hunter2', /not secret/],
  ])('refuses %s', (text, reason) => {
    expect(() => parseS3Address(text)).toThrow(reason);
    expect(() => parseS3Address(text)).not.toThrow(/hunter2/);
  });
});
